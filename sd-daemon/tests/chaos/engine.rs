//! The real engine: its state, and changes made on the host.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use bollard::errors::Error;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptions, ListContainersOptionsBuilder, ListVolumesOptions,
    RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker};

use crate::auditor::EngineContainer;

/// The environment variable with the number of connections that a container reports.
pub(crate) const NUMBER: &str = "SD_TEST_NUMBER";

const SOCKET: &str = "unix:///var/run/docker.sock";
/// Longer than any engine call takes.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Clone)]
pub(crate) struct RealEngine {
    docker: Docker,
}

/// A change made on the host.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostChange {
    Kill,
    Stop,
    Remove,
    Pause,
    Unpause,
}

impl RealEngine {
    pub(crate) fn connect() -> anyhow::Result<Self> {
        let docker = Docker::connect_with_unix(SOCKET, LIMIT.as_secs(), API_DEFAULT_VERSION)?;
        Ok(Self { docker })
    }

    /// The containers with the label of a registry, without foreign ones.
    pub(crate) async fn containers(
        &self,
        instance: &str,
        foreign: &BTreeMap<String, String>,
    ) -> anyhow::Result<Vec<EngineContainer>> {
        let mut containers = Vec::new();
        for id in self
            .ids_of(instance)
            .await?
            .into_iter()
            .filter(|id| !foreign.contains_key(id))
        {
            containers.extend(self.inspect(&id).await?.map(read));
        }
        Ok(containers)
    }

    pub(crate) async fn ids_of(&self, instance: &str) -> anyhow::Result<Vec<String>> {
        let filters = HashMap::from([("label", vec![format!("spin-docker.instance={instance}")])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let listed = self.docker.list_containers(Some(options)).await?;
        Ok(listed.into_iter().filter_map(|container| container.id).collect())
    }

    async fn inspect(&self, id: &str) -> anyhow::Result<Option<ContainerInspectResponse>> {
        match self
            .docker
            .inspect_container(id, None::<InspectContainerOptions>)
            .await
        {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("failed to inspect {id}")),
        }
    }

    /// The volumes of a container. Empty if it does not exist.
    pub(crate) async fn volumes_of(&self, id: &str) -> anyhow::Result<Vec<String>> {
        let mounts = self
            .inspect(id)
            .await?
            .and_then(|found| found.mounts)
            .unwrap_or_default();
        Ok(mounts.into_iter().filter_map(|mount| mount.name).collect())
    }

    pub(crate) async fn volumes(&self) -> anyhow::Result<BTreeSet<String>> {
        let listed = self.docker.list_volumes(None::<ListVolumesOptions>).await?;
        let volumes = listed.volumes.unwrap_or_default();
        Ok(volumes.into_iter().map(|volume| volume.name).collect())
    }

    /// A description of the state that shows whether a container was changed.
    pub(crate) async fn describe(&self, id: &str) -> anyhow::Result<String> {
        let state = self.inspect(id).await?.and_then(|found| found.state);
        Ok(state.map_or("gone".to_owned(), |state| {
            format!(
                "{:?} since {}",
                state.status,
                state.started_at.unwrap_or_default()
            )
        }))
    }

    /// Makes a change on the host, and returns whether it took effect.
    pub(crate) async fn change_on_host(&self, id: &str, change: HostChange) -> anyhow::Result<bool> {
        let done = match change {
            HostChange::Kill => self.docker.kill_container(id, None::<KillContainerOptions>).await,
            HostChange::Pause => self.docker.pause_container(id).await,
            HostChange::Unpause => self.docker.unpause_container(id).await,
            HostChange::Stop => {
                let options = StopContainerOptionsBuilder::new().t(5).build();
                self.docker.stop_container(id, Some(options)).await
            }
            HostChange::Remove => {
                let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                self.docker.remove_container(id, Some(options)).await
            }
        };
        match done {
            Ok(()) => Ok(true),
            // The container does not exist, is not running, or is being removed.
            Err(Error::DockerResponseServerError {
                status_code: 304 | 404 | 409,
                ..
            }) => Ok(false),
            // Docker 20.10 returns 500 if the container is not running or not paused.
            Err(Error::DockerResponseServerError { status_code: 500, .. })
                if matches!(change, HostChange::Pause | HostChange::Unpause) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).with_context(|| format!("failed to {change:?} {id}")),
        }
    }

    /// Sends a check-in from inside a container, and returns whether it was acknowledged.
    pub(crate) async fn check_in(&self, id: &str) -> anyhow::Result<bool> {
        let report =
            format!("/bin/busybox wget -q -O - --post-data active-connections=${NUMBER} $SD_CHECK_IN_URL");
        let mut inside = tokio::process::Command::new("docker");
        inside
            .args(["exec", id, "/bin/sh", "-c", &report])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let status = tokio::time::timeout(LIMIT, inside.status()).await;
        Ok(status.context("docker exec did not finish in time")??.success())
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

fn read(found: ContainerInspectResponse) -> EngineContainer {
    let config = found.config.unwrap_or_default();
    let state = found.state.unwrap_or_default();
    let status = state.status.map(|status| status.to_string()).unwrap_or_default();
    let ports = found
        .network_settings
        .and_then(|settings| settings.ports)
        .unwrap_or_default();
    let host_port = |bindings: Option<Vec<bollard::models::PortBinding>>| {
        let port = bindings?.into_iter().find_map(|binding| binding.host_port)?;
        port.parse().ok()
    };
    let labels = config.labels.unwrap_or_default();
    let variables = config.env.unwrap_or_default();
    let number = variables
        .iter()
        .find_map(|variable| variable.strip_prefix(NUMBER)?.strip_prefix('='));
    EngineContainer {
        id: found.id.unwrap_or_default(),
        operation: labels.get("spin-docker.operation").cloned().unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        image: config.image.unwrap_or_default(),
        status: if status == "exited" {
            "stopped".to_owned()
        } else {
            status
        },
        ports: ports
            .into_iter()
            .filter_map(|(port, bindings)| Some((port, host_port(bindings)?)))
            .collect(),
        number: number.and_then(|number| number.parse().ok()),
    }
}
