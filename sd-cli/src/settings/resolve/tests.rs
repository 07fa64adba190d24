use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::*;

const LAB: &str = "https://lab.example.org";

fn flags() -> GlobalArgs {
    GlobalArgs::default()
}

fn environment() -> Environment {
    Environment::default()
}

fn file(text: &str) -> ConfigFile {
    ConfigFile::parse(text).unwrap()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "shorthand that keeps the tables readable"
)]
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn text(password: &str) -> PasswordSource {
    PasswordSource::Text(password.into())
}

/// Secrets cannot be compared.
#[track_caller]
fn assert_same(actual: &PasswordSource, expected: &PasswordSource) {
    let revealed = |source: &PasswordSource| match source {
        PasswordSource::Text(text) => format!("text {}", text.expose_secret()),
        PasswordSource::File(path) => format!("file {}", path.display()),
        PasswordSource::Default => "default".to_owned(),
    };
    assert_eq!(revealed(actual), revealed(expected));
}

#[test]
fn local_daemon_with_defaults_needs_no_settings() {
    let settings = resolve(&flags(), &environment(), &file("")).unwrap();
    assert_eq!(settings.url, "http://127.0.0.1:8080");
    assert_eq!(settings.user, "admin");
    assert_eq!(settings.format, Format::Table);
    assert_same(&settings.password, &PasswordSource::Default);
}

#[test]
fn url_precedence_is_flag_environment_file_default() {
    let in_file = "url = 'http://file'";
    for (flag, variable, content, url) in [
        (
            some("http://flag"),
            some("http://environment"),
            in_file,
            "http://flag",
        ),
        (None, some("http://environment"), in_file, "http://environment"),
        (None, None, in_file, "http://file"),
        (None, None, "", DEFAULT_URL),
    ] {
        let flags = GlobalArgs { url: flag, ..flags() };
        let environment = Environment {
            url: variable,
            ..environment()
        };
        let settings = resolve(&flags, &environment, &file(content)).unwrap();
        assert_eq!(settings.url, url);
    }
}

#[test]
fn user_has_the_same_precedence() {
    let in_file = "user = 'file'";
    for (flag, variable, content, user) in [
        (some("flag"), some("environment"), in_file, "flag"),
        (None, some("environment"), in_file, "environment"),
        (None, None, in_file, "file"),
        (None, None, "", DEFAULT_USER),
    ] {
        let flags = GlobalArgs {
            user: flag,
            ..flags()
        };
        let environment = Environment {
            user: variable,
            ..environment()
        };
        let settings = resolve(&flags, &environment, &file(content)).unwrap();
        assert_eq!(settings.user, user);
    }
}

#[test]
fn password_has_the_same_precedence_and_text_precedes_file() {
    let path = |name: &str| Some(PathBuf::from(name));
    let in_file = "password = 'from file'";
    for (flag, variable, variable_file, content, password) in [
        (
            path("flag"),
            some("secret"),
            path("variable"),
            in_file,
            PasswordSource::File("flag".into()),
        ),
        (None, some("secret"), path("variable"), in_file, text("secret")),
        (
            None,
            None,
            path("variable"),
            in_file,
            PasswordSource::File("variable".into()),
        ),
        (None, None, None, in_file, text("from file")),
        (
            None,
            None,
            None,
            "password_file = '/p'",
            PasswordSource::File("/p".into()),
        ),
        (None, None, None, "", PasswordSource::Default),
    ] {
        let flags = GlobalArgs {
            password_file: flag,
            ..flags()
        };
        let environment = Environment {
            password: variable.map(Into::into),
            password_file: variable_file,
            ..environment()
        };
        let settings = resolve(&flags, &environment, &file(content)).unwrap();
        assert_same(&settings.password, &password);
    }
}

#[test]
fn format_has_the_same_precedence() {
    let in_file = "format = 'jsonl'";
    for (json, flag, variable, content, format) in [
        (true, None, some("table"), in_file, Format::Json),
        (false, Some(Format::Jsonl), some("table"), in_file, Format::Jsonl),
        (false, None, some("table"), in_file, Format::Table),
        (false, None, None, in_file, Format::Jsonl),
        (false, None, None, "", Format::Table),
    ] {
        let flags = GlobalArgs {
            json,
            format: flag,
            ..flags()
        };
        let environment = Environment {
            format: variable,
            ..environment()
        };
        let settings = resolve(&flags, &environment, &file(content)).unwrap();
        assert_eq!(settings.format, format);
    }
}

#[test]
fn invalid_format_in_the_environment_is_an_error() {
    let environment = Environment {
        format: some("yaml"),
        ..environment()
    };
    let error = resolve(&flags(), &environment, &file("")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid SD_FORMAT \"yaml\"; use table, json or jsonl"
    );
}

const SERVERS: &str = "
    user = 'local'
    password = 'local secret'
    [servers.lab]
    url = 'https://lab.example.org'
    user = 'lab'
    password = 'lab secret'
";

#[test]
fn named_server_has_its_own_user_and_password() {
    let by_flag = GlobalArgs {
        server: some("lab"),
        ..flags()
    };
    let by_variable = Environment {
        server: some("lab"),
        ..environment()
    };
    for (flags, environment) in [(by_flag, environment()), (flags(), by_variable)] {
        let settings = resolve(&flags, &environment, &file(SERVERS)).unwrap();
        assert_eq!((settings.url.as_str(), settings.user.as_str()), (LAB, "lab"));
        assert_same(&settings.password, &text("lab secret"));
    }
}

#[test]
fn server_flag_precedes_the_environment() {
    let flags = GlobalArgs {
        server: some("lab"),
        ..flags()
    };
    let environment = Environment {
        url: some("http://elsewhere"),
        password: Some("for elsewhere".into()),
        server: some("unknown"),
        ..environment()
    };
    let settings = resolve(&flags, &environment, &file(SERVERS)).unwrap();
    assert_eq!(settings.url, LAB);
    assert_same(&settings.password, &text("lab secret"));
}

#[test]
fn file_credentials_are_sent_only_to_the_url_beside_them() {
    for (url, password) in [
        ("http://127.0.0.1:8080/", text("local secret")),
        ("http://127.0.0.1:8081", PasswordSource::Default),
        ("http://elsewhere:8080", PasswordSource::Default),
        ("not an address", PasswordSource::Default),
    ] {
        let flags = GlobalArgs {
            url: some(url),
            ..flags()
        };
        let settings = resolve(&flags, &environment(), &file(SERVERS)).unwrap();
        assert_same(&settings.password, &password);
    }
}

#[test]
fn unknown_server_error_lists_the_known_servers() {
    let flags = GlobalArgs {
        server: some("lav"),
        ..flags()
    };
    let error = resolve(&flags, &environment(), &file(SERVERS)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no server \"lav\" in config.toml; it defines lab"
    );
}

#[test]
fn default_password_is_sent_only_to_loopback() {
    for (url, is_sent) in [
        ("http://127.0.0.1:8080", true),
        ("http://localhost:8080", true),
        ("http://[::1]:8080", true),
        ("http://192.0.2.1:8080", false),
        ("http://localhost.example.org", false),
        ("http://127.0.0.1.example.org", false),
    ] {
        let flags = GlobalArgs {
            url: some(url),
            ..flags()
        };
        let settings = resolve(&flags, &environment(), &file("")).unwrap();
        assert_eq!(settings.connect().is_ok(), is_sent, "{url}");
    }
}

#[test]
fn config_file_error_names_the_key() {
    for (content, message) in [
        ("ulr = 'x'", "line 1: unknown field `ulr`"),
        (
            "url = 'http://x'\n[servers.lab]\nurl = 'http://y'\npasword = 'z'",
            "line 4: unknown field `pasword`",
        ),
        ("[servers.lab]\nuser = 'x'", "servers.lab has no url"),
        (
            "password = 'x'\npassword_file = 'y'",
            "the file has both password and password_file",
        ),
        ("\nformat = 'yaml'", "line 2: unknown variant `yaml`"),
    ] {
        let error = ConfigFile::parse(content).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn debug_output_contains_no_secret() {
    let settings = resolve(&flags(), &environment(), &file(SERVERS)).unwrap();
    assert!(!format!("{settings:?} {:?}", file(SERVERS)).contains("secret"));
}

fn write(path: &Path, content: &str, mode: u32) {
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn readable_file_with_a_password_causes_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for (content, mode, warns) in [
        ("password = 'x'", 0o644, true),
        ("password = 'x'", 0o640, true),
        ("password = 'x'", 0o600, false),
        ("password_file = 'x'", 0o644, false),
        ("[servers.a]\nurl = 'http://a'\npassword = 'x'", 0o604, true),
    ] {
        write(&path, content, mode);
        let (_, warning) = ConfigFile::read_from(&path).unwrap();
        assert_eq!(warning.is_some(), warns, "{content} {mode:o}");
    }
}

#[test]
fn missing_file_is_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let (file, warning) = ConfigFile::read_from(&folder.path().join("none/config.toml")).unwrap();
    assert!(file.default_server().url.is_none() && warning.is_none());
}

#[test]
fn password_file_is_relative_and_read_without_line_end() {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder.path().join("config.toml"),
        "password_file = 'password'",
        0o644,
    );
    write(&folder.path().join("password"), "open sesame \n", 0o600);
    let (file, _) = ConfigFile::read_from(&folder.path().join("config.toml")).unwrap();
    let settings = resolve(&flags(), &environment(), &file).unwrap();
    let Ok(password) = settings.password.read() else {
        panic!("the password file must be readable")
    };
    assert_eq!(password.text.expose_secret(), "open sesame ");
    assert_eq!(password.warning, None);
}

#[test]
fn unusable_password_file_fails_and_readable_one_warns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    assert!(PasswordSource::File(path.clone()).read().is_err());
    write(&path, "\n", 0o600);
    assert!(PasswordSource::File(path.clone()).read().is_err());
    write(&path, "x", 0o644);
    assert!(
        PasswordSource::File(path)
            .read()
            .is_ok_and(|password| password.warning.is_some())
    );
}
