//! The network that containers are put on.
//!
//! By default it is ours: a bridge on which containers do not reach each other, made when it is first needed.
//! A setting names another one, which then has to be there. None is ever removed: containers at rest belong to
//! a network as well, and others may have put something on it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bollard::models::{NetworkConnectRequest, NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::InspectNetworkOptions;

use super::error::CallError;
use super::{Connection, limit};
use crate::domain::ContainerId;
use crate::engine::EngineError;

/// The bridge's interface on the host, for those who write rules for a firewall.
///
/// Docker gives one interface to one network only. That is what keeps two daemons that start at once from making
/// two networks of one name, which Docker would let them.
const INTERFACE: &str = "br-spin-docker";

/// Says whose network it is, to people.
const LABEL: &str = "spin-docker.network";

/// Whether containers reach each other, as Docker's bridge driver calls it.
const BETWEEN_CONTAINERS: &str = "com.docker.network.bridge.enable_icc";

/// How a network is called. It becomes part of a path, so it contains nothing that could lead that astray.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkName(Box<str>);

impl NetworkName {
    /// The name of our own.
    const OURS: &str = "spin-docker";

    fn is_ours(&self) -> bool {
        &*self.0 == Self::OURS
    }
}

impl Default for NetworkName {
    fn default() -> Self {
        Self(Self::OURS.into())
    }
}

impl FromStr for NetworkName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut bytes = text.bytes();
        let is_name = bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if is_name && text.len() <= 255 {
            Ok(Self(text.into()))
        } else {
            Err("must be the name of a Docker network, such as spin-docker or bridge".to_owned())
        }
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The network of new containers, at one engine.
pub(super) struct Network {
    name: NetworkName,
    connection: Arc<Connection>,
    /// Whether it was found since the last connection to the engine. Somebody may have removed it all the same;
    /// a start finds out.
    is_found: AtomicBool,
}

impl Network {
    pub(super) fn new(name: NetworkName, connection: Arc<Connection>) -> Self {
        Self {
            name,
            connection,
            is_found: AtomicBool::new(false),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name.0
    }

    /// Makes sure that there is a network to put a container on.
    pub(super) async fn provide(&self) -> Result<(), EngineError> {
        if self.is_found.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.find().await.map(drop)
    }

    /// Looks at the network, whatever was known of it. Ours is made when it is missing.
    pub(super) async fn find(&self) -> Result<NetworkInspect, EngineError> {
        self.is_found.store(false, Ordering::Relaxed);
        let found = match inspect(&self.connection, self.name()).await? {
            None if self.name.is_ours() => self.make().await?,
            found => found,
        };
        let usable = usable(&self.name, found).map_err(EngineError::NoNetwork)?;
        self.is_found.store(true, Ordering::Relaxed);
        Ok(usable)
    }

    /// Looks at the network, and says what an operator should know.
    pub(super) async fn check(&self) {
        match self.find().await {
            Ok(network) if self.name.is_ours() && lets_containers_talk(&network) => tracing::warn!(
                "containers on the network {} can reach each other, because somebody else has made it: \
                 remove it while no container is on it, and it is made anew",
                self.name
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "no container can be created or started"),
        }
    }

    /// Puts a container on the network again that was on it before somebody removed and remade it.
    pub(super) async fn rejoin(&self, id: ContainerId) -> Result<(), EngineError> {
        self.find().await?;
        let request = NetworkConnectRequest {
            container: id.to_string(),
            endpoint_config: None,
        };
        let joined = self.connection.call(limit::READ, async |docker| {
            docker.connect_network(self.name(), request).await
        });
        Ok(joined.await?)
    }

    async fn make(&self) -> Result<Option<NetworkInspect>, EngineError> {
        let request = request(&self.name);
        let made = self
            .connection
            .call(limit::CREATE, async |docker| docker.create_network(request).await);
        let refused = match made.await {
            Ok(_) => {
                tracing::info!(network = %self.name, interface = INTERFACE, "made the network of the containers");
                None
            }
            // Somebody else may have been quicker.
            Err(refused @ CallError::Answer { .. }) => Some(refused),
            Err(refused) => return Err(refused.into()),
        };
        let found = inspect(&self.connection, self.name()).await?;
        match (found, refused) {
            (None, Some(refused)) => Err(refused.into()),
            (found, _) => Ok(found),
        }
    }
}

/// A network by its name. Docker would also take the beginning of an id for one.
pub(super) async fn inspect(
    connection: &Connection,
    name: &str,
) -> Result<Option<NetworkInspect>, EngineError> {
    let found = connection.call(limit::READ, async |docker| {
        docker.inspect_network(name, None::<InspectNetworkOptions>).await
    });
    match found.await {
        Ok(network) if network.name.as_deref() == Some(name) => Ok(Some(network)),
        Ok(_) | Err(CallError::Answer { status: 404, .. }) => Ok(None),
        Err(refused) => Err(refused.into()),
    }
}

/// Whether a refusal is about a network that is gone.
pub(super) fn is_missing_network(refused: &CallError) -> bool {
    matches!(refused, CallError::Answer { status: 404, message }
        if message.contains("network ") && message.ends_with("not found"))
}

/// How ours is made.
fn request(name: &NetworkName) -> NetworkCreateRequest {
    let options = [
        ("com.docker.network.bridge.name", INTERFACE),
        (BETWEEN_CONTAINERS, "false"),
    ];
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    NetworkCreateRequest {
        name: name.to_string(),
        driver: Some("bridge".to_owned()),
        options: Some(options.into_iter().map(owned).collect()),
        labels: Some(HashMap::from([owned((LABEL, "made by sd-daemon"))])),
        ..NetworkCreateRequest::default()
    }
}

/// A network on which containers can be, or why not in words.
fn usable(name: &NetworkName, found: Option<NetworkInspect>) -> Result<NetworkInspect, String> {
    let Some(network) = found else {
        return Err(format!(
            "the Docker engine has no network {name}: run docker network create {name}, or change the setting network"
        ));
    };
    match network.driver.as_deref() {
        Some("bridge") => Ok(network),
        driver => Err(format!(
            "the network {name} is of the driver {}, and containers are put on a bridge only: change the setting network",
            driver.unwrap_or_default()
        )),
    }
}

fn lets_containers_talk(network: &NetworkInspect) -> bool {
    let options = network.options.as_ref();
    options
        .and_then(|options| options.get(BETWEEN_CONTAINERS))
        .map(String::as_str)
        != Some("false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_network_is_made_exactly_like_this() {
        assert_eq!(
            serde_json::to_value(request(&NetworkName::default())).unwrap(),
            serde_json::json!({
                "Name": "spin-docker",
                "Driver": "bridge",
                "Options": {
                    "com.docker.network.bridge.name": "br-spin-docker",
                    "com.docker.network.bridge.enable_icc": "false",
                },
                "Labels": { "spin-docker.network": "made by sd-daemon" },
            })
        );
        // Linux has 15 bytes for it.
        assert!(INTERFACE.len() <= 15);
    }

    #[test]
    fn a_network_that_is_missing_or_no_bridge_is_told_with_what_to_do() {
        let name: NetworkName = "dev".parse().unwrap();
        let of = |json| usable(&name, Some(serde_json::from_value(json).unwrap()));
        assert_eq!(
            usable(&name, None).unwrap_err(),
            "the Docker engine has no network dev: run docker network create dev, or change the setting network"
        );
        assert_eq!(
            of(serde_json::json!({ "Name": "dev", "Driver": "overlay" })).unwrap_err(),
            "the network dev is of the driver overlay, and containers are put on a bridge only: change the setting network"
        );
        assert!(of(serde_json::json!({ "Name": "dev", "Driver": "bridge" })).is_ok());
    }

    #[test]
    fn containers_talk_unless_it_is_said_that_they_do_not() {
        let of = |json| lets_containers_talk(&serde_json::from_value(json).unwrap());
        assert!(of(serde_json::json!({})));
        assert!(of(
            serde_json::json!({ "Options": { BETWEEN_CONTAINERS: "true" } })
        ));
        assert!(!of(
            serde_json::json!({ "Options": { BETWEEN_CONTAINERS: "false" } })
        ));
    }

    #[test]
    fn a_name_cannot_lead_a_path_astray() {
        for name in ["bridge", "spin-docker", "a_b.c-1"] {
            assert!(name.parse::<NetworkName>().is_ok(), "{name}");
        }
        for name in [
            "",
            "../x",
            "a/b",
            "a?b",
            "-a",
            "container:web",
            "a b",
            &"a".repeat(256),
        ] {
            assert!(name.parse::<NetworkName>().is_err(), "{name}");
        }
    }

    #[test]
    fn only_a_missing_network_is_one() {
        let refused = |status, message: &str| CallError::Answer {
            status,
            message: message.to_owned(),
        };
        assert!(is_missing_network(&refused(
            404,
            "network c3e7d0f9c68e not found"
        )));
        let wrapped = "failed to set up container networking: network c3e7 not found";
        assert!(is_missing_network(&refused(404, wrapped)));
        assert!(!is_missing_network(&refused(404, "No such container: web")));
        assert!(!is_missing_network(&refused(500, "network c3e7 not found")));
    }
}
