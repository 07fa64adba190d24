//! Looking at containers from the host, without any help from inside them.
//!
//! A prober tells what it sees; whether that is use, [`UseRule`](crate::domain::UseRule) decides.
//! It changes nothing, and it is never the reason why something else does not work: where it cannot see,
//! it says why, and that is all.

#[cfg(feature = "test-support")]
pub mod fake;
pub mod host;

use async_trait::async_trait;

use crate::domain::{ContainerId, ProcessId, RunId, TrafficSample};

/// Looks at containers.
///
/// Contract:
///
/// - each look is compared with the one before at the same run; the first look at a run says so
///   (`since_last` is nothing);
/// - connections of loopback, and connections that the container itself opened, are not among what is seen;
/// - what is not a container's own process is never taken for one, however old a process id may be;
/// - a look never takes longer than the work for the targets it was given: nothing in it waits for anybody.
#[async_trait]
pub trait Prober: Send + Sync + 'static {
    /// Looks at these containers. The answers are in the order of the targets.
    async fn look(&self, targets: Vec<Target>) -> Vec<Result<TrafficSample, ProbeError>>;

    /// Forgets everything about other containers than these, and lets go of what was held for them.
    async fn retain(&self, running: Vec<ContainerId>);
}

/// A running container to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The container.
    pub id: ContainerId,
    /// Its present run.
    pub run: RunId,
    /// Its main process.
    pub process: ProcessId,
    /// The TCP ports that clients connect to.
    pub ports: Vec<u16>,
}

/// Why a container cannot be seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Its processes are not on this host, or not visible from where the daemon runs.
    #[error(
        "its processes are not visible from here: the engine is on another machine, or the daemon in a container"
    )]
    Elsewhere,
    /// The daemon may not look.
    #[error("the daemon may not look into the container's network: it needs the right CAP_SYS_ADMIN")]
    Denied,
    /// It could not be looked at, for a reason that may pass.
    #[error("it could not be looked at: {0}")]
    Failed(String),
}
