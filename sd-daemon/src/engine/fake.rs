//! An engine in memory, for tests. It passes the same contract suite as Docker does.
//!
//! Containers live in a world whose clockwork is Docker's: each start gives new ports
//! and a new run, and a stopped container's address goes to the next one that starts. The addresses are
//! loopback ones, so that a test can call from them as if it were a container.
//!
//! What a test can do to the engine besides using it: cut the connection, let calls fail before or after
//! they act, hold them, change containers behind the daemon's back, keep events from being told, and
//! read what was called. Nothing here sleeps.

mod calls;
mod controls;
mod script;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::EngineEvent;
use script::Script;
use world::World;

pub use controls::FormerEngine;
pub use script::{Action, Call, Hold, Point};

/// An engine in memory. Clones are the same engine.
#[derive(Clone)]
pub struct FakeEngine {
    inner: Arc<Inner>,
}

struct Inner {
    world: Mutex<World>,
    script: Mutex<Script>,
    /// Everything that listeners were told so far; each reads on from where it began.
    told: watch::Sender<Vec<EngineEvent>>,
    connection: watch::Sender<Connection>,
    listeners: watch::Sender<Listeners>,
}

/// Whether the engine can be reached.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connection {
    Up,
    Down,
}

/// Whether events reach those who listen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listeners {
    EventSubscription,
    Skipped,
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeEngine {
    /// A program that no image contains: a container that shall run it cannot be started.
    pub const MISSING_PROGRAM: &str = "/missing";

    /// An engine without images and containers.
    pub fn new() -> Self {
        let inner = Inner {
            world: Mutex::new(World::default()),
            script: Mutex::new(Script::default()),
            told: watch::Sender::new(Vec::new()),
            connection: watch::Sender::new(Connection::Up),
            listeners: watch::Sender::new(Listeners::EventSubscription),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    fn tell(&self, event: EngineEvent) {
        let is_up = *self.inner.connection.borrow() == Connection::Up;
        let is_told = *self.inner.listeners.borrow() == Listeners::EventSubscription;
        if is_up && is_told {
            self.inner.told.send_modify(|told| told.push(event));
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.inner.world)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.inner.script)
    }
}

/// A panic while the lock is held fails the test anyhow.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
