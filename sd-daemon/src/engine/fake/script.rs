//! The faults that a test has requested, and the recorded calls.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::domain::{ContainerId, ImageRef};
use crate::engine::{ContainerSpec, EngineError, ExecSpec};

/// A call of the daemon.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// The list of images.
    Images,
    /// The description of an image.
    Image(ImageRef),
    /// A download.
    Pull(ImageRef),
    /// A create.
    Create(ContainerSpec),
    /// A start.
    Start(ContainerId),
    /// A stop, with the grace period.
    Stop(ContainerId, Duration),
    /// A pause.
    Pause(ContainerId),
    /// An unpause.
    Unpause(ContainerId),
    /// A removal.
    Remove(ContainerId),
    /// An inspection.
    Inspect(ContainerId),
    /// The output of a container.
    Logs(ContainerId),
    /// A command in a container.
    Exec(ContainerId, ExecSpec),
    /// The list of containers with an operation label.
    Managed,
    /// The list of containers with an instance label.
    Labelled,
    /// The gateway of the network of new containers.
    Gateway,
    /// The gateways of the networks of older ones.
    OtherGateways,
}

impl Call {
    /// The method that was called.
    pub fn action(&self) -> Action {
        match self {
            Self::Images => Action::Images,
            Self::Image(_) => Action::Image,
            Self::Pull(_) => Action::Pull,
            Self::Create(_) => Action::Create,
            Self::Start(_) => Action::Start,
            Self::Stop(..) => Action::Stop,
            Self::Pause(_) => Action::Pause,
            Self::Unpause(_) => Action::Unpause,
            Self::Remove(_) => Action::Remove,
            Self::Inspect(_) => Action::Inspect,
            Self::Logs(_) => Action::Logs,
            Self::Exec(..) => Action::Exec,
            Self::Managed => Action::Managed,
            Self::Labelled => Action::Labelled,
            Self::Gateway => Action::Gateway,
            Self::OtherGateways => Action::OtherGateways,
        }
    }
}

/// A method of [`Engine`](crate::engine::Engine).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum Action {
    Images,
    Image,
    Pull,
    Create,
    Start,
    Stop,
    Pause,
    Unpause,
    Remove,
    Inspect,
    Logs,
    Exec,
    Managed,
    Labelled,
    Gateway,
    OtherGateways,
}

/// A moment in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The engine has not acted yet.
    Before(Action),
    /// The engine has acted and its response is on the way: an error here is a lost response.
    After(Action),
}

/// The requested faults and the recorded calls.
#[derive(Default)]
pub(super) struct Script {
    pub(super) calls: Vec<Call>,
    faults: Vec<(Point, EngineError)>,
    panics: Vec<Point>,
    gates: Vec<(Point, Arc<Gate>)>,
    blocked: HashSet<ContainerId>,
}

impl Script {
    pub(super) fn add_fault(&mut self, point: Point, error: EngineError) {
        self.faults.push((point, error));
    }

    pub(super) fn clear_faults(&mut self) {
        self.faults.clear();
    }

    pub(super) fn take_fault(&mut self, point: Point) -> Option<EngineError> {
        let index = self.faults.iter().position(|(other, _)| *other == point)?;
        Some(self.faults.remove(index).1)
    }

    pub(super) fn add_panic(&mut self, point: Point) {
        self.panics.push(point);
    }

    pub(super) fn take_panic(&mut self, point: Point) -> Option<Point> {
        let index = self.panics.iter().position(|other| *other == point)?;
        Some(self.panics.remove(index))
    }

    /// Counts the arrival of a call at a point and returns the gate there, if any.
    pub(super) fn arrive(&mut self, point: Point) -> Option<Arc<Gate>> {
        let (_, gate) = self.gates.iter().find(|(other, _)| *other == point)?;
        gate.arrivals.send_modify(|arrivals| *arrivals += 1);
        Some(Arc::clone(gate))
    }

    pub(super) fn add_gate(&mut self, point: Point) -> Arc<Gate> {
        let gate = Arc::new(Gate {
            arrivals: watch::Sender::new(0),
            is_open: watch::Sender::new(false),
        });
        self.gates.push((point, Arc::clone(&gate)));
        gate
    }

    pub(super) fn remove_gate(&mut self, gate: &Arc<Gate>) {
        self.gates.retain(|(_, other)| !Arc::ptr_eq(other, gate));
    }

    pub(super) fn block_inspections(&mut self, id: ContainerId) {
        self.blocked.insert(id);
    }

    pub(super) fn unblock_inspections(&mut self, id: ContainerId) {
        self.blocked.remove(&id);
    }

    pub(super) fn is_blocked(&self, id: ContainerId) -> bool {
        self.blocked.contains(&id)
    }
}

/// A gate at which calls wait.
pub(super) struct Gate {
    pub(super) arrivals: watch::Sender<usize>,
    pub(super) is_open: watch::Sender<bool>,
}

impl Gate {
    pub(super) async fn opened(&self) {
        // The gate itself keeps the channel alive.
        drop(self.is_open.subscribe().wait_for(|is_open| *is_open).await);
    }
}
