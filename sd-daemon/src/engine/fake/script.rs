//! What a test has put in the way of calls, and which calls there were.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Inner, lock};
use crate::domain::{ContainerId, ImageRef};
use crate::engine::{ContainerSpec, EngineError};

/// A call of the daemon.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// The list of images.
    Images,
    /// What an image says.
    Image(ImageRef),
    /// A create.
    Create(ContainerSpec),
    /// A start.
    Start(ContainerId),
    /// A stop, with the time the container is given to end.
    Stop(ContainerId, Duration),
    /// A removal.
    Remove(ContainerId),
    /// An inspection.
    Inspect(ContainerId),
    /// The list of containers that carry an operation label.
    Managed,
    /// The gateway of the network of new containers.
    Gateway,
    /// The gateways of the networks of older ones.
    OtherGateways,
}

impl Call {
    /// What is called.
    pub fn action(&self) -> Action {
        match self {
            Self::Images => Action::Images,
            Self::Image(_) => Action::Image,
            Self::Create(_) => Action::Create,
            Self::Start(_) => Action::Start,
            Self::Stop(..) => Action::Stop,
            Self::Remove(_) => Action::Remove,
            Self::Inspect(_) => Action::Inspect,
            Self::Managed => Action::Managed,
            Self::Gateway => Action::Gateway,
            Self::OtherGateways => Action::OtherGateways,
        }
    }
}

/// What can be called: the methods of [`Engine`](crate::engine::Engine).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum Action {
    Images,
    Image,
    Create,
    Start,
    Stop,
    Remove,
    Inspect,
    Managed,
    Gateway,
    OtherGateways,
}

/// A moment in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The engine has not done anything yet.
    Before(Action),
    /// The engine has done it, and the answer is on its way: an error here is a lost answer.
    After(Action),
}

/// What a test has put in the way of calls.
#[derive(Default)]
pub(super) struct Script {
    pub(super) calls: Vec<Call>,
    faults: Vec<(Point, EngineError)>,
    panics: Vec<Point>,
    gates: Vec<(Point, Arc<Gate>)>,
    hidden: HashSet<ContainerId>,
}

impl Script {
    pub(super) fn add_fault(&mut self, point: Point, error: EngineError) {
        self.faults.push((point, error));
    }

    pub(super) fn forget_faults(&mut self) {
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

    /// The gate at this point, which has one more call before it now.
    pub(super) fn arrive(&mut self, point: Point) -> Option<Arc<Gate>> {
        let (_, gate) = self.gates.iter().find(|(other, _)| *other == point)?;
        gate.arrivals.send_modify(|arrivals| *arrivals += 1);
        Some(Arc::clone(gate))
    }

    pub(super) fn hide(&mut self, id: ContainerId) {
        self.hidden.insert(id);
    }

    pub(super) fn unhide(&mut self, id: ContainerId) {
        self.hidden.remove(&id);
    }

    pub(super) fn is_hidden(&self, id: ContainerId) -> bool {
        self.hidden.contains(&id)
    }
}

/// Where calls wait.
pub(super) struct Gate {
    arrivals: watch::Sender<usize>,
    is_open: watch::Sender<bool>,
}

impl Gate {
    pub(super) async fn opened(&self) {
        // The gate itself keeps the channel alive.
        drop(self.is_open.subscribe().wait_for(|is_open| *is_open).await);
    }
}

/// Holds calls at one point until it is released or dropped.
#[must_use = "dropping it releases the calls"]
pub struct Hold {
    engine: Arc<Inner>,
    gate: Arc<Gate>,
}

impl Hold {
    pub(super) fn new(engine: Arc<Inner>, point: Point) -> Self {
        let gate = Arc::new(Gate {
            arrivals: watch::Sender::new(0),
            is_open: watch::Sender::new(false),
        });
        lock(&engine.script).gates.push((point, Arc::clone(&gate)));
        Self { engine, gate }
    }

    /// Waits until a call is held.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until this many calls have been held.
    pub async fn reached_by(&self, calls: usize) {
        // The gate itself keeps the channel alive.
        drop(
            self.gate
                .arrivals
                .subscribe()
                .wait_for(|arrivals| *arrivals >= calls)
                .await,
        );
    }

    /// How many calls have been held so far.
    pub fn arrivals(&self) -> usize {
        *self.gate.arrivals.borrow()
    }

    /// Holds no further call, and keeps those that it holds.
    pub fn close(&self) {
        lock(&self.engine.script)
            .gates
            .retain(|(_, gate)| !Arc::ptr_eq(gate, &self.gate));
    }

    /// Lets the calls go on, and holds no further one.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.close();
        self.gate.is_open.send_replace(true);
    }
}
