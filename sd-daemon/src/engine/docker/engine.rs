//! The operations of [`Engine`] on Docker.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bollard::models::ImageInspect;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, ListImagesOptions, RemoveContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use futures_util::stream::{BoxStream, StreamExt};
use parking_lot::Mutex;

use super::connection::{Connection, RawRequest};
use super::error::CallError;
use super::network::{self, Network};
use super::{convert, events, exec, inspection, limits, logs, policy, pull, version};
use crate::domain::{ContainerId, Image, ImageRef, LiveState, Name, Observation};
use crate::engine::{
    ConnectOptions, ContainerSpec, Engine, EngineError, EngineEvent, EngineInfo, ExecSession, ExecSpec,
    LabelledContainer, LogChunk, LogQuery, Managed, NetworkName, PullProgress,
};

/// A Docker engine. It may be unavailable: the first call connects to it.
pub struct DockerEngine {
    pub(super) connection: Arc<Connection>,
    pub(super) network: Arc<Network>,
    pub(super) instance: Arc<str>,
    publish_address: IpAddr,
    /// Containers that received a signal from outside in their current run: they did not exit by themselves.
    signalled: Arc<Mutex<HashSet<ContainerId>>>,
}

impl DockerEngine {
    /// The engine at an address.
    pub fn new(options: ConnectOptions) -> Self {
        let connection = Arc::new(Connection::new(options.host.as_str()));
        let network = Network::new(options.network, Arc::clone(&connection));
        Self {
            connection,
            network: Arc::new(network),
            instance: options.instance,
            publish_address: options.publish_address,
            signalled: Arc::default(),
        }
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn info(&self) -> Result<EngineInfo, EngineError> {
        let version = self.call(limits::READ, async |docker| docker.version().await);
        let version = version.await?;
        let info = self
            .call(limits::READ, async |docker| docker.info().await)
            .await?;
        Ok(version::engine_info(&version, &info, self.connection.host()))
    }

    /// The engine's id is not sufficient: before Docker 23 two engines on one host have the same one.
    async fn identity(&self) -> Result<String, EngineError> {
        let info = self
            .call(limits::READ, async |docker| docker.info().await)
            .await?;
        let id = info.id.unwrap_or_default();
        let root = info.docker_root_dir.unwrap_or_default();
        Ok(format!("{id} at {root}"))
    }

    async fn images(&self) -> Result<Vec<String>, EngineError> {
        let images = self.call(limits::LIST, async |docker| {
            docker.list_images(None::<ListImagesOptions>).await
        });
        Ok(convert::tags(images.await?))
    }

    async fn image(&self, image: &ImageRef) -> Result<Image, EngineError> {
        let request = RawRequest::get(format!("/images/{image}/json"));
        let reply = self.connection.fetch(limits::READ, request).await?;
        let body = reply.found()?.ok_or(EngineError::NoSuchImage)?;
        Ok(convert::image(inspection::parse::<ImageInspect>(&body)?))
    }

    async fn pull(
        &self,
        image: &ImageRef,
    ) -> Result<BoxStream<'static, Result<PullProgress, EngineError>>, EngineError> {
        pull::pull(&self.connection, image).await
    }

    async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        self.network.ensure_exists().await?;
        let placement = policy::Placement {
            instance: &self.instance,
            network: self.network.name().as_str(),
            publish_address: self.publish_address,
        };
        let body = policy::container(spec, &placement);
        let name = spec.name.as_ref().map(Name::as_str);
        let options = name.map(|name| CreateContainerOptionsBuilder::new().name(name).build());
        let created = self.call(limits::CREATE, async |docker| {
            docker.create_container(options, body).await
        });
        match created.await {
            Ok(created) => convert::container_id(&created.id)
                .ok_or_else(|| CallError::invalid(&format!("{:?} is not a container id", created.id)).into()),
            Err(refused) if refused.has_status(404) => match self.image(&spec.image).await {
                Ok(_) => Err(refused.into()),
                Err(error) => Err(error),
            },
            Err(refused) if refused.has_status(409) => Err(EngineError::NameInUse),
            Err(refused) => Err(refused.into()),
        }
    }

    async fn start(&self, id: ContainerId) -> Result<(), EngineError> {
        match self.send_start(id).await {
            Ok(()) => Ok(()),
            // `docker network prune` removes every network without running containers, and a stopped container could
            // never start again.
            Err(refused) if refused.has_status(404) && self.has_lost_its_network(id).await? => {
                self.network.reconnect(id).await?;
                Ok(self.send_start(id).await?)
            }
            // Another program is removing it. Its state until then is meaningless.
            Err(refused) if refused.has_status(409) && self.is_being_removed(id).await? => {
                self.wait_until_gone(id).await?;
                Err(EngineError::Rejected("the container is being removed".to_owned()))
            }
            Err(refused) => Err(self.refusal(id, refused).await),
        }
    }

    async fn stop(&self, id: ContainerId, grace: Duration) -> Result<(), EngineError> {
        let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let path = id.to_string();
        let stopped = self.call(limits::STOP.saturating_add(grace), async |docker| {
            docker.stop_container(&path, Some(options)).await
        });
        match stopped.await {
            Ok(()) => Ok(()),
            Err(refused) => Err(self.refusal(id, refused).await),
        }
    }

    async fn pause(&self, id: ContainerId) -> Result<(), EngineError> {
        let path = id.to_string();
        let paused = self.call(limits::PAUSE, async |docker| docker.pause_container(&path).await);
        match paused.await {
            Ok(()) => Ok(()),
            Err(refused) => self.settle(id, LiveState::Paused, refused).await,
        }
    }

    async fn unpause(&self, id: ContainerId) -> Result<(), EngineError> {
        let path = id.to_string();
        let unpaused = self.call(limits::PAUSE, async |docker| {
            docker.unpause_container(&path).await
        });
        match unpaused.await {
            Ok(()) => Ok(()),
            Err(refused) => self.settle(id, LiveState::Running, refused).await,
        }
    }

    async fn remove(&self, id: ContainerId) -> Result<(), EngineError> {
        // It may have been removed while it was stopped. Docker would then resolve the id as the name of another
        // container.
        if self.find(id).await?.is_none() {
            return Ok(());
        }
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let path = id.to_string();
        let removed = self.call(limits::REMOVE, async |docker| {
            docker.remove_container(&path, Some(options)).await
        });
        match removed.await {
            Ok(()) => Ok(()),
            // Another program is removing it.
            Err(refused) if refused.has_status(409) => self.wait_until_gone(id).await,
            Err(refused) => match self.refusal(id, refused).await {
                EngineError::NoSuchContainer => Ok(()),
                error => Err(error),
            },
        }
    }

    async fn inspect(&self, id: ContainerId) -> Result<Option<Observation>, EngineError> {
        let Some(found) = self.find(id).await? else {
            return Ok(None);
        };
        let signalled = self.signalled.lock().contains(&id);
        convert::observation(id, found, self.publish_address, signalled).map(Some)
    }

    async fn logs(
        &self,
        id: ContainerId,
        query: LogQuery,
    ) -> Result<BoxStream<'static, Result<LogChunk, EngineError>>, EngineError> {
        match logs::open(&self.connection, id, query).await {
            Ok(chunks) => Ok(chunks),
            Err(refused) => Err(self.refusal(id, refused).await),
        }
    }

    async fn exec(&self, id: ContainerId, spec: &ExecSpec) -> Result<ExecSession, EngineError> {
        match exec::start(&self.connection, id, spec).await {
            Ok(session) => Ok(session),
            Err(refused) if refused.has_status(409) => {
                self.settle(id, LiveState::Running, refused).await?;
                // It was not running when the engine refused, and is now.
                Err(EngineError::NotRunning)
            }
            Err(refused) => Err(self.refusal(id, refused).await),
        }
    }

    async fn managed(&self) -> Result<Vec<Managed>, EngineError> {
        let containers = self.of_this_instance().await?;
        Ok(containers.iter().filter_map(convert::managed).collect())
    }

    async fn labelled(&self) -> Result<Vec<LabelledContainer>, EngineError> {
        let containers = self.of_any_instance().await?;
        Ok(containers.into_iter().filter_map(convert::labelled).collect())
    }

    async fn gateway(&self) -> Result<Option<IpAddr>, EngineError> {
        Ok(convert::gateway(self.network.inspect().await?))
    }

    async fn other_gateways(&self) -> Result<Vec<IpAddr>, EngineError> {
        let containers = self.of_this_instance().await?;
        let names: BTreeSet<&str> = containers.iter().flat_map(convert::networks).collect();
        let mut gateways = BTreeSet::new();
        for name in names
            .into_iter()
            .filter_map(|name| name.parse::<NetworkName>().ok())
        {
            if name == *self.network.name() {
                continue;
            }
            let network = network::inspect(&self.connection, &name).await?;
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
