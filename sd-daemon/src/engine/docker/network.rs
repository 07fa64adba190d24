//! The network of containers.
//!
//! The default network is managed: a bridge without traffic between containers, which the daemon creates when it is
//! first needed. A setting can name another one, which must exist. No network is ever removed: stopped containers
//! belong to a network too, and other programs may use it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bollard::models::{NetworkConnectRequest, NetworkCreateRequest, NetworkInspect};

use super::connection::{Connection, RawRequest};
use super::error::CallError;
use super::{inspection, limits};
use crate::domain::ContainerId;
use crate::engine::{EngineError, NetworkName, labels};

/// The name of the bridge's interface on the host, for firewall rules.
///
/// Docker allows an interface name in one network only. This prevents two daemons that start at the same time from
/// creating two networks of the same name, which Docker would accept.
const INTERFACE: &str = "br-spin-docker";

/// The option of Docker's bridge driver for traffic between containers.
const BETWEEN_CONTAINERS: &str = "com.docker.network.bridge.enable_icc";

/// The network of new containers at one engine.
pub(super) struct Network {
    name: NetworkName,
    connection: Arc<Connection>,
    /// Whether the network was seen since the last connection to the engine. It may have been removed since; a start
    /// then fails and creates it again.
    was_seen: AtomicBool,
}

impl Network {
    pub(super) fn new(name: NetworkName, connection: Arc<Connection>) -> Self {
        Self {
            name,
            connection,
            was_seen: AtomicBool::new(false),
        }
    }

    pub(super) fn name(&self) -> &NetworkName {
        &self.name
    }

    /// Makes sure that the network exists.
    pub(super) async fn ensure_exists(&self) -> Result<(), EngineError> {
        if self.was_seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.inspect().await.map(drop)
    }

    /// Inspects the network at the engine. Creates the managed network if it is missing.
    pub(super) async fn inspect(&self) -> Result<NetworkInspect, EngineError> {
        self.was_seen.store(false, Ordering::Relaxed);
        let found = match inspect(&self.connection, &self.name).await? {
            None if self.name.is_managed() => self.create().await?,
            found => found,
        };
        let usable = validate(&self.name, found).map_err(EngineError::NoNetwork)?;
        self.was_seen.store(true, Ordering::Relaxed);
        Ok(usable)
    }

    /// Inspects the network and logs problems.
    pub(super) async fn check(&self) {
        match self.inspect().await {
            Ok(network) if self.name.is_managed() && allows_container_traffic(&network) => tracing::warn!(
                network = %self.name,
                "another program created the network, and its containers can reach each other; \
                 remove the network while it has no containers, and the daemon creates it again"
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "containers cannot be created or started"),
        }
    }

    /// Connects a container to the network again after the network was removed and created again.
    pub(super) async fn reconnect(&self, id: ContainerId) -> Result<(), EngineError> {
        self.inspect().await?;
        let request = NetworkConnectRequest {
            container: id.to_string(),
            endpoint_config: None,
        };
        let connected = self.connection.call(limits::READ, async |docker| {
            docker.connect_network(self.name.as_str(), request).await
        });
        Ok(connected.await?)
    }

    async fn create(&self) -> Result<Option<NetworkInspect>, EngineError> {
        let request = create_request(&self.name);
        let created = self.connection.call(limits::CREATE, async |docker| {
            docker.create_network(request).await
        });
        let refused = match created.await {
            Ok(_) => {
                tracing::info!(network = %self.name, interface = INTERFACE, "created the network for containers");
                None
            }
            // Another daemon may have created it first.
            Err(refused @ CallError::Answer { .. }) => Some(refused),
            Err(refused) => return Err(refused.into()),
        };
        let found = inspect(&self.connection, &self.name).await?;
        match (found, refused) {
            (None, Some(refused)) => Err(refused.into()),
            (found, _) => Ok(found),
        }
    }
}

/// Returns a network by its name, or `None` if the engine does not have it. Docker also accepts a prefix of an id, which
/// does not count.
pub(super) async fn inspect(
    connection: &Connection,
    name: &NetworkName,
) -> Result<Option<NetworkInspect>, EngineError> {
    let request = RawRequest::get(format!("/networks/{name}"));
    let reply = connection.fetch(limits::READ, request).await?;
    let Some(body) = reply.found()? else {
        return Ok(None);
    };
    let network: NetworkInspect = inspection::parse(&body)?;
    Ok((network.name.as_deref() == Some(name.as_str())).then_some(network))
}

/// The body that creates the managed network.
fn create_request(name: &NetworkName) -> NetworkCreateRequest {
    let options = [
        ("com.docker.network.bridge.name", INTERFACE),
        (BETWEEN_CONTAINERS, "false"),
    ];
    let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    NetworkCreateRequest {
        name: name.to_string(),
        driver: Some("bridge".to_owned()),
        options: Some(options.into_iter().map(owned).collect()),
        labels: Some(HashMap::from([owned((labels::NETWORK, "made by sd-daemon"))])),
        ..NetworkCreateRequest::default()
    }
}

/// Returns the network if containers can be connected to it, or the reason why not.
fn validate(name: &NetworkName, found: Option<NetworkInspect>) -> Result<NetworkInspect, String> {
    let Some(network) = found else {
        return Err(format!(
            "the engine has no network {name}; run `docker network create {name}` or change the setting network"
        ));
    };
    match network.driver.as_deref() {
        Some("bridge") => Ok(network),
        driver => Err(format!(
            "the network {name} has the driver {}, and containers need a bridge; change the setting network",
            driver.unwrap_or_default()
        )),
    }
}

fn allows_container_traffic(network: &NetworkInspect) -> bool {
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
    fn managed_network_is_a_bridge_without_container_traffic() {
        assert_eq!(
            serde_json::to_value(create_request(&NetworkName::default())).unwrap(),
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
        // The limit of Linux for interface names.
        assert!(INTERFACE.len() <= 15);
    }

    #[test]
    fn invalid_network_is_reported_with_a_remedy() {
        let name: NetworkName = "dev".parse().unwrap();
        let of = |json| validate(&name, Some(serde_json::from_value(json).unwrap()));
        assert_eq!(
            validate(&name, None).unwrap_err(),
            "the engine has no network dev; run `docker network create dev` or change the setting network"
        );
        assert_eq!(
            of(serde_json::json!({ "Name": "dev", "Driver": "overlay" })).unwrap_err(),
            "the network dev has the driver overlay, and containers need a bridge; change the setting network"
        );
        assert!(of(serde_json::json!({ "Name": "dev", "Driver": "bridge" })).is_ok());
    }

    #[test]
    fn container_traffic_is_allowed_by_default() {
        let of = |json| allows_container_traffic(&serde_json::from_value(json).unwrap());
        assert!(of(serde_json::json!({})));
        assert!(of(
            serde_json::json!({ "Options": { BETWEEN_CONTAINERS: "true" } })
        ));
        assert!(!of(
            serde_json::json!({ "Options": { BETWEEN_CONTAINERS: "false" } })
        ));
    }
}
