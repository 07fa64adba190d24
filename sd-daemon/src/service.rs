//! The operations of the daemon. The API and the background tasks call them; they combine the state machine,
//! the registry, the engine and the prober.
//!
//! `Service` is a facade without state. Five owners hold the state, each in a file of its own. An owner
//! uses only the owners to its left:
//!
//! ```text
//!   EngineAccess ◄── Containers ◄──┬── ActivityMonitor ◄──┬── Service
//!                                  └── Creations ◄────────┘
//!   CheckInAddressWatch ◄─────────────────┘
//! ```
//!
//! - `EngineAccess`: calls of the engine, with limits; whether it responds, and whether it is the expected one;
//! - `CheckInAddressWatch`: the address at which new containers check in;
//! - `Containers`: operations on existing containers, one at a time for each container;
//! - `ActivityMonitor`: use of containers, from the prober and from check-ins;
//! - `Creations`: new containers, from the request to the started container.
//!
//! Operations that need several owners are on the facade: deadlines (`deadlines.rs`), reconciliation
//! (`reconcile.rs`) and the activity report (`activity.rs`).
//!
//! Every operation on a container has the same three steps, under the lock of that container:
//!
//! 1. **refresh**: inspect the container and bring its record up to date. If the engine cannot be reached
//!    the operation ends here, and nothing has changed;
//! 2. **request**: apply the input to the record. The registry writes the intent to disk;
//! 3. **run effects**: call the engine as the transition requires, and inspect again, until no effect is left.
//!
//! Operations run on a task tracker: they continue if the client disconnects.

mod activity;
mod activity_monitor;
mod check_in_address;
mod check_in_token;
mod containers;
mod creations;
mod deadlines;
mod engine_access;
mod error;
mod reconcile;
mod reference;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::{Caller, Extension, Limits, Policy, Record, RemoveMode, Report};
use crate::engine::Engine;
use crate::prober::Prober;
use crate::registry::{Registry, Snapshot};

pub use crate::registry::History;
pub use activity::ActivityReport;
pub(crate) use activity_monitor::ActivityMonitor;
pub use activity_monitor::{ProbeStatus, Signals, Switch};
pub use check_in_address::CheckInAddress;
pub(crate) use check_in_address::CheckInAddressWatch;
pub(crate) use containers::Containers;
pub(crate) use creations::Creations;
pub use creations::NewContainer;
pub(crate) use engine_access::EngineAccess;
pub use error::ServiceError;
#[cfg(feature = "test-support")]
pub(crate) use reference::find;

/// The parts that a service is built from.
pub struct Parts {
    /// The container engine.
    pub engine: Arc<dyn Engine>,
    /// Probes running containers from the host.
    pub prober: Arc<dyn Prober>,
    /// The registry.
    pub registry: Registry,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// When containers are stopped and removed. `resumed_at` is replaced by the present.
    pub policy: Policy,
    /// Which signals count as use.
    pub signals: Signals,
    /// The limits of this daemon.
    pub capacity: Capacity,
}

/// The limits of one daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// The maximum number of containers, including stopped ones and creations in progress.
    pub containers: u32,
    /// The memory limit of a container that requests none, in bytes. `None` means no limit.
    pub memory_bytes: Option<u64>,
}

/// The operations. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    engine: Arc<EngineAccess>,
    check_in_address: Arc<CheckInAddressWatch>,
    containers: Arc<Containers>,
    activity: Arc<ActivityMonitor>,
    creations: Arc<Creations>,
}

impl Service {
    /// Builds a service. It does nothing until it is called.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            engine,
            prober,
            registry,
            clock,
            policy,
            signals,
            capacity,
        } = parts;
        let engine = Arc::new(EngineAccess::new(engine, registry.clone(), Arc::clone(&clock)));
        let check_in_address = Arc::new(CheckInAddressWatch::default());
        let containers = Arc::new(Containers::new(
            Arc::clone(&engine),
            registry.clone(),
            Arc::clone(&clock),
            policy,
        ));
        let activity = Arc::new(ActivityMonitor::new(
            Arc::clone(&engine),
            Arc::clone(&containers),
            prober,
            registry.clone(),
            Arc::clone(&clock),
            signals,
        ));
        let creations = Arc::new(Creations::new(
            Arc::clone(&engine),
            Arc::clone(&containers),
            Arc::clone(&check_in_address),
            registry,
            clock,
            capacity,
        ));
        Self {
            engine,
            check_in_address,
            containers,
            activity,
            creations,
        }
    }

    /// The engine, for callers that need nothing else.
    pub(crate) fn engine(&self) -> &Arc<EngineAccess> {
        &self.engine
    }

    /// The check-in address, for callers that need nothing else.
    pub(crate) fn check_in_address(&self) -> &Arc<CheckInAddressWatch> {
        &self.check_in_address
    }

    /// The existing containers, for callers that need nothing else.
    pub(crate) fn containers(&self) -> &Arc<Containers> {
        &self.containers
    }

    /// The use of containers, for callers that need nothing else.
    pub(crate) fn activity_monitor(&self) -> &Arc<ActivityMonitor> {
        &self.activity
    }

    /// Every container as it is now. Never waits.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.containers.snapshot()
    }

    /// Receives each new snapshot.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.containers.subscribe()
    }

    /// The container with this id, unique id prefix or name.
    pub fn find(&self, reference: &str) -> Result<Arc<Record>, ServiceError> {
        self.containers.find(reference)
    }

    /// When containers are stopped and removed.
    pub fn policy(&self) -> Policy {
        self.containers.policy()
    }

    /// The events of all containers.
    pub fn history(&self) -> &History {
        self.containers.history()
    }

    /// The id of the last event delivered to the webhook, if any.
    pub async fn webhook_cursor(&self) -> Result<Option<u64>, ServiceError> {
        self.containers.webhook_cursor().await
    }

    /// Stores the id of the last event delivered to the webhook.
    pub async fn save_webhook_cursor(&self, id: u64) -> Result<(), ServiceError> {
        self.containers.save_webhook_cursor(id).await
    }

    /// Which signals count as use.
    pub fn signals(&self) -> &Signals {
        self.activity.signals()
    }

    /// The tagged images of the engine.
    pub async fn images(&self) -> Result<Vec<String>, ServiceError> {
        Ok(self.engine.images().await?)
    }

    /// Sets the address at which new containers check in.
    pub fn set_check_in(&self, address: CheckInAddress) {
        self.check_in_address.set(address);
    }

    /// Creates a container and waits until it runs, or has already exited.
    pub async fn create(&self, wanted: NewContainer, caller: &Caller) -> Result<Arc<Record>, ServiceError> {
        self.creations.create(wanted, caller).await
    }

    /// Starts a container and waits until it runs. A stop in progress is completed first.
    pub async fn start(&self, reference: &str, caller: &Caller) -> Result<Arc<Record>, ServiceError> {
        self.containers.start(reference, caller).await
    }

    /// Requests the stop of a container. The returned record is stopping, or already stopped.
    pub async fn stop(&self, reference: &str, caller: &Caller) -> Result<Arc<Record>, ServiceError> {
        self.containers.stop(reference, caller).await
    }

    /// Removes a container with its anonymous volumes, and waits until it is removed.
    pub async fn remove(
        &self,
        reference: &str,
        mode: RemoveMode,
        caller: &Caller,
    ) -> Result<(), ServiceError> {
        self.containers.remove(reference, mode, caller).await
    }

    /// Postpones the stop of a container. The engine is not called.
    pub async fn extend(
        &self,
        reference: &str,
        extension: Extension,
        caller: &Caller,
    ) -> Result<Arc<Record>, ServiceError> {
        self.containers.extend(reference, extension, caller).await
    }

    /// Sets the limits of one container. The engine is not called.
    pub async fn set_limits(
        &self,
        reference: &str,
        limits: Limits,
        caller: &Caller,
    ) -> Result<Arc<Record>, ServiceError> {
        self.containers.set_limits(reference, limits, caller).await
    }

    /// Credits the container at an address with a check-in.
    pub async fn check_in(&self, address: IpAddr, report: Report) -> Result<Arc<Record>, ServiceError> {
        self.activity.check_in(address, report).await
    }

    /// Credits the container that a token was issued to with a check-in.
    pub async fn check_in_by_token(&self, token: &str, report: Report) -> Result<Arc<Record>, ServiceError> {
        self.activity.check_in_by_token(token, report).await
    }

    /// Probes every running container now.
    pub async fn probe_all(&self) {
        self.activity.probe_all().await;
    }

    /// Returns an error if the daemon cannot do its work: the registry must be writable, and the expected
    /// engine must have responded within the last three minutes.
    pub async fn is_ready(&self) -> Result<(), ServiceError> {
        self.containers.check_writable().await?;
        Ok(self.engine.is_ready()?)
    }

    /// Waits until every operation has ended. Call it after everything that starts operations has ended.
    pub async fn drain(&self) {
        self.containers.drain().await;
    }
}
