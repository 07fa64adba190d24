//! One log line for each change of a container: what changed, which container, by whom, and why.

use std::sync::Arc;

use crate::domain::{Caller, Input, Lifecycle, Record, StopCause};
use crate::registry::{Applied, Change};

/// A change that is about to be applied. Holds what is needed to log it afterwards.
pub(super) struct PendingChange {
    before: Option<Arc<Record>>,
    by: String,
    is_request: bool,
}

impl PendingChange {
    /// The record before the change, and the source of the input.
    pub(super) fn new(before: Option<Arc<Record>>, input: &Input) -> Self {
        let by = match input {
            Input::Requested { by, .. } => describe_caller(by),
            Input::Due { .. } => "daemon".to_owned(),
            Input::CheckIn { .. } => "container".to_owned(),
            Input::Used { .. } => "prober".to_owned(),
            Input::Observed(_) | Input::Vanished | Input::StartRejected { .. } => "engine".to_owned(),
        };
        Self {
            before,
            by,
            is_request: matches!(input, Input::Requested { .. }),
        }
    }

    /// Logs the change, if there is one. Use of a container is not a change.
    pub(super) fn log(self, applied: &Applied) {
        let Some(before) = self.before.filter(|_| applied.change == Change::Changed) else {
            return;
        };
        let (container, name, by) = (before.id(), before.name().as_str(), self.by);
        let Some(after) = &applied.record else {
            tracing::info!(%container, name, by, "container is removed");
            return;
        };
        let status = status(after.lifecycle());
        let why = why(after.lifecycle()).unwrap_or_default();
        if status != self::status(before.lifecycle()) {
            tracing::info!(%container, name, by, why, "container is {status}");
        } else if self.is_request {
            tracing::info!(%container, name, by, "changed the limits or the deadline of a container");
        }
    }
}

/// A client for the log: `admin from 192.0.2.7`.
pub(in crate::service) fn describe_caller(caller: &Caller) -> String {
    let user = caller.user.as_deref().unwrap_or("a client");
    match caller.address {
        Some(address) => format!("{user} from {address}"),
        None => user.to_owned(),
    }
}

fn status(lifecycle: &Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Starting => "starting",
        Lifecycle::Running { .. } => "running",
        Lifecycle::Paused { .. } => "paused",
        Lifecycle::Stopping { .. } => "stopping",
        Lifecycle::Stopped { .. } => "stopped",
        Lifecycle::Removing { .. } => "being removed",
    }
}

/// The cause of a stop or a removal.
fn why(lifecycle: &Lifecycle) -> Option<&'static str> {
    let cause = match lifecycle {
        Lifecycle::Stopping { cause, .. }
        | Lifecycle::Stopped { cause, .. }
        | Lifecycle::Removing { cause, .. } => cause,
        Lifecycle::Starting | Lifecycle::Running { .. } | Lifecycle::Paused { .. } => return None,
    };
    Some(match cause {
        StopCause::Requested => "requested",
        StopCause::Idle => "idle",
        StopCause::Expired => "limit reached",
        StopCause::Exited => "exited",
        StopCause::External => "stopped outside spin-docker",
        StopCause::Failed => "failed",
    })
}
