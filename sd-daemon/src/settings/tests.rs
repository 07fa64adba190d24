//! Which settings are accepted, and the errors for the others.
//!
//! Longer than 400 lines: one table of rejected values per concern would repeat the set-up of each case.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use clap::CommandFactory;

use super::*;
use crate::domain::TimeLimit;
use crate::password::Password;
use crate::service::{Capacity, Switch};
use crate::webhook::SigningKey;

/// The settings of a command line, with an empty settings file.
fn settings(arguments: &[&str]) -> Result<Settings, SettingsError> {
    let arguments = ["sd-daemon", "--config", "/dev/null"].iter().chain(arguments);
    Cli::try_read_from(arguments).unwrap().settings(None)
}

/// The settings of a command line and a settings file.
fn settings_with_file(content: &str, arguments: &[&str]) -> Result<Settings, SettingsError> {
    let (_directory, path) = file_with(0o600, content);
    let arguments = ["sd-daemon", "--config", &path]
        .into_iter()
        .chain(arguments.iter().copied());
    Cli::try_read_from(arguments).unwrap().settings(None)
}

fn settings_of_file(content: &str) -> Result<Settings, SettingsError> {
    settings_with_file(content, &[])
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
    file.write_all(content.as_bytes()).unwrap();
    (directory, path.display().to_string())
}

#[test]
fn defaults_are_safe() {
    let settings = settings(&[]).unwrap();
    let options = &settings.options;
    assert_eq!(options.server.listen.to_string(), "127.0.0.1:8080");
    assert!(!options.server.insecure_http);
    assert_eq!(settings.publish_address.to_string(), "127.0.0.1");
    assert_eq!(
        settings.policy.default_idle_timeout,
        TimeLimit::After(Duration::from_secs(9000))
    );
    assert_eq!(
        options.check_in.check_in_listen,
        CheckInListen::Gateway { port: 80 }
    );
    assert_eq!(options.engine.network.to_string(), "spin-docker");
    let capacity = Capacity {
        containers: 200,
        memory_bytes: Some(2 << 30),
    };
    assert_eq!(options.limits.capacity(), capacity);
    assert_eq!(options.activity.probe_interval(), Duration::from_secs(15));
    let signals = &settings.signals;
    assert_eq!((signals.check_in, signals.connections), (Switch::On, Switch::On));
    assert_eq!(signals.use_rule.cpu_millicores, None);
}

/// A field is the whole definition of a setting, so its names have to follow from each other.
#[test]
fn flag_variable_and_help_of_each_setting_are_consistent() {
    let command = Cli::command();
    for argument in command
        .get_arguments()
        .filter(|argument| argument.get_id() != "help" && argument.get_id() != "version")
    {
        let key = argument.get_id().as_str();
        assert_eq!(argument.get_long(), Some(key.replace('_', "-").as_str()));
        let variable = format!("SD_DAEMON_{}", key.to_ascii_uppercase());
        assert_eq!(
            argument.get_env().and_then(|name| name.to_str()),
            Some(variable.as_str())
        );
        assert!(argument.is_global_set(), "{key} works before and after a command");
        let help = argument.get_help().unwrap().to_string();
        let line = help.split(" [default").next().unwrap();
        assert!(
            line.len() <= 80,
            "{key}: the first line of its help is too long: {line}"
        );
    }
}

#[test]
fn non_loopback_address_needs_a_password_and_encryption() {
    let (_directory, password) = file_with(0o600, "correct horse\n");
    for listen in ["0.0.0.0:8080", "192.0.2.1:80", "[::]:8080"] {
        let error = |arguments: &[&str]| settings(arguments).unwrap_err().to_string();
        assert!(error(&["--listen", listen]).contains("password_file"));
        assert!(error(&["--listen", listen, "--insecure-http"]).contains("password_file"));
        assert!(error(&["--listen", listen, "--password-file", &password]).contains("insecure_http"));
        let allowed = settings(&[
            "--listen",
            listen,
            "--password-file",
            &password,
            "--insecure-http",
        ]);
        assert!(allowed.unwrap().password.is("correct horse"));
    }
}

#[test]
fn password_file_readable_by_others_is_rejected() {
    let (_directory, password) = file_with(0o644, "secret");
    let error = settings(&["--password-file", &password]).unwrap_err().to_string();
    assert!(
        error.starts_with("password_file: ") && error.contains("chmod 600"),
        "{error}"
    );
}

#[test]
fn password_file_may_contain_a_hash() {
    let hash = crate::password::hash(&"correct horse".into()).unwrap();
    let (_directory, password) = file_with(0o600, &format!("{hash}\n"));
    let hashed = settings(&["--password-file", &password]).unwrap().password;
    assert!(matches!(hashed, Password::Hashed(_)));
    let (_directory, broken) = file_with(0o600, &hash[..hash.len() - 50]);
    let error = settings(&["--password-file", &broken]).unwrap_err().to_string();
    assert!(error.contains("hash-password"), "{error}");
}

#[test]
fn password_file_has_to_be_a_regular_file() {
    let (directory, password) = file_with(0o600, "correct horse\n");
    let link = directory.path().join("link").display().to_string();
    std::os::unix::fs::symlink(&password, &link).unwrap();
    let error = settings(&["--password-file", &link]).unwrap_err().to_string();
    assert!(error.contains("symbolic link"), "{error}");
    let directory = directory.path().display().to_string();
    let error = settings(&["--password-file", &directory])
        .unwrap_err()
        .to_string();
    assert!(error.contains("not a regular file"), "{error}");
}

#[test]
fn flag_overrides_file_and_file_overrides_default() {
    let content = "listen = \"127.0.0.1:1\"\nidle_timeout = \"6h\"\nallowed_hosts = [\"file.example.org\"]\n";
    let arguments = ["--listen", "127.0.0.1:2", "--allowed-hosts", "flag.example.org"];
    let settings = settings_with_file(content, &arguments).unwrap();
    assert_eq!(settings.options.server.listen.port(), 2);
    assert_eq!(
        settings.options.server.allowed_hosts[0].to_string(),
        "flag.example.org"
    );
    assert_eq!(
        settings.policy.default_idle_timeout,
        TimeLimit::After(Duration::from_secs(21_600))
    );
}

#[test]
fn flag_equal_to_the_default_overrides_the_file() {
    let settings = settings_with_file("log_format = \"json\"", &["--log-format", "text"]).unwrap();
    assert_eq!(settings.options.log.log_format, LogFormat::Text);
}

#[test]
fn invalid_value_in_the_file_is_an_error_even_below_a_flag() {
    let error = settings_with_file("idle_timeout = \"soon\"", &["--idle-timeout", "6h"]);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with("idle_timeout: \"soon\"")
    );
}

#[test]
fn flag_after_a_command_is_a_setting_too() {
    let (_directory, path) = file_with(0o600, "log_format = \"text\"");
    let arguments = [
        "sd-daemon",
        "--config",
        &path,
        "check-config",
        "--log-format",
        "json",
    ];
    let settings = Cli::try_read_from(arguments).unwrap().settings(None).unwrap();
    assert_eq!(settings.options.log.log_format, LogFormat::Json);
}

#[test]
fn unknown_keys_and_invalid_values_are_errors_that_name_the_key() {
    for (content, expected) in [
        ("listne = \"127.0.0.1:1\"", "listne: unknown key"),
        (
            "idle_timeout = \"soon\"",
            "idle_timeout: \"soon\" is not a time limit",
        ),
        (
            "idle_timeout = \"30M\"",
            "idle_timeout: \"30M\" is not a time limit",
        ),
        (
            "idle_timeout = true",
            "idle_timeout: invalid type: boolean `true`, expected a duration",
        ),
        (
            "probe_interval = 0",
            "probe_interval: \"0\" is out of range: expected 1s to 3650d",
        ),
        (
            "activity_signals = [\"mouse\"]",
            "activity_signals[0]: unknown variant `mouse`",
        ),
        (
            "ignore_sources = [\"monitor\"]",
            "ignore_sources[0]: \"monitor\" is not an address",
        ),
        (
            "[[image_rules]]\nidle_timeout = \"6h\"",
            "image_rules[0]: missing field `image`",
        ),
        ("[[image_rules]]\nimage = \"..\"", "image_rules[0].image: "),
        (
            "[[image_rules]]\nimage = \"web\"\nidle = \"6h\"",
            "image_rules[0].idle: unknown field `idle`",
        ),
        (
            "check_in_listen = \"gateway\"",
            "check_in_listen: \"gateway\" is not a listener",
        ),
        ("network = \"../images\"", "network: "),
        (
            "memory_limit = \"lots\"",
            "memory_limit: \"lots\" is not a memory limit",
        ),
        (
            "memory_limit = \"5m\"",
            "memory_limit: \"5m\" is out of range: expected 6m to 1024g",
        ),
        (
            "cpu_threshold = 0.0001",
            "cpu_threshold: \"0.0001\" is out of range: expected 0.001",
        ),
        ("max_containers = 0", "max_containers: "),
        ("listen = \"localhost\"", "listen: "),
        ("allowed_hosts = [\"sd.example.org:80\"]", "without a port"),
        ("allowed_hosts = [\"http://sd\"]", "without a port"),
        ("listen = ", "config: failed to parse"),
    ] {
        let error = settings_of_file(content).unwrap_err().to_string();
        assert!(error.contains(expected), "{content}: {error}");
    }
}

#[test]
fn errors_of_flags_and_file_name_the_allowed_values() {
    let count = "must be a whole number from 1 to 4294967295";
    let bytes = "must be a whole number from 0 to 18446744073709551615";
    let listener = "must be an IP address and a port, such as 127.0.0.1:8080";
    let address = "must be an IP address, such as 127.0.0.1";
    let check_in = "must be gateway:PORT, off, or an IP address and a port, such as 127.0.0.1:8080";
    let url = "must be an http:// or https:// URL, such as https://example.org/hook";
    for (key, value, in_file, allowed) in [
        ("max_containers", "0", "0", count),
        ("max_containers", "-1", "-1", count),
        ("max_containers", "99999999999", "99999999999", count),
        ("max_containers", "many", "\"200\"", count),
        ("connection_floor", "1k", "\"1k\"", bytes),
        ("connection_floor", "-1", "-1", bytes),
        ("connection_floor", "1.5", "1.5", bytes),
        ("listen", "localhost:8080", "\"localhost:8080\"", listener),
        ("listen", ":8080", "\":8080\"", listener),
        ("listen", "foo", "\"foo\"", listener),
        ("listen", "", "\"\"", listener),
        ("listen", "8080", "8080", listener),
        ("publish_address", "foo", "\"foo\"", address),
        ("check_in_listen", "localhost:80", "\"localhost:80\"", check_in),
        ("webhook_url", "foo", "\"foo\"", url),
        ("webhook_url", "http://[", "\"http://[\"", url),
    ] {
        let flag = format!("--{}", key.replace('_', "-"));
        let argument = format!("{flag}={value}");
        let error = match Cli::try_read_from(["sd-daemon", "--config", "/dev/null", &argument]) {
            Ok(cli) => cli.settings(None).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(
            error.contains(&flag) || error.starts_with(key),
            "{argument}: {error}"
        );
        assert!(
            error.contains(value) && error.contains(allowed),
            "{argument}: {error}"
        );
        let content = format!("{key} = {in_file}");
        let error = settings_of_file(&content).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{key}: ")), "{content}: {error}");
        assert!(
            error.contains(in_file) && error.contains(allowed),
            "{content}: {error}"
        );
    }
}

#[test]
fn scalar_in_place_of_a_list_is_rejected() {
    for key in [
        "allowed_hosts",
        "trusted_proxies",
        "activity_signals",
        "ignore_sources",
    ] {
        let error = settings_of_file(&format!("{key} = \"cpu\""))
            .unwrap_err()
            .to_string();
        let expected = format!("{key}: invalid value \"cpu\": must be a list, such as [\"a\", \"b\"]");
        assert!(error.starts_with(&expected), "{error}");
    }
    let error = settings_of_file("[image_rules]\nimage = \"web\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("[[image_rules]]"), "{error}");
}

#[test]
fn named_settings_file_has_to_exist() {
    let cli = Cli::try_read_from(["sd-daemon", "--config", "/nowhere/sd-daemon.toml"]).unwrap();
    let error = cli.settings(None).unwrap_err().to_string();
    assert!(error.starts_with("config: failed to read"), "{error}");
}

#[test]
fn unsupported_engine_address_is_rejected() {
    let cli = Cli::try_read_from(["sd-daemon", "--config", "/dev/null"]).unwrap();
    let error = cli.settings(Some("ssh://host")).unwrap_err().to_string();
    assert!(error.starts_with("DOCKER_HOST: "), "{error}");
}

#[test]
fn printed_settings_are_a_settings_file_without_the_password() {
    let (_directory, password) = file_with(0o600, "correct horse");
    let content = "
        idle_timeout = \"90m\"
        memory_limit = \"unlimited\"
        ignore_sources = [\"10.0.0.5\"]

        [[image_rules]]
        image = \"team/*\"
        max_lifetime = 86400
    ";
    let printed = settings_with_file(content, &["--password-file", &password])
        .unwrap()
        .to_string();
    assert!(!printed.contains("horse"), "{printed}");
    assert!(printed.contains("idle_timeout = \"1h30m\"\n"), "{printed}");
    assert!(printed.contains("max_lifetime = \"1d\"\n"), "{printed}");
    assert_eq!(settings_of_file(&printed).unwrap().to_string(), printed);
}

#[test]
fn activity_signals_are_configurable() {
    let content = "
        activity_signals = [\"connections\", \"cpu\"]
        probe_interval = 5
        connection_floor = 2000
        cpu_threshold = 0.25
        ignore_sources = [\"10.0.0.5\", \"10.1.0.0/16\"]
        busy_limit = \"30m\"
        idle_warning = \"never\"
    ";
    let settings = settings_of_file(content).unwrap();
    let signals = &settings.signals;
    assert_eq!((signals.check_in, signals.connections), (Switch::Off, Switch::On));
    assert_eq!(signals.use_rule.cpu_millicores, Some(250));
    assert_eq!(signals.use_rule.bytes_per_minute, 2_000);
    assert_eq!(signals.ignored_sources.len(), 2);
    assert_eq!(signals.busy_limit, Duration::from_secs(1_800));
    assert_eq!(settings.options.activity.probe_interval(), Duration::from_secs(5));
    assert_eq!(settings.policy.warn_before, Duration::ZERO);
}

#[test]
fn image_rules_keep_their_order() {
    let content = "
        [[image_rules]]
        image = \"team/*\"
        idle_timeout = \"6h\"
        max_lifetime = 86400

        [[image_rules]]
        image = \"*\"
        remove_after = \"30d\"
    ";
    let rules = settings_of_file(content).unwrap().policy.image_rules;
    assert_eq!(rules[0].images.to_string(), "team/*");
    assert_eq!(
        rules[0].limits.max_lifetime,
        Some(TimeLimit::After(Duration::from_secs(86_400)))
    );
    assert_eq!((rules[1].limits.idle_timeout, rules.len()), (None, 2));
}

#[test]
fn probe_interval_has_to_be_shorter_than_idle_timeouts() {
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
        let error = settings_of_file(content).unwrap_err().to_string();
        assert!(
            error.starts_with("probe_interval: ") && error.contains(expected),
            "{error}"
        );
    }
    for content in [
        "activity_signals = [\"check-in\"]\nprobe_interval = 60\nidle_timeout = \"10s\"",
        "idle_timeout = \"never\"\nprobe_interval = \"1h\"",
    ] {
        assert!(settings_of_file(content).is_ok(), "{content}");
    }
    let short = settings_of_file("idle_timeout = \"2s\"").unwrap().to_string();
    assert!(
        settings_of_file(&short).is_ok(),
        "the default interval adapts: {short}"
    );
}

#[test]
fn allowed_hosts_are_names_and_addresses() {
    let hosts =
        settings_of_file("allowed_hosts = [\"SD.example.org\", \"203.0.113.5\", \"fd00::1\", \"[fd00::2]\"]");
    let hosts = hosts.unwrap().options.server.allowed_hosts();
    let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["sd.example.org", "203.0.113.5", "[fd00::1]", "[fd00::2]"]);
}

#[test]
fn webhook_has_an_address_and_may_have_a_secret() {
    let (_directory, secret) = file_with(0o600, "hush\n");
    let url = "https://example.org/hook";
    let webhook = settings(&["--webhook-url", url, "--webhook-secret-file", &secret]);
    let key = webhook.unwrap().webhook.unwrap().key;
    assert!(key == SigningKey::parse("hush").ok());
    let credentials = "https://admin:hush@example.org";
    for invalid in ["example.org", "ftp://example.org", "http://", credentials] {
        let error = settings(&["--webhook-url", invalid]).unwrap_err().to_string();
        assert!(error.starts_with("webhook_url: "), "{error}");
    }
    let error = settings(&["--webhook-secret-file", &secret])
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("webhook_secret_file: "), "{error}");
    let (_directory, secret) = file_with(0o600, "whsec_what?");
    let error = settings(&["--webhook-secret-file", &secret])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("webhook_secret_file: ") && !error.contains("what?"),
        "{error}"
    );
}
