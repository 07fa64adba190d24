//! Settings: flag over environment over file over default, checked before anything is bound.
//!
//! Longer than most files here: what a setting means, what is refused and how it is shown again stand side by side.

mod options;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sd_client::quantity::{self, Memory, MemoryLimit};
use url::{Host, Url};

use crate::domain::{ImageRule, Limits, Policy, TimeLimit, Timestamp, UseRule};
use crate::engine::NetworkName;
use crate::engine::connect::EngineHost;
use crate::password::Password;
use crate::service::{Capacity, Signals, Switch};
use crate::tls::{self, Tls};
use crate::webhook::{Receiver, SigningKey};

pub use options::{CheckInListen, Cli, Command, LogFormat, MANUAL, Options, RecoverArgs};
use options::{DEFAULT_FILE, LimitSetting, SignalSetting};

/// The user of the API.
pub const USER: &str = "admin";
/// The password of the API when none is set. Everybody knows it, so it opens loopback only.
const DEFAULT_PASSWORD: &str = "spindocker";
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const DEFAULT_IDLE_TIMEOUT: TimeLimit = TimeLimit::After(Duration::from_secs(9000));
const DEFAULT_CHECK_IN: CheckInListen = CheckInListen::Gateway { port: 80 };
const RESTART_GRACE: Duration = Duration::from_secs(600);
const DEFAULT_WARNING: Duration = Duration::from_secs(300);
const DEFAULT_PROBE_INTERVAL: Duration = Duration::from_secs(15);
const DEFAULT_SIGNALS: &[SignalSetting] = &[SignalSetting::CheckIn, SignalSetting::Connections];
const DEFAULT_CPU_THRESHOLD: f64 = 0.1;
/// Enough for what people run on demand, and little enough that one of them does not take the machine down.
const DEFAULT_MEMORY: MemoryLimit = MemoryLimit::AtMost(Memory::from_bytes(2 << 30).expect("it is in range"));
/// Far more than a team has, and few enough to be listed in no time.
const DEFAULT_MOST_CONTAINERS: u32 = 200;
const DEFAULT_BUSY_LIMIT: Duration = Duration::from_secs(4 * 60 * 60);

/// Far longer than any secret, in bytes.
const LARGEST_SECRET: u64 = 64 * 1024;

/// A secret that does not show up where it does not belong.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl Secret {
    /// The secret itself.
    fn reveal(&self) -> &str {
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
pub struct Settings {
    /// Address of the API.
    pub listen: SocketAddr,
    /// Where the registry is kept.
    pub state_dir: PathBuf,
    /// Password of the API.
    pub password: Password,
    /// What the API shows of itself where it is served over TLS.
    pub tls: Option<Identity>,
    /// Names by which the daemon may be called, besides its addresses and `localhost`.
    pub allowed_hosts: Vec<Host>,
    /// Proxies that are believed when they say who their clients are.
    pub trusted_proxies: Vec<IpNet>,
    /// Address on which ports are published.
    pub publish_address: IpAddr,
    /// The network that new containers are put on.
    pub network: NetworkName,
    /// How much the daemon takes on.
    pub capacity: Capacity,
    /// When containers are stopped and removed.
    pub policy: Policy,
    /// What tells of use.
    pub signals: Signals,
    /// How often containers are looked at from the host; more often where one may be unused for less long.
    pub probe_interval: Duration,
    /// Where to tell what happens to containers.
    pub webhook: Option<Receiver>,
    /// Where containers check in.
    pub check_in_listen: CheckInListen,
    /// How the log is written.
    pub log_format: LogFormat,
    /// The Docker engine.
    pub docker_host: EngineHost,
}

/// A certificate and its key, and where they are from.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The file with the certificate.
    pub certificate: PathBuf,
    /// The file with the key.
    pub key: PathBuf,
    /// What is in them.
    pub tls: Tls,
}

/// Why the settings cannot be used. Each names the key.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
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
    pub fn settings(self, docker_host: Option<String>) -> Result<Settings, SettingsError> {
        let file = read_file(self.config.as_deref())?;
        resolve(&self.options.or(file), docker_host)
    }
}

#[cfg(feature = "test-support")]
impl Settings {
    /// The settings of a file with this text, and of nothing else.
    pub(crate) fn from_text(text: &str) -> Result<Self, SettingsError> {
        resolve(&parse(text, Path::new(DEFAULT_FILE))?, None)
    }
}

fn read_file(named: Option<&Path>) -> Result<Options, SettingsError> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let file = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Options::default()),
        Err(source) => Err(SettingsError::Unreadable {
            key: "config",
            file,
            source,
        }),
    }
}

fn parse(text: &str, path: &Path) -> Result<Options, SettingsError> {
    toml::from_str(text).map_err(|error| SettingsError::File {
        file: path.display().to_string(),
        reason: error.to_string().trim_end().to_owned(),
    })
}

fn resolve(options: &Options, docker_host: Option<String>) -> Result<Settings, SettingsError> {
    let listen = options.listen.unwrap_or(DEFAULT_LISTEN);
    let password = options.password_file.as_deref().map(read_password).transpose()?;
    let tls = identity(options)?;
    let may_be_read = options.insecure_http.unwrap_or_default();
    validate_exposure(listen, password.as_ref(), tls.is_some() || may_be_read)?;
    let docker_host = EngineHost::from_variable(docker_host.as_deref());
    let docker_host = docker_host.map_err(|reason| SettingsError::Unusable {
        key: "DOCKER_HOST",
        reason,
    })?;
    let policy = policy(options);
    let signals = signals(options)?;
    let wanted_interval = options.probe_interval.map(|setting| setting.0);
    if let Some(interval) = wanted_interval.filter(|_| signals.need_prober()) {
        validate_probe_interval(&policy, interval)?;
    }
    Ok(Settings {
        listen,
        state_dir: options.state_dir.clone().map_or_else(default_state_dir, Ok)?,
        password: password.unwrap_or_else(|| Password::from(DEFAULT_PASSWORD)),
        tls,
        allowed_hosts: options
            .allowed_hosts
            .iter()
            .flatten()
            .map(|setting| setting.0.clone())
            .collect(),
        trusted_proxies: options
            .trusted_proxies
            .iter()
            .flatten()
            .map(|setting| setting.0)
            .collect(),
        publish_address: options.publish_address.unwrap_or(listen.ip()),
        network: options
            .network
            .as_ref()
            .map_or_else(NetworkName::default, |setting| setting.0.clone()),
        capacity: Capacity {
            containers: options
                .max_containers
                .map_or(DEFAULT_MOST_CONTAINERS, std::num::NonZero::get),
            memory_bytes: options.memory_limit.unwrap_or(DEFAULT_MEMORY).bytes(),
        },
        policy,
        signals,
        probe_interval: wanted_interval.unwrap_or(DEFAULT_PROBE_INTERVAL),
        webhook: webhook(options)?,
        check_in_listen: options.check_in_listen.unwrap_or(DEFAULT_CHECK_IN),
        log_format: options.log_format.unwrap_or_default(),
        docker_host,
    })
}

fn policy(options: &Options) -> Policy {
    let or_never = |setting: Option<LimitSetting>| setting.map_or(TimeLimit::Never, |setting| setting.0);
    let rules = options.image_rules.iter().flatten().map(|rule| ImageRule {
        images: rule.image.0.clone(),
        limits: Limits {
            idle_timeout: rule.idle_timeout.map(|setting| setting.0),
            max_lifetime: rule.max_lifetime.map(|setting| setting.0),
            remove_after: rule.remove_after.map(|setting| setting.0),
        },
    });
    Policy {
        default_timeout: options
            .idle_timeout
            .map_or(DEFAULT_IDLE_TIMEOUT, |setting| setting.0),
        default_lifetime: or_never(options.max_lifetime),
        default_rest: or_never(options.remove_after),
        image_rules: rules.collect(),
        restart_grace: RESTART_GRACE,
        resumed_at: Timestamp::from_millis(0),
        warn_before: match options.idle_warning {
            None => DEFAULT_WARNING,
            Some(LimitSetting(TimeLimit::After(before))) => before,
            Some(LimitSetting(TimeLimit::Never)) => Duration::ZERO,
        },
    }
}

fn signals(options: &Options) -> Result<Signals, SettingsError> {
    let chosen = options.activity_signals.as_deref().unwrap_or(DEFAULT_SIGNALS);
    let switch = |signal| {
        if chosen.contains(&signal) {
            Switch::On
        } else {
            Switch::Off
        }
    };
    let cores = options.cpu_threshold.unwrap_or(DEFAULT_CPU_THRESHOLD);
    if !(0.001..=1024.0).contains(&cores) {
        return Err(SettingsError::Unusable {
            key: "cpu_threshold",
            reason: format!("{cores} must be a number of cores from 0.001 to 1024"),
        });
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0.001 to 1024 cores are far inside u32"
    )]
    let millicores = (cores * 1_000.0).round() as u32;
    Ok(Signals {
        check_in: switch(SignalSetting::CheckIn),
        connections: switch(SignalSetting::Connections),
        use_rule: UseRule {
            bytes_per_minute: options.connection_floor.unwrap_or(1),
            cpu_millicores: (switch(SignalSetting::Cpu) == Switch::On).then_some(millicores),
        },
        ignored_sources: options
            .ignore_sources
            .iter()
            .flatten()
            .map(|source| source.0)
            .collect(),
        busy_limit: options.busy_limit.map_or(DEFAULT_BUSY_LIMIT, |setting| setting.0),
    })
}

/// Who looks more seldom than something may be unused shows activity that is long over.
fn validate_probe_interval(policy: &Policy, interval: Duration) -> Result<(), SettingsError> {
    let defaults = [("idle_timeout".to_owned(), policy.default_timeout)];
    let rules = policy.image_rules.iter().filter_map(|rule| {
        let key = format!("idle_timeout of the image rule {}", rule.images);
        Some((key, rule.limits.idle_timeout?))
    });
    for (key, limit) in defaults.into_iter().chain(rules) {
        if let TimeLimit::After(timeout) = limit
            && interval >= timeout
        {
            let format_limit = |duration| format_limit(TimeLimit::After(duration));
            return Err(SettingsError::Unusable {
                key: "probe_interval",
                reason: format!(
                    "{} is not shorter than {key}, {}: look more often, or let containers be unused for longer",
                    format_limit(interval),
                    format_limit(timeout)
                ),
            });
        }
    }
    Ok(())
}

fn webhook(options: &Options) -> Result<Option<Receiver>, SettingsError> {
    let key = options.webhook_secret_file.as_deref();
    let key = key.map(signing_key).transpose()?;
    let Some(text) = &options.webhook_url else {
        return match key {
            None => Ok(None),
            Some(_) => Err(SettingsError::Unusable {
                key: "webhook_secret_file",
                reason: "there is nothing to sign without webhook_url".to_owned(),
            }),
        };
    };
    let unusable = |reason: String| SettingsError::Unusable {
        key: "webhook_url",
        reason,
    };
    let url = Url::parse(text).map_err(|error| unusable(format!("{text:?} is not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(unusable(format!(
            "{text:?} must begin with http:// or https:// and name a host"
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // It would show in the log and in check-config.
        return Err(unusable(
            "must not carry a name or a password: let the receiver check signatures, with webhook_secret_file"
                .to_owned(),
        ));
    }
    Ok(Some(Receiver { url, key }))
}

fn signing_key(path: &Path) -> Result<SigningKey, SettingsError> {
    const KEY: &str = "webhook_secret_file";
    SigningKey::parse(read_secret(KEY, path)?.reveal()).map_err(|error| SettingsError::Unusable {
        key: KEY,
        reason: format!("{}: {error}", path.display()),
    })
}

fn identity(options: &Options) -> Result<Option<Identity>, SettingsError> {
    const CERTIFICATE: &str = "tls_cert";
    const KEY: &str = "tls_key";
    let missing = |key: &'static str, other: &str| SettingsError::Unusable {
        key,
        reason: format!("is missing: {other} is of no use without it"),
    };
    let (certificate, key) = match (&options.tls_cert, &options.tls_key) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(missing(KEY, CERTIFICATE)),
        (None, Some(_)) => return Err(missing(CERTIFICATE, KEY)),
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
    };
    let certificates = std::fs::read(&certificate).map_err(|source| SettingsError::Unreadable {
        key: CERTIFICATE,
        file: certificate.display().to_string(),
        source,
    })?;
    let secret = read_secret(KEY, &key)?;
    let tls = Tls::read(&certificates, secret.reveal().as_bytes()).map_err(|unusable| {
        let (key, file, reason) = match unusable {
            tls::Unusable::Certificate(reason) => (CERTIFICATE, &certificate, reason),
            tls::Unusable::Key(reason) => (KEY, &key, reason),
        };
        let reason = format!("{} {reason}", file.display());
        SettingsError::Unusable { key, reason }
    })?;
    Ok(Some(Identity {
        certificate,
        key,
        tls,
    }))
}

/// Other machines may reach the API only with a password that not everybody knows, and not by accident
/// in clear text.
fn validate_exposure(
    listen: SocketAddr,
    password: Option<&Password>,
    is_consented: bool,
) -> Result<(), SettingsError> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    let problem = if password.is_none_or(|password| password.is(DEFAULT_PASSWORD)) {
        "is open to other machines with the default password: set password_file to one of your own, or listen on \
         127.0.0.1"
    } else if !is_consented {
        "would send the password over the network in clear text: set tls_cert and tls_key; or put a proxy with TLS \
         in front and listen on 127.0.0.1, or set insecure_http if the way to that proxy is private"
    } else {
        return Ok(());
    };
    Err(SettingsError::Unusable {
        key: "listen",
        reason: format!("{listen} {problem}"),
    })
}

fn read_password(path: &Path) -> Result<Password, SettingsError> {
    const KEY: &str = "password_file";
    Password::parse(read_secret(KEY, path)?.reveal()).map_err(|error| SettingsError::Unusable {
        key: KEY,
        reason: format!(
            "{} {error}: make one with sd-daemon hash-password",
            path.display()
        ),
    })
}

/// Reads a secret from a file that nobody else can read.
fn read_secret(key: &'static str, path: &Path) -> Result<Secret, SettingsError> {
    let file = path.display().to_string();
    let unreadable = |source| SettingsError::Unreadable {
        key,
        file: file.clone(),
        source,
    };
    let unusable = |reason: String| SettingsError::Unusable { key, reason };
    let secret = open_secret(path).map_err(|source| match Errno::from_io_error(&source) {
        Some(Errno::LOOP) => unusable(format!("{file} is a symbolic link: name the file itself")),
        _ => unreadable(source),
    })?;
    // Of what was opened, which nobody can exchange any more.
    let metadata = secret.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unusable(format!("{file} is not a regular file")));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(unusable(format!(
            "{file} can be read by others: run chmod 600 {file}"
        )));
    }
    if ![0, rustix::process::geteuid().as_raw()].contains(&metadata.uid()) {
        return Err(unusable(format!(
            "{file} belongs to another user, who can change it: run chown on it"
        )));
    }
    let mut text = String::new();
    secret
        .take(LARGEST_SECRET)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(unusable(format!("{file} is empty"))),
        password => Ok(Secret(password.to_owned())),
    }
}

/// Follows no link, whose owner may be somebody else, and waits for nobody at the other end of a pipe.
fn open_secret(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

fn default_state_dir() -> Result<PathBuf, SettingsError> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/spin-docker"));
    }
    let directories = directories::ProjectDirs::from("", "", "spin-docker");
    let state_dir = directories.as_ref().and_then(directories::ProjectDirs::state_dir);
    state_dir
        .map(Path::to_owned)
        .ok_or_else(|| SettingsError::Unusable {
            key: "state_dir",
            reason: "there is no home directory to find a default in: name a directory".to_owned(),
        })
}

/// The settings as a file would have them, the password masked.
impl fmt::Display for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log_format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        writeln!(formatter, "listen = \"{}\"", self.listen)?;
        writeln!(formatter, "state_dir = \"{}\"", self.state_dir.display())?;
        writeln!(formatter, "# password: {:?}", self.password)?;
        if let Some(identity) = &self.tls {
            writeln!(formatter, "tls_cert = \"{}\"", identity.certificate.display())?;
            writeln!(formatter, "tls_key = \"{}\"", identity.key.display())?;
        }
        let hosts = self.allowed_hosts.iter().map(|host| format!("\"{host}\""));
        writeln!(
            formatter,
            "allowed_hosts = [{}]",
            hosts.collect::<Vec<_>>().join(", ")
        )?;
        let proxies = self.trusted_proxies.iter().map(|proxy| format!("\"{proxy}\""));
        writeln!(
            formatter,
            "trusted_proxies = [{}]",
            proxies.collect::<Vec<_>>().join(", ")
        )?;
        writeln!(formatter, "publish_address = \"{}\"", self.publish_address)?;
        writeln!(formatter, "network = \"{}\"", self.network)?;
        let memory = self.capacity.memory_bytes;
        let memory = memory
            .and_then(Memory::from_bytes)
            .map_or(MemoryLimit::Unlimited, MemoryLimit::AtMost);
        writeln!(formatter, "memory_limit = \"{memory}\"")?;
        writeln!(formatter, "max_containers = {}", self.capacity.containers)?;
        writeln!(formatter, "check_in_listen = \"{}\"", self.check_in_listen)?;
        writeln!(formatter, "log_format = \"{log_format}\"")?;
        self.write_policy(formatter)?;
        self.write_signals(formatter)?;
        if let Some(webhook) = &self.webhook {
            writeln!(formatter, "webhook_url = \"{}\"", webhook.url)?;
            if let Some(key) = &webhook.key {
                writeln!(formatter, "# webhook secret: {key:?}")?;
            }
        }
        writeln!(formatter, "# DOCKER_HOST: {}", self.docker_host)?;
        for rule in &*self.policy.image_rules {
            writeln!(formatter, "\n[[image_rules]]\nimage = \"{}\"", rule.images)?;
            let limits = [
                ("idle_timeout", rule.limits.idle_timeout),
                ("max_lifetime", rule.limits.max_lifetime),
                ("remove_after", rule.limits.remove_after),
            ];
            for (key, limit) in limits.into_iter().filter_map(|(key, limit)| Some((key, limit?))) {
                writeln!(formatter, "{key} = \"{}\"", format_limit(limit))?;
            }
        }
        Ok(())
    }
}

impl Settings {
    fn write_policy(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policy = &self.policy;
        writeln!(
            formatter,
            "idle_timeout = \"{}\"",
            format_limit(policy.default_timeout)
        )?;
        writeln!(
            formatter,
            "max_lifetime = \"{}\"",
            format_limit(policy.default_lifetime)
        )?;
        writeln!(
            formatter,
            "remove_after = \"{}\"",
            format_limit(policy.default_rest)
        )?;
        let warning = match policy.warn_before {
            Duration::ZERO => TimeLimit::Never,
            before => TimeLimit::After(before),
        };
        writeln!(formatter, "idle_warning = \"{}\"", format_limit(warning))
    }

    fn write_signals(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signals = &self.signals;
        let on = [
            (SignalSetting::CheckIn, signals.check_in == Switch::On),
            (SignalSetting::Connections, signals.connections == Switch::On),
            (SignalSetting::Cpu, signals.use_rule.cpu_millicores.is_some()),
        ];
        let on = on
            .iter()
            .filter(|(_, is_on)| *is_on)
            .map(|(signal, _)| format!("\"{signal}\""));
        writeln!(
            formatter,
            "activity_signals = [{}]",
            on.collect::<Vec<_>>().join(", ")
        )?;
        writeln!(
            formatter,
            "probe_interval = \"{}\"",
            format_limit(TimeLimit::After(self.probe_interval))
        )?;
        writeln!(
            formatter,
            "connection_floor = {}",
            signals.use_rule.bytes_per_minute
        )?;
        if let Some(millicores) = signals.use_rule.cpu_millicores {
            writeln!(formatter, "cpu_threshold = {}", f64::from(millicores) / 1_000.0)?;
        }
        let ignored = signals
            .ignored_sources
            .iter()
            .map(|source| format!("\"{source}\""));
        writeln!(
            formatter,
            "ignore_sources = [{}]",
            ignored.collect::<Vec<_>>().join(", ")
        )?;
        writeln!(
            formatter,
            "busy_limit = \"{}\"",
            format_limit(TimeLimit::After(signals.busy_limit))
        )
    }
}

fn format_limit(limit: TimeLimit) -> String {
    match limit {
        TimeLimit::Never => "never".to_owned(),
        TimeLimit::After(duration) => quantity::TimeLimit::After(duration).to_string(),
    }
}

#[cfg(test)]
mod tests;
