//! Use of containers: measured by the prober from the host, and reported by containers in check-ins.
//!
//! Owns the prober, the signals that count as use, and the latest probe result of each container. Use is
//! credited through [`Containers`].

mod check_in;
mod probe;
mod signals;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Containers, EngineAccess};
use crate::clock::Clock;
use crate::domain::{ContainerId, Timestamp};
use crate::prober::{ProbeError, Prober};
use crate::registry::Registry;

pub use probe::ProbeStatus;
pub use signals::{Signals, Switch};

/// The use of all containers.
pub(crate) struct ActivityMonitor {
    engine: Arc<EngineAccess>,
    containers: Arc<Containers>,
    prober: Arc<dyn Prober>,
    /// Holds the secret of the check-in tokens.
    registry: Registry,
    clock: Arc<dyn Clock>,
    signals: Signals,
    /// The latest probe of each running container, and the generation of the probed run.
    latest_probes: Mutex<HashMap<ContainerId, (u64, ProbeStatus)>>,
    /// The probe error that was logged last.
    logged_error: Mutex<Option<ProbeError>>,
}

impl ActivityMonitor {
    pub(super) fn new(
        engine: Arc<EngineAccess>,
        containers: Arc<Containers>,
        prober: Arc<dyn Prober>,
        registry: Registry,
        clock: Arc<dyn Clock>,
        signals: Signals,
    ) -> Self {
        Self {
            engine,
            containers,
            prober,
            registry,
            clock,
            signals,
            latest_probes: Mutex::default(),
            logged_error: Mutex::default(),
        }
    }

    /// Which signals count as use.
    pub(super) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// The present.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
