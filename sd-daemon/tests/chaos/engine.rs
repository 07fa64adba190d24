//! The real engine: what there is, and what is done to it behind the daemon's back.

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

use crate::auditor::Seen;

/// The variable that tells a container what it reports.
pub(crate) const NUMBER: &str = "SD_TEST_NUMBER";

const SOCKET: &str = "unix:///var/run/docker.sock";
/// Longer than anything takes at the engine.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Clone)]
pub(crate) struct RealEngine {
    docker: Docker,
}

/// Something that somebody on the host does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outside {
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

    /// The containers that carry the label of a registry, and those that are not its business among them left out.
    pub(crate) async fn containers(
        &self,
        instance: &str,
        foreign: &BTreeMap<String, String>,
    ) -> anyhow::Result<Vec<Seen>> {
        let mut seen = Vec::new();
        for id in self
            .ids_of(instance)
            .await?
            .into_iter()
            .filter(|id| !foreign.contains_key(id))
        {
            seen.extend(self.inspect(&id).await?.map(read));
        }
        Ok(seen)
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

    /// The volumes of a container; none of one that is gone.
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

    /// How a container looks to somebody who wants to know whether it was touched.
    pub(crate) async fn look(&self, id: &str) -> anyhow::Result<String> {
        let state = self.inspect(id).await?.and_then(|found| found.state);
        Ok(state.map_or("gone".to_owned(), |state| {
            format!(
                "{:?} since {}",
                state.status,
                state.started_at.unwrap_or_default()
            )
        }))
    }

    /// Does something as somebody on the host would, and says whether it was done.
    pub(crate) async fn outside(&self, id: &str, what: Outside) -> anyhow::Result<bool> {
        let done = match what {
            Outside::Kill => self.docker.kill_container(id, None::<KillContainerOptions>).await,
            Outside::Pause => self.docker.pause_container(id).await,
            Outside::Unpause => self.docker.unpause_container(id).await,
            Outside::Stop => {
                let options = StopContainerOptionsBuilder::new().t(5).build();
                self.docker.stop_container(id, Some(options)).await
            }
            Outside::Remove => {
                let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                self.docker.remove_container(id, Some(options)).await
            }
        };
        match done {
            Ok(()) => Ok(true),
            // It is not there, does not run, or somebody else is removing it.
            Err(Error::DockerResponseServerError {
                status_code: 304 | 404 | 409,
                ..
            }) => Ok(false),
            // Docker's word for one that is not paused.
            Err(Error::DockerResponseServerError { status_code: 500, .. })
                if matches!(what, Outside::Pause | Outside::Unpause) =>
            {
                Ok(false)
            }
            Err(error) => Err(error).with_context(|| format!("failed to {what:?} {id}")),
        }
    }

    /// Lets a container report its number from inside, and says whether that was acknowledged.
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
        Ok(status.context("docker exec hangs")??.success())
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

fn read(found: ContainerInspectResponse) -> Seen {
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
    Seen {
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
