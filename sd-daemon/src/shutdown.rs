//! Signals: the first asks to stop, the second insists.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Signals that ask the process to stop.
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Begins to listen; until then a signal ends the process in the system's way.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Cancels the token at the first signal, and returns at the second.
    pub async fn watch(mut self, shutdown: CancellationToken) {
        self.next().await;
        tracing::info!("stopping; containers keep running");
        shutdown.cancel();
        self.next().await;
        tracing::warn!("told to stop again: ending at once");
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
