//! Holds calls of the daemon until a test releases them.

use std::sync::Arc;

use super::engine::Inner;
use super::script::{Gate, Point};

/// Holds calls at one point until it is dropped.
#[must_use = "dropping a hold releases the calls"]
pub struct Hold {
    engine: Arc<Inner>,
    gate: Arc<Gate>,
}

impl Hold {
    pub(super) fn new(engine: Arc<Inner>, point: Point) -> Self {
        let gate = engine.script.lock().add_gate(point);
        Self { engine, gate }
    }

    /// Waits until a call is held.
    pub async fn reached(&self) {
        self.reached_by(1).await;
    }

    /// Waits until this many calls were held.
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

    /// The number of calls that were held so far.
    pub fn arrivals(&self) -> usize {
        *self.gate.arrivals.borrow()
    }

    /// Lets further calls pass and keeps those that wait.
    pub fn close(&self) {
        self.engine.script.lock().remove_gate(&self.gate);
    }

    /// Releases the calls and lets further ones pass.
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
