//! The operations: what the API and the tasks call. Here the pure rule, the registry and the engine
//! come together.
//!
//! Every operation on a container has the same shape, under that container's lock:
//!
//! 1. look: inspect it at the engine and bring the row up to date. An engine that cannot be reached ends
//!    the operation here, with nothing changed;
//! 2. wish: let the registry step, which writes the intent down;
//! 3. act: do what the step asked for, and look again, until nothing is left to do.
//!
//! Operations run on a task tracker. A caller who hangs up stops listening, and nothing else.

mod activity;
mod creation;
mod error;
mod identity;
mod locks;
mod operation;
mod probe;
mod reconcile;
mod token;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::clock::Clock;
use crate::domain::{ContainerId, Observation, OperationId, Policy, Record, Timestamp};
use crate::engine::{Engine, EngineError, Managed};
use crate::known_bad::KnownBad;
use crate::prober::{ProbeError, Prober};
use crate::registry::{Registry, Snapshot};

pub use crate::registry::History;
pub use activity::ActivityReport;
pub use creation::NewContainer;
pub use error::ServiceError;
use identity::EngineIdentity;
use locks::Locks;
pub use probe::{ProbeStatus, Signals, Switch};

/// How long a container may take to end by itself before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Creates and starts at the engine at once. It works through them one after the other anyhow, and a
/// longer queue there would only make its other answers slow.
const STARTS_AT_ONCE: usize = 4;

/// Inspections at the engine at once, for the same reason.
const INSPECTIONS_AT_ONCE: usize = 8;

/// Creates that are being worked on or wait for their turn. With more the last one would wait for longer than a
/// caller does; they are sent away at once instead.
const CREATES_AT_ONCE: usize = 32;

/// How long a call waits for its turn at the engine.
const TURN_PATIENCE: Duration = Duration::from_secs(60);

/// An engine that has not answered for this long is not there. It is asked at least once a minute.
const ENGINE_PATIENCE: Duration = Duration::from_secs(180);

/// What a service is made of.
pub struct Parts {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// What looks at containers from the host.
    pub prober: Arc<dyn Prober>,
    /// The registry.
    pub registry: Registry,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// When containers are stopped and removed. It begins to hold now, whatever it says about that.
    pub policy: Policy,
    /// What tells of use.
    pub signals: Signals,
    /// How much it takes on.
    pub capacity: Capacity,
}

/// How much one daemon takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// The most containers, those at rest and those being made included.
    pub containers: u32,
    /// Memory of a container that asks for none, in bytes; nothing when it may take what there is.
    pub memory_bytes: Option<u64>,
}

/// Where containers check in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckInAddress {
    /// At a place that is not known yet, and will be in a moment.
    Pending,
    /// At this URL.
    Available(String),
    /// At no place that could be told.
    Unavailable,
}

/// The operations. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<dyn Engine>,
    registry: Registry,
    clock: Arc<dyn Clock>,
    prober: Arc<dyn Prober>,
    policy: Mutex<Policy>,
    signals: Signals,
    capacity: Capacity,
    /// What the latest look at each running container showed, and in which run that was.
    views: Mutex<HashMap<ContainerId, (u64, ProbeStatus)>>,
    /// Why containers cannot be seen, once that has been said in the log.
    complaint: Mutex<Option<ProbeError>>,
    /// Where new containers are told to check in.
    check_in: watch::Sender<CheckInAddress>,
    locks: Locks,
    /// Creates that are being worked on. An open creation that is not among them was left behind.
    creating: watch::Sender<HashSet<OperationId>>,
    /// Held by whoever settles creations that were left behind: one at a time is enough.
    resolving: tokio::sync::Mutex<()>,
    /// Since when the engine says that it does not have what a creation should have made.
    absent_since: Mutex<HashMap<OperationId, Timestamp>>,
    /// Containers that something happened to, and that nobody has looked at yet.
    pending_reconciles: Mutex<HashSet<ContainerId>>,
    /// When the engine last answered.
    engine_seen_at: Mutex<Option<Timestamp>>,
    /// Whether the engine that answers is the one that the containers are on.
    acquaintance: Mutex<EngineIdentity>,
    creates: Semaphore,
    starts: Semaphore,
    inspections: Semaphore,
    operations: TaskTracker,
}

impl Service {
    /// A service; it does nothing until it is called.
    pub fn new(parts: Parts) -> Self {
        let policy = Policy {
            resumed_at: parts.clock.now(),
            ..parts.policy
        };
        let inner = Inner {
            engine: parts.engine,
            registry: parts.registry,
            clock: parts.clock,
            prober: parts.prober,
            policy: Mutex::new(policy),
            signals: parts.signals,
            capacity: parts.capacity,
            views: Mutex::new(HashMap::new()),
            complaint: Mutex::new(None),
            check_in: watch::Sender::new(CheckInAddress::Unavailable),
            locks: Locks::default(),
            creating: watch::Sender::new(HashSet::new()),
            resolving: tokio::sync::Mutex::new(()),
            absent_since: Mutex::new(HashMap::new()),
            pending_reconciles: Mutex::new(HashSet::new()),
            engine_seen_at: Mutex::new(None),
            acquaintance: Mutex::default(),
            creates: Semaphore::new(CREATES_AT_ONCE),
            starts: Semaphore::new(STARTS_AT_ONCE),
            inspections: Semaphore::new(INSPECTIONS_AT_ONCE),
            operations: TaskTracker::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Every container, as of now. Never waits.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.registry.snapshot()
    }

    /// Follows every container.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.inner.registry.subscribe()
    }

    /// The container that a person calls `reference`: its id, a unique prefix of it, or its name.
    ///
    /// Only the registry is asked. What spin-docker did not create does not exist here.
    pub fn find(&self, reference: &str) -> Result<Arc<Record>, ServiceError> {
        find(&self.snapshot(), reference)
    }

    /// When containers are stopped and removed.
    pub fn policy(&self) -> Policy {
        lock(&self.inner.policy).clone()
    }

    /// What happened to containers.
    pub fn history(&self) -> &History {
        self.inner.registry.history()
    }

    /// The id of the last event delivered to the webhook, if any.
    pub async fn webhook_cursor(&self) -> Result<Option<u64>, ServiceError> {
        Ok(self.inner.registry.webhook_cursor().await?)
    }

    /// Saves the id of the last event delivered to the webhook.
    pub async fn save_webhook_cursor(&self, id: u64) -> Result<(), ServiceError> {
        Ok(self.inner.registry.save_webhook_cursor(id).await?)
    }

    /// Grants every container time to report again, because the machine was suspended.
    pub fn resume(&self) {
        lock(&self.inner.policy).resumed_at = self.inner.clock.now();
    }

    /// Lets new containers know where to check in.
    pub fn set_check_in(&self, place: CheckInAddress) {
        self.inner.check_in.send_replace(place);
    }

    /// Lets new containers not wait any longer for a place to check in, unless there is one.
    pub(crate) fn give_up_check_in(&self) {
        self.inner.check_in.send_if_modified(|place| {
            let is_awaited = *place == CheckInAddress::Pending;
            if is_awaited {
                *place = CheckInAddress::Unavailable;
            }
            is_awaited
        });
    }

    /// The tagged images of the engine.
    pub async fn images(&self) -> Result<Vec<String>, ServiceError> {
        Ok(self.track_engine_health(self.inner.engine.images().await)?)
    }

    /// Whether the daemon can do its work: the registry takes jobs, and the engine answered lately.
    pub async fn is_ready(&self) -> Result<(), ServiceError> {
        self.inner.registry.check_writable().await?;
        self.is_not_another_engine()?;
        let seen_at = *lock(&self.inner.engine_seen_at);
        match seen_at {
            Some(seen_at) if self.inner.clock.now().since(seen_at) <= ENGINE_PATIENCE => Ok(()),
            Some(_) => Err(EngineError::TimedOut(ENGINE_PATIENCE).into()),
            None => Err(EngineError::Unavailable("it has not answered yet".to_owned()).into()),
        }
    }

    /// The host's address on the network of new containers.
    pub async fn gateway(&self) -> Result<Option<IpAddr>, ServiceError> {
        Ok(self.inner.engine.gateway().await?)
    }

    /// The host's addresses on the other networks that containers of ours are on.
    pub async fn other_gateways(&self) -> Result<Vec<IpAddr>, ServiceError> {
        Ok(self.inner.engine.other_gateways().await?)
    }

    /// Waits until every operation has ended. To be called when nothing is left that begins one.
    pub async fn drain(&self) {
        self.inner.operations.close();
        self.inner.operations.wait().await;
    }

    async fn inspect(&self, id: ContainerId) -> Result<Option<Observation>, EngineError> {
        let _permit = acquire_engine_slot(&self.inner.inspections).await?;
        let found = self.track_engine_health(self.inner.engine.inspect(id).await)?;
        if found.is_none() {
            // What another engine does not have is not gone.
            self.recognise_engine().await?;
        }
        Ok(found)
    }

    async fn managed(&self) -> Result<Vec<Managed>, EngineError> {
        self.recognise_engine().await?;
        self.track_engine_health(self.inner.engine.managed().await)
    }

    /// Notes that the engine answered, when it did, or that it is away.
    fn track_engine_health<T>(&self, answer: Result<T, EngineError>) -> Result<T, EngineError> {
        match &answer {
            Ok(_) => *lock(&self.inner.engine_seen_at) = Some(self.inner.clock.now()),
            Err(EngineError::Unavailable(_)) => self.forget_engine(),
            Err(_) => {}
        }
        answer
    }

    /// Runs an operation to its end, whether or not the caller stays to hear of it.
    async fn run<T: Send + 'static>(
        &self,
        operation: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        if KnownBad::OperationInHandler.is_made() {
            return operation.await;
        }
        // What it logs belongs to the request that it was begun for.
        match self.inner.operations.spawn(operation.in_current_span()).await {
            Ok(result) => result,
            Err(error) => Err(ServiceError::Bug(format!("an operation ended early: {error}"))),
        }
    }
}

/// Waits for a turn at the engine, but not for ever: behind an engine that hangs the queue only grows.
async fn acquire_engine_slot(turns: &Semaphore) -> Result<SemaphorePermit<'_>, EngineError> {
    match tokio::time::timeout(TURN_PATIENCE, turns.acquire()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) => Err(EngineError::Unavailable("the daemon is ending".to_owned())),
        Err(_) => Err(EngineError::TimedOut(TURN_PATIENCE)),
    }
}

/// The shortest prefix of an id that is taken for one. Anything shorter is too easily a typing error.
const SHORTEST_PREFIX: usize = 4;

pub(crate) fn find(snapshot: &Snapshot, reference: &str) -> Result<Arc<Record>, ServiceError> {
    let name = reference.strip_prefix('/').unwrap_or(reference);
    if let Some(record) = reference.parse().ok().and_then(|id| snapshot.get(id)) {
        return Ok(Arc::clone(record));
    }
    if let Some(record) = snapshot.records().find(|record| record.name().as_str() == name) {
        return Ok(Arc::clone(record));
    }
    let is_long_enough = reference.len() >= SHORTEST_PREFIX;
    let mut matches = snapshot
        .records()
        .filter(|record| is_long_enough && record.id().as_str().starts_with(reference));
    match (matches.next(), matches.next()) {
        (Some(record), None) => Ok(Arc::clone(record)),
        (None, _) => Err(ServiceError::NotFound(reference.to_owned())),
        (Some(_), Some(_)) => Err(ServiceError::Ambiguous(reference.to_owned())),
    }
}

/// Takes a lock that is only ever held for a few instructions. A panic in one of them cannot leave the
/// value half changed, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
