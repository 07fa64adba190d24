//! The container engine, and what it gives to new containers.

use std::net::IpAddr;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::values::{self, Network};

/// Properties of new containers. The engine itself is selected by `DOCKER_HOST`, as for every Docker client.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Containers")]
pub struct EngineOptions {
    /// Publish container ports on this address of the host [default: the API's address].
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_PUBLISH_ADDRESS",
        value_name = "IP",
        value_parser = values::parse::<IpAddr>
    )]
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "values::deserialize_some"
    )]
    pub publish_address: Option<IpAddr>,

    /// Connect new containers to this Docker bridge network.
    ///
    /// The default network is created if it does not exist.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_NETWORK",
        value_name = "NAME",
        default_value = "spin-docker"
    )]
    pub network: Network,
}
