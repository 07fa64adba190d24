//! The command line, and the settings that can stand on it, in the environment and in the file.
//!
//! Longer than most files here, because every setting is explained where it is defined: help and manual are made of it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use sd_client::quantity::{self, MemoryLimit, Span};
use serde::Deserialize;
use url::Host;

use crate::domain::{ImagePattern, TimeLimit};
use crate::engine::NetworkName;

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
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Print the settings that would be used, without secrets, and stop.
    CheckConfig,
    /// Keep what can be read of a damaged registry, or put back a copy of it; the daemon must not run.
    ///
    /// Says what can be read, and which containers in Docker would be known to nobody. With --yes the registry is
    /// made of it; what was in its place is renamed, never deleted.
    Recover(RecoverArgs),

    /// Read a password from standard input and print a hash of it for the password file.
    HashPassword,
}

/// What to recover.
#[derive(Clone, Debug, Args)]
pub struct RecoverArgs {
    /// Read this file, such as a backup, instead of the registry in the state directory.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,

    /// Do it. Without this nothing is changed.
    #[arg(long)]
    pub yes: bool,
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

    /// File with the password of the user admin, or with a hash of it (see hash-password); only its owner may
    /// read it.
    #[arg(long, global = true, env = "SD_DAEMON_PASSWORD_FILE", value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,

    /// Serve the API over TLS with the certificate in this file, in PEM, those between it and its authority
    /// included.
    #[arg(long, global = true, env = "SD_DAEMON_TLS_CERT", value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,

    /// File with the key of that certificate, in PEM; only its owner may read it.
    #[arg(long, global = true, env = "SD_DAEMON_TLS_KEY", value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,

    /// Names by which the daemon may be called, besides its addresses and localhost.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_ALLOWED_HOSTS",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub(super) allowed_hosts: Option<Vec<HostSetting>>,

    /// Addresses or networks of proxies that are believed when X-Forwarded-For says who their clients are.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_TRUSTED_PROXIES",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub(super) trusted_proxies: Option<Vec<SourceSetting>>,

    /// Address on which containers' ports are published [default: the API's].
    #[arg(long, global = true, env = "SD_DAEMON_PUBLISH_ADDRESS", value_name = "IP")]
    pub(super) publish_address: Option<IpAddr>,

    /// Docker network that new containers are put on, a bridge; ours is made where it is missing
    /// [default: spin-docker].
    #[arg(long, global = true, env = "SD_DAEMON_NETWORK", value_name = "NAME")]
    pub(super) network: Option<NetworkSetting>,

    /// Memory of a container that asks for none: 512m, 2g, or unlimited [default: 2g].
    #[arg(long, global = true, env = "SD_DAEMON_MEMORY_LIMIT", value_name = "BYTES")]
    pub(super) memory_limit: Option<MemoryLimit>,

    /// How many containers there may be, those at rest included [default: 200].
    #[arg(long, global = true, env = "SD_DAEMON_MAX_CONTAINERS", value_name = "NUMBER")]
    pub(super) max_containers: Option<NonZeroU32>,

    /// Stop containers that nobody used for this long: 2h30m, 90s; 0 or never pins them [default: 2h30m].
    #[arg(long, global = true, env = "SD_DAEMON_IDLE_TIMEOUT", value_name = "DURATION")]
    pub(super) idle_timeout: Option<LimitSetting>,

    /// Where containers check in: gateway:PORT, ADDRESS:PORT or off [default: gateway:80].
    #[arg(long, global = true, env = "SD_DAEMON_CHECK_IN_LISTEN", value_name = "WHERE")]
    pub(super) check_in_listen: Option<CheckInListen>,

    /// Serve other machines in clear text, because something in front of the daemon encrypts; without effect where
    /// the daemon does.
    #[arg(
        long, global = true, env = "SD_DAEMON_INSECURE_HTTP", value_name = "true|false",
        num_args = 0..=1, require_equals = true, default_missing_value = "true"
    )]
    pub(super) insecure_http: Option<bool>,

    /// Stop containers that have run for this long, however much they are used [default: never].
    #[arg(long, global = true, env = "SD_DAEMON_MAX_LIFETIME", value_name = "DURATION")]
    pub(super) max_lifetime: Option<LimitSetting>,

    /// Remove containers that have been stopped for this long [default: never].
    #[arg(long, global = true, env = "SD_DAEMON_REMOVE_AFTER", value_name = "DURATION")]
    pub(super) remove_after: Option<LimitSetting>,

    /// Announce a stop this long before, or a quarter of the idle timeout where that is shorter; never
    /// announces none [default: 5m].
    #[arg(long, global = true, env = "SD_DAEMON_IDLE_WARNING", value_name = "DURATION")]
    pub(super) idle_warning: Option<LimitSetting>,

    /// What tells of use: check-in, connections (seen from the host), cpu [default: check-in,connections].
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_ACTIVITY_SIGNALS",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub(super) activity_signals: Option<Vec<SignalSetting>>,

    /// How often containers are looked at from the host; oftener while a container with a short idle
    /// timeout runs [default: 15s].
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_PROBE_INTERVAL",
        value_name = "DURATION"
    )]
    pub(super) probe_interval: Option<SpanSetting>,

    /// A connection is in use when it carries this many bytes of data a minute. What keeps a connection open
    /// is no data, and keep-alives of ssh do not count [default: 1].
    #[arg(long, global = true, env = "SD_DAEMON_CONNECTION_FLOOR", value_name = "BYTES")]
    pub(super) connection_floor: Option<u64>,

    /// A container is in use when it keeps this many processor cores busy, if cpu is among the signals
    /// [default: 0.1].
    #[arg(long, global = true, env = "SD_DAEMON_CPU_THRESHOLD", value_name = "CORES")]
    pub(super) cpu_threshold: Option<f64>,

    /// Connections from these addresses or networks are nobody's use, such as those of monitors.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_IGNORE_SOURCES",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub(super) ignore_sources: Option<Vec<SourceSetting>>,

    /// The longest time for which a container can say that it is busy [default: 4h].
    #[arg(long, global = true, env = "SD_DAEMON_BUSY_LIMIT", value_name = "DURATION")]
    pub(super) busy_limit: Option<SpanSetting>,

    /// Where to post what happens to containers.
    #[arg(long, global = true, env = "SD_DAEMON_WEBHOOK_URL", value_name = "URL")]
    pub(super) webhook_url: Option<String>,

    /// File with the secret that those posts are signed with; only its owner may read it.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_WEBHOOK_SECRET_FILE",
        value_name = "FILE"
    )]
    pub(super) webhook_secret_file: Option<PathBuf>,

    /// Limits for the containers of some images. In the file only, as tables named `image_rules`.
    #[arg(skip)]
    pub(super) image_rules: Option<Vec<ImageRuleSetting>>,

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

/// How long something may last, as a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub(super) struct LimitSetting(pub(super) TimeLimit);

impl FromStr for LimitSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limit: quantity::TimeLimit = text
            .parse()
            .map_err(|error: quantity::InvalidQuantity| error.to_string())?;
        Ok(Self(limit.into()))
    }
}

/// A length of time as a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub(super) struct SpanSetting(pub(super) Duration);

impl FromStr for SpanSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span: Span = text
            .parse()
            .map_err(|error: quantity::InvalidQuantity| error.to_string())?;
        Ok(Self(span.duration()))
    }
}

/// Seconds may stand in the file as a number.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "must be a duration such as \"90s\", \"6h\" or \"2h30m\", or whole seconds"
)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

/// What can tell of use, as a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SignalSetting {
    /// Reports of containers.
    CheckIn,
    /// Client connections seen from the host.
    Connections,
    /// The use of the processor.
    Cpu,
}

impl fmt::Display for SignalSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::CheckIn => "check-in",
            Self::Connections => "connections",
            Self::Cpu => "cpu",
        })
    }
}

/// An address or a network, as a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct SourceSetting(pub(super) IpNet);

impl FromStr for SourceSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network =
            network.map_err(|_| "must be an address such as 10.0.0.5 or a network such as 10.1.0.0/16");
        Ok(Self(network?))
    }
}

/// A name of this machine, or an address at which others reach it, as a setting.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct HostSetting(pub(super) Host);

impl FromStr for HostSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.parse().map(Host::Ipv6);
        address
            .or_else(|_| Host::parse(text))
            .map(Self)
            .map_err(|_| "must be a name such as sd.example.org, or an address, without a port".to_owned())
    }
}

/// A network, as a setting.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct NetworkSetting(pub(super) NetworkName);

impl FromStr for NetworkSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(text.parse()?))
    }
}

/// Limits for the containers of some images, as a setting.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageRuleSetting {
    /// Which images: a reference in which `*` stands for anything.
    pub(super) image: PatternSetting,
    #[serde(default)]
    pub(super) idle_timeout: Option<LimitSetting>,
    #[serde(default)]
    pub(super) max_lifetime: Option<LimitSetting>,
    #[serde(default)]
    pub(super) remove_after: Option<LimitSetting>,
}

/// Which images a rule is for, as a setting.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PatternSetting(pub(super) ImagePattern);

impl FromStr for PatternSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|invalid: crate::domain::Invalid| invalid.to_string())
    }
}

macro_rules! try_from_number_or_text {
    ($($setting:ty),*) => {$(
        impl TryFrom<NumberOrText> for $setting {
            type Error = String;

            fn try_from(value: NumberOrText) -> Result<Self, String> {
                match value {
                    NumberOrText::Number(number) => number.to_string().parse(),
                    NumberOrText::Text(text) => text.parse(),
                }
            }
        }
    )*};
}

try_from_number_or_text!(LimitSetting, SpanSetting);

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

try_from_string!(
    CheckInListen,
    SourceSetting,
    HostSetting,
    PatternSetting,
    NetworkSetting
);

impl Options {
    /// Takes from another place what is missing here.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            state_dir: self.state_dir.or(other.state_dir),
            password_file: self.password_file.or(other.password_file),
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            allowed_hosts: self.allowed_hosts.or(other.allowed_hosts),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            publish_address: self.publish_address.or(other.publish_address),
            network: self.network.or(other.network),
            memory_limit: self.memory_limit.or(other.memory_limit),
            max_containers: self.max_containers.or(other.max_containers),
            idle_timeout: self.idle_timeout.or(other.idle_timeout),
            max_lifetime: self.max_lifetime.or(other.max_lifetime),
            remove_after: self.remove_after.or(other.remove_after),
            idle_warning: self.idle_warning.or(other.idle_warning),
            activity_signals: self.activity_signals.or(other.activity_signals),
            probe_interval: self.probe_interval.or(other.probe_interval),
            connection_floor: self.connection_floor.or(other.connection_floor),
            cpu_threshold: self.cpu_threshold.or(other.cpu_threshold),
            ignore_sources: self.ignore_sources.or(other.ignore_sources),
            busy_limit: self.busy_limit.or(other.busy_limit),
            webhook_url: self.webhook_url.or(other.webhook_url),
            webhook_secret_file: self.webhook_secret_file.or(other.webhook_secret_file),
            image_rules: self.image_rules.or(other.image_rules),
            check_in_listen: self.check_in_listen.or(other.check_in_listen),
            insecure_http: self.insecure_http.or(other.insecure_http),
            log_format: self.log_format.or(other.log_format),
        }
    }
}
