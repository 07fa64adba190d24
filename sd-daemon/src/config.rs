//! Settings: flag over environment over file over default, checked before anything is bound.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use crate::domain::IdleTimeout;
use crate::engine::docker;

/// The user of the API.
pub const USER: &str = "admin";
/// The password of the API when none is set. Everybody knows it, so it opens loopback only.
const DEFAULT_PASSWORD: &str = "spindocker";
const DEFAULT_FILE: &str = "/etc/spin-docker/sd-daemon.toml";
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const DEFAULT_IDLE_TIMEOUT: IdleTimeout = IdleTimeout::After(Duration::from_secs(9000));
const DEFAULT_CHECK_IN: CheckInListen = CheckInListen::Gateway { port: 80 };
const RESTART_GRACE: Duration = Duration::from_secs(600);

/// Containers on demand over the Docker engine, put away when nobody uses them.
///
/// Serves the REST API that `sd` talks to. Containers that nobody has used for the idle timeout are
/// stopped, never removed, and can be started again.
#[derive(Debug, Parser)]
#[command(name = "sd-daemon", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Settings file; every long option below is a key in it, with underscores.
    /// Default: /etc/spin-docker/sd-daemon.toml, where it exists.
    #[arg(long, global = true, env = "SD_DAEMON_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The settings themselves.
    #[command(flatten)]
    pub options: Options,
}

const AFTER_HELP: &str = "\
Settings are taken from options, then SD_DAEMON_… variables, then the file, then defaults.
DOCKER_HOST picks the Docker engine. RUST_LOG sets the detail of the log (default: info).

Exit status: 0 stopped as asked, 1 failed, 2 wrong settings.";

/// What to do instead of serving.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Print the settings that would be used, without secrets, and stop.
    CheckConfig,
}

/// Settings from one place: each may be missing there.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Address of the API [default: 127.0.0.1:8080].
    #[arg(long, global = true, env = "SD_DAEMON_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Where the registry is kept [default: /var/lib/spin-docker as root, else the user's state directory].
    #[arg(long, global = true, env = "SD_DAEMON_STATE_DIR", value_name = "DIRECTORY")]
    state_dir: Option<PathBuf>,

    /// File with the password of the user admin; only its owner may read it.
    #[arg(long, global = true, env = "SD_DAEMON_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Address on which containers' ports are published [default: the API's].
    #[arg(long, global = true, env = "SD_DAEMON_PUBLISH_ADDRESS", value_name = "IP")]
    publish_address: Option<IpAddr>,

    /// Stop containers that nobody used for this long: 2h30m, 90s; 0 or never pins them [default: 2h30m].
    #[arg(long, global = true, env = "SD_DAEMON_IDLE_TIMEOUT", value_name = "DURATION")]
    idle_timeout: Option<IdleSetting>,

    /// Where containers check in: gateway:PORT, ADDRESS:PORT or off [default: gateway:80].
    #[arg(long, global = true, env = "SD_DAEMON_CHECK_IN_LISTEN", value_name = "WHERE")]
    check_in_listen: Option<CheckInListen>,

    /// Serve other machines in clear text, because something in front of the daemon encrypts.
    #[arg(
        long, global = true, env = "SD_DAEMON_INSECURE_HTTP", value_name = "true|false",
        num_args = 0..=1, require_equals = true, default_missing_value = "true"
    )]
    insecure_http: Option<bool>,

    /// How the log is written [default: text].
    #[arg(long, global = true, env = "SD_DAEMON_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where containers check in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum CheckInListen {
    /// On the host's address in the network of the containers.
    Gateway {
        /// The port; where it is taken, another one is used.
        port: u16,
    },
    /// On this address.
    Address(SocketAddr),
    /// Nowhere but on the API's own address.
    Off,
}

impl FromStr for CheckInListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port_of_gateway = text.strip_prefix("gateway:").and_then(|port| port.parse().ok());
        match (text, port_of_gateway, text.parse()) {
            ("off", _, _) => Ok(Self::Off),
            (_, Some(port), _) if port != 0 => Ok(Self::Gateway { port }),
            (_, _, Ok(address)) => Ok(Self::Address(address)),
            _ => Err("must be gateway:PORT, ADDRESS:PORT or off".to_owned()),
        }
    }
}

impl fmt::Display for CheckInListen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway { port } => write!(formatter, "gateway:{port}"),
            Self::Address(address) => address.fmt(formatter),
            Self::Off => formatter.write_str("off"),
        }
    }
}

/// An idle timeout as a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct IdleSetting(IdleTimeout);

impl FromStr for IdleSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ALLOWED: &str = "must be a duration such as 90s, 6h or 2h30m in whole seconds, or never";
        let is_seconds = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let duration = match text {
            "never" => Some(Duration::ZERO),
            _ if is_seconds => text.parse().ok().map(Duration::from_secs),
            _ => humantime::parse_duration(text).ok(),
        };
        match duration.filter(|duration| duration.subsec_nanos() == 0) {
            Some(Duration::ZERO) => Ok(Self(IdleTimeout::Never)),
            Some(duration) => Ok(Self(IdleTimeout::After(duration))),
            None => Err(ALLOWED.to_owned()),
        }
    }
}

macro_rules! try_from_string {
    ($($setting:ty),*) => {$(
        impl TryFrom<String> for $setting {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
    )*};
}

try_from_string!(CheckInListen, IdleSetting);

/// A password that does not show up where it does not belong.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("********")
    }
}

/// The settings, complete and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Where the registry is kept.
    pub state_dir: PathBuf,
    /// Password of the API.
    pub password: Secret,
    /// Address on which ports are published.
    pub publish_address: IpAddr,
    /// Idle timeout of containers without their own.
    pub idle_timeout: IdleTimeout,
    /// Grace after a start of the daemon.
    pub restart_grace: Duration,
    /// Where containers check in.
    pub check_in_listen: CheckInListen,
    /// How the log is written.
    pub log_format: LogFormat,
    /// The Docker engine.
    pub docker_host: String,
}

/// Why the settings cannot be used. Each names the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{key}: failed to read {file}: {source}")]
    Unreadable {
        /// The key that names it.
        key: &'static str,
        /// The file.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// The settings file says something wrong.
    #[error("config: {file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What, with the key and the line.
        reason: String,
    },
    /// A setting cannot be used as it is.
    #[error("{key}: {reason}")]
    Unusable {
        /// The setting.
        key: &'static str,
        /// Why not, and what to do.
        reason: String,
    },
}

impl Cli {
    /// The settings from everywhere. `docker_host` is the variable `DOCKER_HOST`.
    pub fn config(self, docker_host: Option<String>) -> Result<Config, ConfigError> {
        let file = read_file(self.config.as_deref())?;
        resolve(self.options.or(file), docker_host)
    }
}

impl Options {
    /// Takes from another place what is missing here.
    fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            state_dir: self.state_dir.or(other.state_dir),
            password_file: self.password_file.or(other.password_file),
            publish_address: self.publish_address.or(other.publish_address),
            idle_timeout: self.idle_timeout.or(other.idle_timeout),
            check_in_listen: self.check_in_listen.or(other.check_in_listen),
            insecure_http: self.insecure_http.or(other.insecure_http),
            log_format: self.log_format.or(other.log_format),
        }
    }
}

fn read_file(named: Option<&Path>) -> Result<Options, ConfigError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let file = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).map_err(|error| ConfigError::File {
            file,
            reason: error.to_string().trim_end().to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Options::default()),
        Err(source) => Err(ConfigError::Unreadable {
            key: "config",
            file,
            source,
        }),
    }
}

fn resolve(options: Options, docker_host: Option<String>) -> Result<Config, ConfigError> {
    let listen = options.listen.unwrap_or(DEFAULT_LISTEN);
    let password = options.password_file.as_deref().map(read_password).transpose()?;
    refuse_open_door(
        listen,
        password.is_some(),
        options.insecure_http.unwrap_or_default(),
    )?;
    let docker_host = docker_host.filter(|host| !host.is_empty());
    let docker_host = docker_host.unwrap_or_else(|| docker::DEFAULT_HOST.to_owned());
    if !docker::is_supported(&docker_host) {
        let reason = format!("{docker_host:?} is not supported: use unix://PATH or tcp://HOST:PORT");
        return Err(ConfigError::Unusable {
            key: "DOCKER_HOST",
            reason,
        });
    }
    Ok(Config {
        listen,
        state_dir: options.state_dir.map_or_else(default_state_dir, Ok)?,
        password: password.unwrap_or_else(|| Secret(DEFAULT_PASSWORD.to_owned())),
        publish_address: options.publish_address.unwrap_or(listen.ip()),
        idle_timeout: options
            .idle_timeout
            .map_or(DEFAULT_IDLE_TIMEOUT, |setting| setting.0),
        restart_grace: RESTART_GRACE,
        check_in_listen: options.check_in_listen.unwrap_or(DEFAULT_CHECK_IN),
        log_format: options.log_format.unwrap_or_default(),
        docker_host,
    })
}

/// Other machines may reach the API only with a password that not everybody knows, and not by accident
/// in clear text.
fn refuse_open_door(listen: SocketAddr, has_password: bool, insecure_http: bool) -> Result<(), ConfigError> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    let problem = if !has_password {
        "is open to other machines with the default password: set password_file, or listen on 127.0.0.1"
    } else if !insecure_http {
        "would send the password over the network in clear text: put a proxy with TLS in front and listen \
         on 127.0.0.1, or set insecure_http if the way to that proxy is private"
    } else {
        return Ok(());
    };
    Err(ConfigError::Unusable {
        key: "listen",
        reason: format!("{listen} {problem}"),
    })
}

fn read_password(path: &Path) -> Result<Secret, ConfigError> {
    const KEY: &str = "password_file";
    let file = path.display().to_string();
    let unreadable = |source| ConfigError::Unreadable {
        key: KEY,
        file: file.clone(),
        source,
    };
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        let reason = format!("{file} can be read by others: run chmod 600 {file}");
        return Err(ConfigError::Unusable { key: KEY, reason });
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(ConfigError::Unusable {
            key: KEY,
            reason: format!("{file} is empty"),
        }),
        password => Ok(Secret(password.to_owned())),
    }
}

fn default_state_dir() -> Result<PathBuf, ConfigError> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/spin-docker"));
    }
    let directories = directories::ProjectDirs::from("", "", "spin-docker");
    let state_dir = directories.as_ref().and_then(directories::ProjectDirs::state_dir);
    state_dir
        .map(Path::to_owned)
        .ok_or_else(|| ConfigError::Unusable {
            key: "state_dir",
            reason: "there is no home directory to find a default in: name a directory".to_owned(),
        })
}

/// The settings as a file would have them, the password masked.
impl fmt::Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle_timeout = match self.idle_timeout {
            IdleTimeout::Never => "never".to_owned(),
            IdleTimeout::After(timeout) => humantime::format_duration(timeout).to_string(),
        };
        let log_format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        writeln!(formatter, "listen = \"{}\"", self.listen)?;
        writeln!(formatter, "state_dir = \"{}\"", self.state_dir.display())?;
        writeln!(formatter, "# password: {:?}", self.password)?;
        writeln!(formatter, "publish_address = \"{}\"", self.publish_address)?;
        writeln!(formatter, "idle_timeout = \"{idle_timeout}\"")?;
        writeln!(formatter, "check_in_listen = \"{}\"", self.check_in_listen)?;
        writeln!(formatter, "log_format = \"{log_format}\"")?;
        writeln!(formatter, "# DOCKER_HOST: {}", self.docker_host)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::OpenOptionsExt;

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
        assert_eq!(config.idle_timeout, IdleTimeout::After(Duration::from_secs(9000)));
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
        assert_eq!(
            config.idle_timeout,
            IdleTimeout::After(Duration::from_secs(21_600))
        );
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
}
