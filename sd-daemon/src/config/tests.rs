//! Which settings are accepted, and what is said about the others.

use std::os::unix::fs::OpenOptionsExt;

use clap::Parser;

use super::*;

fn config(arguments: &[&str]) -> Result<Config, ConfigError> {
    let cli = Cli::try_parse_from(["sd-daemon"].iter().chain(arguments)).unwrap();
    resolve(cli.options, None)
}

fn file_with(mode: u32, content: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)
        .unwrap();
    io::Write::write_all(&mut file, content.as_bytes()).unwrap();
    (directory, path.display().to_string())
}

#[test]
fn the_defaults_are_safe() {
    let config = config(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.publish_address.to_string(), "127.0.0.1");
    assert_eq!(config.idle_timeout, TimeLimit::After(Duration::from_secs(9000)));
    assert_eq!(config.check_in_listen, CheckInListen::Gateway { port: 80 });
}

#[test]
fn other_machines_need_a_password_and_consent_to_clear_text() {
    let (_directory, password) = file_with(0o600, "correct horse\n");
    for open in ["0.0.0.0:8080", "192.0.2.1:80", "[::]:8080"] {
        let refused = |arguments: &[&str]| config(arguments).unwrap_err().to_string();
        assert!(refused(&["--listen", open]).contains("password_file"));
        assert!(refused(&["--listen", open, "--insecure-http"]).contains("password_file"));
        assert!(refused(&["--listen", open, "--password-file", &password]).contains("insecure_http"));
        let allowed = config(&["--listen", open, "--password-file", &password, "--insecure-http"]);
        assert_eq!(allowed.unwrap().password.reveal(), "correct horse");
    }
}

#[test]
fn a_password_file_that_others_can_read_is_refused() {
    let (_directory, password) = file_with(0o644, "secret");
    let error = config(&["--password-file", &password]).unwrap_err().to_string();
    assert!(
        error.starts_with("password_file: ") && error.contains("chmod 600"),
        "{error}"
    );
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let (_directory, path) = file_with(0o600, "listen = \"127.0.0.1:1\"\nidle_timeout = \"6h\"\n");
    let cli = Cli::try_parse_from(["sd-daemon", "--config", &path, "--listen", "127.0.0.1:2"]).unwrap();
    let config = cli.config(None).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.idle_timeout, TimeLimit::After(Duration::from_secs(21_600)));
}

#[test]
fn wrong_keys_and_values_in_the_file_are_errors_that_name_them() {
    for (content, expected) in [
        ("listne = \"127.0.0.1:1\"", "listne"),
        ("idle_timeout = \"soon\"", "idle_timeout"),
        ("check_in_listen = \"gateway\"", "check_in_listen"),
        ("listen = \"localhost\"", "listen"),
    ] {
        let (_directory, path) = file_with(0o600, content);
        let cli = Cli::try_parse_from(["sd-daemon", "--config", &path]).unwrap();
        let error = cli.config(None).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_named_file_has_to_exist() {
    let cli = Cli::try_parse_from(["sd-daemon", "--config", "/nowhere/sd-daemon.toml"]).unwrap();
    assert!(
        cli.config(None)
            .unwrap_err()
            .to_string()
            .starts_with("config: failed to read")
    );
}

#[test]
fn an_engine_that_cannot_be_spoken_to_is_refused() {
    let error = resolve(Options::default(), Some("ssh://host".to_owned()))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("DOCKER_HOST: "), "{error}");
}

#[test]
fn the_printed_settings_are_a_settings_file_and_hide_the_password() {
    let (_directory, password) = file_with(0o600, "correct horse");
    let printed = config(&["--password-file", &password]).unwrap().to_string();
    assert!(!printed.contains("horse"), "{printed}");
    toml::from_str::<Options>(&printed).unwrap();
}
