//! The listener for check-ins.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::values::{StandardValue, serde_as_text};

/// The listener for check-ins.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Activity")]
pub struct CheckInOptions {
    /// Listen here for check-ins of containers: gateway:PORT, ADDRESS:PORT or off.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_CHECK_IN_LISTEN",
        value_name = "WHERE",
        default_value = "gateway:80"
    )]
    pub check_in_listen: CheckInListen,
}

/// Where the daemon listens for check-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckInListen {
    /// On the host's address in the network of the containers.
    Gateway {
        /// The port. If it is taken, another one is used.
        port: u16,
    },
    /// On this address.
    Address(SocketAddr),
    /// On the address of the API only.
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
            _ => Err(format!(
                "{text:?} is not a listener: must be gateway:PORT, off, or {}",
                SocketAddr::ALLOWED
            )),
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

serde_as_text!(CheckInListen);
