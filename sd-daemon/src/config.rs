//! Settings: flag over environment over file over default, checked before anything is bound.

mod options;

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::TimeLimit;
use crate::engine::docker;

use options::DEFAULT_FILE;
pub use options::{CheckInListen, Cli, Command, LogFormat, MANUAL, Options};

/// The user of the API.
pub const USER: &str = "admin";
/// The password of the API when none is set. Everybody knows it, so it opens loopback only.
const DEFAULT_PASSWORD: &str = "spindocker";
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const DEFAULT_IDLE_TIMEOUT: TimeLimit = TimeLimit::After(Duration::from_secs(9000));
const DEFAULT_CHECK_IN: CheckInListen = CheckInListen::Gateway { port: 80 };
const RESTART_GRACE: Duration = Duration::from_secs(600);

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
    pub idle_timeout: TimeLimit,
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
            TimeLimit::Never => "never".to_owned(),
            TimeLimit::After(timeout) => humantime::format_duration(timeout).to_string(),
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
mod tests;
