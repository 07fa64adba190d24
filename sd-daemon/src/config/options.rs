//! The command line, and the settings that can stand on it, in the environment and in the file.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use crate::domain::TimeLimit;

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
Settings are taken from options, then SD_DAEMON_* variables, then the file, then defaults.
DOCKER_HOST picks the Docker engine. RUST_LOG sets the detail of the log (default: info).

Exit status: 0 stopped as asked, 1 failed, 2 wrong settings.";

/// What the manual page says besides the options: a heading, and what stands under it.
pub const MANUAL: [(&str, &[(&str, &str)]); 3] = [
    (
        "ENVIRONMENT",
        &[
            (
                "SD_DAEMON_*",
                "Every long option, in capitals and with underscores: SD_DAEMON_LISTEN.",
            ),
            (
                "DOCKER_HOST",
                "The Docker engine: unix://PATH or tcp://HOST:PORT; unix:///var/run/docker.sock when it is not set.",
            ),
            (
                "RUST_LOG",
                "How much is logged to standard error: error, warn, info or debug; info when it is not set.",
            ),
        ],
    ),
    (
        "FILES",
        &[
            (
                DEFAULT_FILE,
                "Settings, in TOML: every long option is a key, with underscores. Options and variables win over it. An unknown key is an error.",
            ),
            (
                "/var/lib/spin-docker/registry.sqlite3",
                "Which containers there are. A daemon that is not root keeps it in the user's state directory.",
            ),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "It was told to stop, and has. Containers keep running."),
            ("1", "It failed; the last line of the log says why."),
            ("2", "The settings cannot be used; nothing was bound."),
        ],
    ),
];

/// The settings file that is read when none is named.
pub(super) const DEFAULT_FILE: &str = "/etc/spin-docker/sd-daemon.toml";

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
    pub(super) listen: Option<SocketAddr>,

    /// Where the registry is kept [default: /var/lib/spin-docker as root, else the user's state directory].
    #[arg(long, global = true, env = "SD_DAEMON_STATE_DIR", value_name = "DIRECTORY")]
    pub(super) state_dir: Option<PathBuf>,

    /// File with the password of the user admin; only its owner may read it.
    #[arg(long, global = true, env = "SD_DAEMON_PASSWORD_FILE", value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,

    /// Address on which containers' ports are published [default: the API's].
    #[arg(long, global = true, env = "SD_DAEMON_PUBLISH_ADDRESS", value_name = "IP")]
    pub(super) publish_address: Option<IpAddr>,

    /// Stop containers that nobody used for this long: 2h30m, 90s; 0 or never pins them [default: 2h30m].
    #[arg(long, global = true, env = "SD_DAEMON_IDLE_TIMEOUT", value_name = "DURATION")]
    pub(super) idle_timeout: Option<IdleSetting>,

    /// Where containers check in: gateway:PORT, ADDRESS:PORT or off [default: gateway:80].
    #[arg(long, global = true, env = "SD_DAEMON_CHECK_IN_LISTEN", value_name = "WHERE")]
    pub(super) check_in_listen: Option<CheckInListen>,

    /// Serve other machines in clear text, because something in front of the daemon encrypts.
    #[arg(
        long, global = true, env = "SD_DAEMON_INSECURE_HTTP", value_name = "true|false",
        num_args = 0..=1, require_equals = true, default_missing_value = "true"
    )]
    pub(super) insecure_http: Option<bool>,

    /// How the log is written [default: text].
    #[arg(long, global = true, env = "SD_DAEMON_LOG_FORMAT", value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,
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
pub(super) struct IdleSetting(pub(super) TimeLimit);

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
            Some(Duration::ZERO) => Ok(Self(TimeLimit::Never)),
            Some(duration) => Ok(Self(TimeLimit::After(duration))),
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

impl Options {
    /// Takes from another place what is missing here.
    pub(super) fn or(self, other: Self) -> Self {
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
