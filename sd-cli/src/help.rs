//! What help and manual pages say besides the options: environment, files, exit codes.
//!
//! Written once, here. The examples stand with each command's definition as its `before_help`,
//! which the template shows ahead of the options.

use std::fmt::Write;

use crate::exit::Exit;

/// Examples come first: most people look for one and not for the reference.
pub(crate) const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

/// The variables that `sd` reads, and what they set.
pub const ENVIRONMENT: [(&str, &str); 10] = [
    (
        "SD_URL",
        "Address of the daemon; http://127.0.0.1:8080 when it is not set.",
    ),
    ("SD_USER", "User of the daemon; admin when it is not set."),
    (
        "SD_PASSWORD",
        "Password of the user. There is no option for it, because other users can see command lines.",
    ),
    (
        "SD_PASSWORD_FILE",
        "File that holds the password, when SD_PASSWORD is not set.",
    ),
    ("SD_SERVER", "A server named in config.toml."),
    ("SD_FORMAT", "table, json or jsonl."),
    (
        "SD_CHECK_IN_URL",
        "Where sd check-in reports to, before it tries the default gateway. The daemon sets it in \
         containers that it creates.",
    ),
    (
        "SD_CHECK_IN_TOKEN",
        "What sd check-in proves with which container it is, where its address does not tell. The daemon \
         sets it as well.",
    ),
    ("NO_COLOR", "Turns colours off when it is not empty."),
    (
        "XDG_CONFIG_HOME",
        "The user's config directory; ~/.config when it is not set.",
    ),
];

/// The file that `sd` reads, and what may stand in it.
pub const CONFIG_FILE: &str = "~/.config/spin-docker/config.toml";

/// What may stand in the file.
pub const CONFIG_FILE_TEXT: &str = "\
Settings, in TOML: url, user, password or password_file, format, and any number of [servers.NAME] \
with url, user, password or password_file, to be chosen with --server NAME. An unknown key is an \
error. User and password are only sent to the url beside them. The file should be readable by its \
owner only.";

/// An example of the file, for the manual.
pub const CONFIG_FILE_EXAMPLE: &str = "\
url = \"http://127.0.0.1:8080\"
password_file = \"password\"

[servers.lab]
url = \"https://lab.example.org\"
user = \"admin\"
password_file = \"lab.password\"";

/// Which of several exit codes is used.
pub const WORST: &str = "With several references the worst failure decides, in the order 3, 5, 1, 4: what concerns all \
     of them before what concerns one.";

/// The end of `sd --help`.
pub(crate) fn ending() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<5}{}", exit.code(), exit.meaning());
    }
    text.push_str("\nEnvironment:\n  ");
    let names: Vec<&str> = ENVIRONMENT.iter().map(|(name, _)| *name).collect();
    text.push_str(&names.join(", "));
    let _ = write!(text, "\n\nFiles:\n  {CONFIG_FILE}");
    text
}
