//! Docker, through its HTTP API.
//!
//! The only place that knows bollard. What is sent is built in `policy`, what comes back is read in
//! `convert`; both are pure. Only full container ids that come from the registry become part of a path.

mod convert;
mod error;
mod events;
mod network;
mod policy;
mod transport;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptions,
    RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_util::stream::{BoxStream, StreamExt};

use super::{ContainerSpec, Engine, EngineError, EngineEvent, Managed};
use crate::domain::{ContainerId, Image, ImageRef, Name, Observation};
use error::CallError;
use network::Network;
pub use network::NetworkName;

/// Limits of calls, each from the request to the end of the answer. Generous: they tell an engine that
/// hangs from one that is busy.
mod limit {
    use std::time::Duration;

    pub(super) const READ: Duration = Duration::from_secs(15);
    pub(super) const LIST: Duration = Duration::from_secs(30);
    pub(super) const CREATE: Duration = Duration::from_secs(60);
    pub(super) const START: Duration = Duration::from_secs(120);
    pub(super) const REMOVE: Duration = Duration::from_secs(60);
    /// On top of the grace of the container.
    pub(super) const STOP: Duration = Duration::from_secs(30);
}

/// How long is waited for a removal that somebody else has begun.
const FOREIGN_REMOVAL: Duration = Duration::from_secs(30);

/// Where Docker is, when nothing says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// A container that says of itself that it belongs to a registry, in Docker's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledContainer {
    /// The container.
    pub id: ContainerId,
    /// The registry.
    pub instance: String,
    /// What it is called.
    pub name: String,
    /// What it was made of.
    pub image: String,
    /// What it does, such as `Up 3 hours`.
    pub state: String,
}

/// A Docker engine. It need not be there yet: it is connected to when it is needed.
pub struct DockerEngine {
    connection: Arc<Connection>,
    network: Arc<Network>,
    instance: Arc<str>,
    publish_address: IpAddr,
    /// Containers that were sent a signal in their present run: what ends them is not their own doing.
    signalled: Arc<Mutex<HashSet<ContainerId>>>,
}

impl DockerEngine {
    /// The engine at a host such as `unix:///var/run/docker.sock` or `tcp://127.0.0.1:2375`.
    ///
    /// `instance` is the identity of the registry whose containers these are; their ports are published
    /// on `publish_address`.
    pub fn new(host: &str, instance: Arc<str>, publish_address: IpAddr) -> Self {
        let connection = Arc::new(Connection {
            host: host.to_owned(),
            docker: Mutex::new(None),
        });
        let network = Network::new(NetworkName::default(), Arc::clone(&connection));
        Self {
            connection,
            network: Arc::new(network),
            instance,
            publish_address,
            signalled: Arc::default(),
        }
    }

    /// The same, with new containers on another network than our own.
    #[must_use]
    pub fn on_network(self, name: NetworkName) -> Self {
        let network = Network::new(name, Arc::clone(&self.connection));
        Self {
            network: Arc::new(network),
            ..self
        }
    }

    /// Makes one call, within a limit.
    async fn call<T>(
        &self,
        limit: Duration,
        call: impl AsyncFnOnce(Docker) -> Result<T, bollard::errors::Error>,
    ) -> Result<T, CallError> {
        self.connection.call(limit, call).await
    }

    async fn begin(&self, id: ContainerId) -> Result<(), CallError> {
        let id = id.to_string();
        self.call(limit::START, async |docker| {
            docker.start_container(&id, None).await
        })
        .await
    }

    /// Whether a container was put on the network that new ones are put on. Docker remembers the name when the
    /// network is gone.
    async fn is_on_our_network(&self, id: ContainerId) -> Result<bool, EngineError> {
        let settings = self.find(id).await?.and_then(|found| found.network_settings);
        let networks = settings.and_then(|settings| settings.networks);
        Ok(networks.is_some_and(|networks| networks.contains_key(self.network.name())))
    }

    async fn is_being_removed(&self, id: ContainerId) -> Result<bool, EngineError> {
        let found = self.find(id).await?;
        Ok(found.is_none_or(|found| convert::is_being_removed(&found)))
    }

    /// What Docker tells of a container. Asked for an id that it does not have any more, it looks for a container of
    /// that name, and somebody may have called one so.
    async fn find(&self, id: ContainerId) -> Result<Option<ContainerInspectResponse>, EngineError> {
        let path = id.to_string();
        let found = self
            .call(limit::READ, async |docker| {
                docker.inspect_container(&path, None).await
            })
            .await;
        match found {
            Ok(found) => match found.id.as_deref().and_then(convert::container_id) {
                Some(other) if other != id => Ok(None),
                Some(_) => Ok(Some(found)),
                // An answer that makes no sense must not look like an end either.
                None => Err(EngineError::Rejected(
                    "it tells of a container without saying which".to_owned(),
                )),
            },
            // Something else that answers at this address also says 404. That must not look like an end.
            Err(CallError::Answer { status: 404, message }) if message.starts_with("No such container") => {
                Ok(None)
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Everything that carries our instance label, in any state.
    async fn labelled(&self) -> Result<Vec<ContainerSummary>, EngineError> {
        self.with_label(policy::instance_label(&self.instance)).await
    }

    async fn with_label(&self, label: String) -> Result<Vec<ContainerSummary>, EngineError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let found = self.call(limit::LIST, async |docker| {
            docker.list_containers(Some(options)).await
        });
        Ok(found.await?)
    }

    /// Every container that says of itself that it belongs to a registry of ours, to whichever. Anybody can make
    /// one that says so.
    pub async fn claimants(&self) -> Result<Vec<LabelledContainer>, EngineError> {
        let found = self.with_label(policy::INSTANCE_LABEL.to_owned()).await?;
        Ok(found.into_iter().filter_map(convert::claimant).collect())
    }

    /// Waits until a container that somebody else removes is gone.
    async fn wait_until_gone(&self, id: ContainerId) -> Result<(), EngineError> {
        let gone = async {
            while self.inspect(id).await?.is_some() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(())
        };
        tokio::time::timeout(FOREIGN_REMOVAL, gone)
            .await
            .unwrap_or(Err(EngineError::TimedOut(FOREIGN_REMOVAL)))
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn images(&self) -> Result<Vec<String>, EngineError> {
        let images = self.call(limit::LIST, async |docker| {
            docker.list_images(None::<ListImagesOptions>).await
        });
        Ok(convert::tags(images.await?))
    }

    async fn image(&self, image: &ImageRef) -> Result<Image, EngineError> {
        let found = self
            .call(limit::READ, async |docker| {
                docker.inspect_image(image.as_str()).await
            })
            .await;
        match found {
            Ok(found) => Ok(convert::image(found)),
            Err(CallError::Answer { status: 404, .. }) => Err(EngineError::NoSuchImage),
            Err(refused) => Err(refused.into()),
        }
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        self.network.provide().await?;
        let placement = policy::Placement {
            instance: &self.instance,
            network: self.network.name(),
            publish_address: self.publish_address,
        };
        let body = policy::container(spec, &placement);
        let name = spec.name.as_ref().map(Name::as_str);
        let options = name.map(|name| CreateContainerOptionsBuilder::new().name(name).build());
        let created = self.call(limit::CREATE, async |docker| {
            docker.create_container(options, body).await
        });
        match created.await {
            Ok(created) => convert::container_id(&created.id).ok_or_else(|| {
                EngineError::Rejected(format!("it answered with the container id {:?}", created.id))
            }),
            Err(CallError::Answer { status: 404, .. }) => Err(EngineError::NoSuchImage),
            Err(CallError::Answer { status: 409, .. }) => Err(EngineError::NameInUse),
            Err(refused) => Err(refused.into()),
        }
    }

    async fn start(&self, id: ContainerId) -> Result<(), EngineError> {
        match self.begin(id).await {
            // `docker network prune` takes every network that no running container is on, and what is at rest
            // could never be started again.
            Err(refused) if network::is_missing_network(&refused) && self.is_on_our_network(id).await? => {
                self.network.rejoin(id).await?;
                Ok(self.begin(id).await?)
            }
            // Somebody on the host is removing it: what is to be seen of it until it is gone is nothing to go by.
            Err(CallError::Answer { status: 409, .. }) if self.is_being_removed(id).await? => {
                self.wait_until_gone(id).await?;
                Err(EngineError::Rejected("it is being removed".to_owned()))
            }
            begun => Ok(begun?),
        }
    }

    async fn stop(&self, id: ContainerId, grace: Duration) -> Result<(), EngineError> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let id = id.to_string();
        let stopped = self.call(limit::STOP.saturating_add(grace), async |docker| {
            docker.stop_container(&id, Some(options)).await
        });
        Ok(stopped.await?)
    }

    async fn remove(&self, id: ContainerId) -> Result<(), EngineError> {
        // It may have gone while it was stopped. What is called by its id then is somebody else's.
        if self.find(id).await?.is_none() {
            return Ok(());
        }
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let path = id.to_string();
        let removed = self.call(limit::REMOVE, async |docker| {
            docker.remove_container(&path, Some(options)).await
        });
        match removed.await {
            Ok(()) | Err(CallError::Answer { status: 404, .. }) => Ok(()),
            Err(CallError::Answer { status: 409, .. }) => self.wait_until_gone(id).await,
            Err(refused) => Err(refused.into()),
        }
    }

    async fn inspect(&self, id: ContainerId) -> Result<Option<Observation>, EngineError> {
        let Some(found) = self.find(id).await? else {
            return Ok(None);
        };
        let signalled = self
            .signalled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&id);
        convert::observation(id, found, self.publish_address, signalled).map(Some)
    }

    async fn managed(&self) -> Result<Vec<Managed>, EngineError> {
        Ok(self
            .labelled()
            .await?
            .iter()
            .filter_map(convert::managed)
            .collect())
    }

    /// The number alone does not tell: before Docker 23 two engines on one host have the same.
    async fn identity(&self) -> Result<String, EngineError> {
        let info = self.call(limit::READ, async |docker| docker.info().await).await?;
        let id = info.id.unwrap_or_default();
        let root = info.docker_root_dir.unwrap_or_default();
        Ok(format!("{id} at {root}"))
    }

    async fn gateway(&self) -> Result<Option<IpAddr>, EngineError> {
        Ok(convert::gateway(self.network.find().await?))
    }

    async fn other_gateways(&self) -> Result<Vec<IpAddr>, EngineError> {
        let containers = self.labelled().await?;
        let names: BTreeSet<&str> = containers.iter().flat_map(convert::networks).collect();
        let mut gateways = BTreeSet::new();
        for name in names.into_iter().filter(|name| *name != self.network.name()) {
            let network = network::inspect(&self.connection, name).await?;
            gateways.extend(network.and_then(convert::gateway));
        }
        Ok(gateways.into_iter().collect())
    }

    fn events(&self) -> BoxStream<'static, EngineEvent> {
        events::follow(
            Arc::clone(&self.connection),
            Arc::clone(&self.network),
            Arc::clone(&self.instance),
            Arc::clone(&self.signalled),
        )
        .boxed()
    }
}

/// The way to the engine.
struct Connection {
    host: String,
    /// Made at the first call that finds the engine's socket; bollard refuses to without one.
    docker: Mutex<Option<Docker>>,
}

impl Connection {
    async fn call<T>(
        &self,
        limit: Duration,
        call: impl AsyncFnOnce(Docker) -> Result<T, bollard::errors::Error>,
    ) -> Result<T, CallError> {
        let docker = self.docker()?;
        match tokio::time::timeout(limit, call(docker)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error::read(&error, limit)),
            Err(_) => Err(CallError::Failed(EngineError::TimedOut(limit))),
        }
    }

    fn docker(&self) -> Result<Docker, CallError> {
        let mut docker = self.docker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(docker) = &*docker {
            return Ok(docker.clone());
        }
        let connected =
            transport::connect(&self.host).map_err(|error| error::read(&error, Duration::ZERO))?;
        Ok(docker.insert(connected).clone())
    }
}

/// Whether an engine at this host could be spoken to: a unix socket, or HTTP in clear text.
pub fn is_supported(host: &str) -> bool {
    ["unix://", "tcp://", "http://"]
        .iter()
        .any(|scheme| host.starts_with(scheme))
}
