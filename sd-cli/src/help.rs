//! Help and manual texts that are not about one option: environment, files, exit codes.
//!
//! The examples of a command are its `before_help`, which the template prints before the options.

use std::fmt::Write;

use crate::exit::Exit;

/// Examples come first: most readers need one of them and not the reference.
pub(crate) const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

/// The end of the help of each command.
pub(crate) const GLOBAL_OPTIONS: &str = "\
Global options, described in `sd --help`:
  --url, --user, --password-file, --server, --format, --json";

/// The variables that `sd` reads, and their effect.
pub const ENVIRONMENT: [(&str, &str); 10] = [
    (
        "SD_URL",
        "Address of the daemon. Defaults to http://127.0.0.1:8080.",
    ),
    ("SD_USER", "User to log in as. Defaults to admin."),
    (
        "SD_PASSWORD",
        "Password of the user. There is no option for it, because other users can see command lines.",
    ),
    (
        "SD_PASSWORD_FILE",
        "File that contains the password. Ignored if SD_PASSWORD is set.",
    ),
    ("SD_SERVER", "Name of a server in config.toml."),
    ("SD_FORMAT", "Output format: table, json or jsonl."),
    (
        "SD_CHECK_IN_URL",
        "Address that sd check-in reports to before it tries the default gateway. The daemon sets it in \
         the containers that it creates.",
    ),
    (
        "SD_CHECK_IN_TOKEN",
        "Token with which sd check-in identifies its container. The daemon sets it in containers that \
         cannot be identified by their address.",
    ),
    ("NO_COLOR", "Disables colors if it is not empty."),
    (
        "XDG_CONFIG_HOME",
        "Config directory of the user. Defaults to ~/.config.",
    ),
];

/// The config file of `sd`.
pub const CONFIG_FILE: &str = "~/.config/spin-docker/config.toml";

/// The content of the config file, for the manual.
pub const CONFIG_FILE_TEXT: &str = "\
Settings, in TOML: url, user, password or password_file, format, and any number of [servers.NAME] \
tables with url, user, password or password_file. Select one of those with --server NAME. An unknown \
key is an error. User and password are sent only to the url in the same table. Only its owner should \
be able to read the file.";

/// An example of the config file, for the manual.
pub const CONFIG_FILE_EXAMPLE: &str = "\
url = \"http://127.0.0.1:8080\"
password_file = \"password\"

[servers.lab]
url = \"https://lab.example.org\"
user = \"admin\"
password_file = \"lab.password\"";

/// The exit code after several failures.
pub const WORST: &str = "If several containers are given, the most severe failure determines the exit code, in the order \
     3, 5, 1, 4.";

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
