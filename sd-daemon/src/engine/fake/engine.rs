//! The engine itself: its containers, its faults, and its event subscribers.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::script::Script;
use super::world::World;
use crate::engine::EngineEvent;

/// An engine in memory. Clones are the same engine.
#[derive(Clone)]
pub struct FakeEngine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    world: Mutex<World>,
    pub(super) script: Mutex<Script>,
    /// Every event so far. Each subscriber reads on from the position at which it subscribed.
    pub(super) events: watch::Sender<Vec<EngineEvent>>,
    pub(super) connection: watch::Sender<Connection>,
    pub(super) delivery: watch::Sender<Delivery>,
    /// Notifies the readers that follow the output of a container.
    pub(super) changes: watch::Sender<()>,
}

/// Whether the engine is reachable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Up,
    Down,
}

/// Whether events reach subscribers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    On,
    Suppressed,
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeEngine {
    /// A program that no image contains: a container with this command fails to start.
    pub const MISSING_PROGRAM: &str = "/missing";

    /// A program that writes the line `out` to its standard output and the line `err` to its standard error.
    pub const PRINTING_PROGRAM: &str = "/print";

    /// A command for exec that copies its input to its output until the input is closed.
    pub const COPYING_PROGRAM: &str = "/copy";

    /// A command for exec that exits at once; its argument is the exit code.
    pub const EXITING_PROGRAM: &str = "/exit";

    /// An engine without images and containers.
    pub fn new() -> Self {
        let inner = Inner {
            world: Mutex::new(World::default()),
            script: Mutex::new(Script::default()),
            events: watch::Sender::new(Vec::new()),
            connection: watch::Sender::new(Connection::Up),
            delivery: watch::Sender::new(Delivery::On),
            changes: watch::Sender::new(()),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Sends an event to subscribers, unless the connection is down or events are suppressed.
    pub(super) fn publish(&self, event: EngineEvent) {
        self.inner.changes.send_replace(());
        let is_up = *self.inner.connection.borrow() == Connection::Up;
        let is_delivered = *self.inner.delivery.borrow() == Delivery::On;
        if is_up && is_delivered {
            self.inner.events.send_modify(|events| events.push(event));
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.inner.world.lock()
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.inner.script.lock()
    }
}
