//! The options of a connection to an engine.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use super::NetworkName;

/// The address of the engine if `DOCKER_HOST` is not set.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The address of an engine: a Unix socket, or plain HTTP over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineHost(Box<str>);

impl EngineHost {
    /// Reads the value of `DOCKER_HOST`. Without a value, or with an empty one, returns the default.
    pub fn from_variable(value: Option<&str>) -> Result<Self, String> {
        match value {
            None | Some("") => Ok(Self::default()),
            Some(host) => host.parse(),
        }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for EngineHost {
    fn default() -> Self {
        Self(DEFAULT_HOST.into())
    }
}

impl FromStr for EngineHost {
    type Err = String;

    fn from_str(host: &str) -> Result<Self, String> {
        let schemes = ["unix://", "tcp://", "http://"];
        if schemes.iter().any(|scheme| host.starts_with(scheme)) {
            Ok(Self(host.into()))
        } else {
            Err(format!(
                "{host:?} is not supported: use unix://PATH or tcp://HOST:PORT"
            ))
        }
    }
}

impl fmt::Display for EngineHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The options of the connection, from the settings and the registry.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The address of the engine.
    pub host: EngineHost,
    /// The identity of the registry whose containers the engine runs.
    pub instance: Arc<str>,
    /// The host address to publish ports on.
    pub publish_address: IpAddr,
    /// The network of new containers.
    pub network: NetworkName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_a_unix_socket_or_plain_http() {
        for host in [
            "unix:///run/docker.sock",
            "tcp://127.0.0.1:2375",
            "http://engine:2375",
        ] {
            assert_eq!(
                host.parse::<EngineHost>().map(|host| host.to_string()).as_deref(),
                Ok(host)
            );
        }
        for host in ["", "/run/docker.sock", "ssh://host", "https://host", "npipe://x"] {
            assert!(host.parse::<EngineHost>().is_err(), "{host}");
        }
    }

    #[test]
    fn empty_variable_is_the_default_host() {
        for value in [None, Some("")] {
            assert_eq!(EngineHost::from_variable(value).unwrap().as_str(), DEFAULT_HOST);
        }
    }
}
