//! Measures the activity of containers from the host, without cooperation of the containers.
//!
//! A prober returns samples; [`UseRule`](crate::domain::UseRule) decides whether a sample is use. Probing changes
//! nothing, and a failed probe affects no other function: it returns the reason and the daemon continues without it.

#[cfg(feature = "test-support")]
pub mod fake;
pub mod host;

use async_trait::async_trait;

use crate::domain::{ContainerId, ProcessId, RunId, TrafficSample};

/// Probes containers.
///
/// Contract:
///
/// - A sample has the difference to the previous sample of the same run. In the first sample of a run `since_last` is
///   `None`.
/// - Samples contain no loopback connections and no connections that the container opened.
/// - A process that does not belong to the container is never probed, even if its process id is outdated.
/// - A probe takes as long as the work for its targets and does not wait for other programs.
#[async_trait]
pub trait Prober: Send + Sync + 'static {
    /// Probes containers. The samples are in the order of the targets.
    async fn probe(&self, targets: Vec<Target>) -> Vec<Result<TrafficSample, ProbeError>>;

    /// Releases the resources of all containers but these.
    async fn retain(&self, running: Vec<ContainerId>);
}

/// A running container to probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The container.
    pub id: ContainerId,
    /// Its current run.
    pub run: RunId,
    /// Its main process.
    pub process: ProcessId,
    /// The TCP ports that clients connect to.
    pub ports: Vec<u16>,
}

/// Why a container cannot be probed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The processes are on another host or hidden from the daemon.
    #[error(
        "its processes are not visible: the engine is on another machine, or the daemon runs in a container"
    )]
    NotVisible,
    /// The daemon lacks a privilege.
    #[error("no permission to read the container's network; the daemon needs CAP_SYS_ADMIN")]
    Denied,
    /// The probe failed for a reason that may be temporary.
    #[error("failed to probe the container: {0}")]
    Failed(String),
}
