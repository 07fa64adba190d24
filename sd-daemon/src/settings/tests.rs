//! Which settings are accepted, and what is said about the others.

use std::os::unix::fs::OpenOptionsExt;

use clap::Parser;

use super::*;

fn config(arguments: &[&str]) -> Result<Settings, SettingsError> {
    let cli = Cli::try_parse_from(["sd-daemon"].iter().chain(arguments)).unwrap();
    resolve(&cli.options, None)
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
    assert_eq!(
        config.policy.default_timeout,
        TimeLimit::After(Duration::from_secs(9000))
    );
    assert_eq!(config.check_in_listen, CheckInListen::Gateway { port: 80 });
    assert_eq!(config.network.to_string(), "spin-docker");
    let capacity = Capacity {
        containers: 200,
        memory_bytes: Some(2 << 30),
    };
    assert_eq!(config.capacity, capacity);
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
        assert_eq!(allowed.unwrap().password, Password::from("correct horse"));
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
fn a_password_may_be_hashed_and_the_file_is_the_one_that_is_named() {
    let hash = crate::password::hash("correct horse").unwrap();
    let (directory, password) = file_with(0o600, &format!("{hash}\n"));
    let hashed = config(&["--password-file", &password]).unwrap().password;
    assert!(matches!(hashed, Password::Hashed(_)));

    let link = directory.path().join("link").display().to_string();
    std::os::unix::fs::symlink(&password, &link).unwrap();
    let error = config(&["--password-file", &link]).unwrap_err().to_string();
    assert!(error.contains("symbolic link"), "{error}");
    let directory = directory.path().display().to_string();
    let error = config(&["--password-file", &directory]).unwrap_err().to_string();
    assert!(error.contains("not a regular file"), "{error}");
    let (_directory, broken) = file_with(0o600, &hash[..hash.len() - 50]);
    let error = config(&["--password-file", &broken]).unwrap_err().to_string();
    assert!(error.contains("hash-password"), "{error}");
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let (_directory, path) = file_with(0o600, "listen = \"127.0.0.1:1\"\nidle_timeout = \"6h\"\n");
    let cli = Cli::try_parse_from(["sd-daemon", "--config", &path, "--listen", "127.0.0.1:2"]).unwrap();
    let config = cli.settings(None).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(
        config.policy.default_timeout,
        TimeLimit::After(Duration::from_secs(21_600))
    );
}

#[test]
fn wrong_keys_and_values_in_the_file_are_errors_that_name_them() {
    for (content, expected) in [
        ("listne = \"127.0.0.1:1\"", "listne"),
        ("idle_timeout = \"soon\"", "idle_timeout"),
        ("idle_timeout = true", "idle_timeout"),
        ("probe_interval = 0", "probe_interval"),
        ("activity_signals = [\"mouse\"]", "mouse"),
        ("ignore_sources = [\"monitor\"]", "10.0.0.5"),
        ("[[image_rules]]\nidle_timeout = \"6h\"", "image"),
        ("[[image_rules]]\nimage = \"..\"", "team/*"),
        ("[[image_rules]]\nimage = \"web\"\nidle = \"6h\"", "idle"),
        ("check_in_listen = \"gateway\"", "check_in_listen"),
        ("network = \"../images\"", "network"),
        ("memory_limit = \"lots\"", "memory_limit"),
        ("max_containers = 0", "max_containers"),
        ("listen = \"localhost\"", "listen"),
        ("allowed_hosts = [\"sd.example.org:80\"]", "without a port"),
        ("allowed_hosts = [\"http://sd\"]", "without a port"),
    ] {
        let (_directory, path) = file_with(0o600, content);
        let cli = Cli::try_parse_from(["sd-daemon", "--config", &path]).unwrap();
        let error = cli.settings(None).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_named_file_has_to_exist() {
    let cli = Cli::try_parse_from(["sd-daemon", "--config", "/nowhere/sd-daemon.toml"]).unwrap();
    assert!(
        cli.settings(None)
            .unwrap_err()
            .to_string()
            .starts_with("config: failed to read")
    );
}

#[test]
fn an_engine_that_cannot_be_spoken_to_is_refused() {
    let error = resolve(&Options::default(), Some("ssh://host".to_owned()))
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

fn config_of_file(content: &str) -> Result<Settings, SettingsError> {
    let (_directory, path) = file_with(0o600, content);
    Cli::try_parse_from(["sd-daemon", "--config", &path])
        .unwrap()
        .settings(None)
}

#[test]
fn what_counts_as_use_is_chosen_by_settings() {
    let content = "
        activity_signals = [\"connections\", \"cpu\"]
        probe_interval = 5
        connection_floor = 2000
        cpu_threshold = 0.25
        ignore_sources = [\"10.0.0.5\", \"10.1.0.0/16\"]
        busy_limit = \"30m\"
        idle_warning = \"never\"
    ";
    let config = config_of_file(content).unwrap();
    let signals = &config.signals;
    assert_eq!((signals.check_in, signals.connections), (Switch::Off, Switch::On));
    assert_eq!(signals.use_rule.cpu_millicores, Some(250));
    assert_eq!(signals.use_rule.bytes_per_minute, 2_000);
    assert_eq!(signals.ignored_sources.len(), 2);
    assert_eq!(signals.busy_limit, Duration::from_secs(1_800));
    assert_eq!(config.probe_interval, Duration::from_secs(5));
    assert_eq!(config.policy.warn_before, Duration::ZERO);
}

#[test]
fn rules_for_images_are_read_in_their_order() {
    let content = "
        [[image_rules]]
        image = \"team/*\"
        idle_timeout = \"6h\"
        max_lifetime = 86400

        [[image_rules]]
        image = \"*\"
        remove_after = \"30d\"
    ";
    let rules = config_of_file(content).unwrap().policy.image_rules;
    assert_eq!(rules[0].images.to_string(), "team/*");
    assert_eq!(
        rules[0].limits.max_lifetime,
        Some(TimeLimit::After(Duration::from_secs(86_400)))
    );
    assert_eq!((rules[1].limits.idle_timeout, rules.len()), (None, 2));
}

#[test]
fn looking_more_seldom_than_something_may_be_unused_is_refused() {
    for (content, expected) in [
        (
            "probe_interval = \"1h\"\nidle_timeout = \"30m\"",
            "idle_timeout, 30m",
        ),
        ("probe_interval = 15\nidle_timeout = \"15s\"", "idle_timeout, 15s"),
        (
            "probe_interval = 10\n[[image_rules]]\nimage = \"ci/*\"\nidle_timeout = \"10s\"",
            "idle_timeout of the image rule ci/*, 10s",
        ),
    ] {
        let error = config_of_file(content).unwrap_err().to_string();
        assert!(
            error.starts_with("probe_interval: ") && error.contains(expected),
            "{error}"
        );
    }
    let nobody_looks = "activity_signals = [\"check-in\"]\nprobe_interval = 60\nidle_timeout = \"10s\"";
    assert!(config_of_file(nobody_looks).is_ok());
    assert!(
        config_of_file("idle_timeout = \"2s\"").is_ok(),
        "where nobody has chosen, it is looked often enough"
    );
    assert!(config_of_file("idle_timeout = \"never\"\nprobe_interval = \"1h\"").is_ok());
}

#[test]
fn names_of_the_daemon_are_names_and_addresses() {
    let hosts =
        config_of_file("allowed_hosts = [\"SD.example.org\", \"203.0.113.5\", \"fd00::1\", \"[fd00::2]\"]");
    let hosts = hosts.unwrap().allowed_hosts;
    let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["sd.example.org", "203.0.113.5", "[fd00::1]", "[fd00::2]"]);
}

#[test]
fn a_webhook_has_an_address_and_a_secret_that_nobody_else_can_read() {
    let (_directory, secret) = file_with(0o600, "hush\n");
    let with = |arguments: &[&str]| config(arguments);
    let webhook = with(&[
        "--webhook-url",
        "https://example.org/hook",
        "--webhook-secret-file",
        &secret,
    ]);
    let key = webhook.unwrap().webhook.unwrap().key;
    assert_eq!(key, SigningKey::parse("hush").ok());
    let credentials = "https://admin:hush@example.org";
    for wrong in ["example.org", "ftp://example.org", "http://", credentials] {
        assert!(
            with(&["--webhook-url", wrong])
                .unwrap_err()
                .to_string()
                .starts_with("webhook_url: ")
        );
    }
    let error = with(&["--webhook-secret-file", &secret]).unwrap_err().to_string();
    assert!(error.starts_with("webhook_secret_file: "), "{error}");
    let (_directory, secret) = file_with(0o600, "whsec_what?");
    let error = with(&["--webhook-secret-file", &secret]).unwrap_err().to_string();
    assert!(
        error.starts_with("webhook_secret_file: ") && !error.contains("what?"),
        "{error}"
    );
}
