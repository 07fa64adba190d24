//! The status of each background task: when it last ran, and whether it is failing.
//!
//! A task reports the outcome of each run through its [`TaskReporter`]. Readers take all statuses at once
//! from [`TaskStatuses`]; `GET /readyz` shows them. A status never changes what the daemon does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::domain::Timestamp;

/// The status of one background task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    /// The name of the task.
    pub name: &'static str,
    /// When its latest run ended. `None` before the first run.
    pub last_run_at: Option<Timestamp>,
    /// The error of its latest failed run. It stays after the next success.
    pub last_error: Option<String>,
    /// Since when every run has failed. `None` if the latest run succeeded.
    pub failing_since: Option<Timestamp>,
}

/// The statuses of all background tasks. Cheap to clone.
#[derive(Clone)]
pub struct TaskStatuses {
    clock: Arc<dyn Clock>,
    statuses: Arc<Mutex<BTreeMap<&'static str, TaskStatus>>>,
}

impl TaskStatuses {
    /// No statuses yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            statuses: Arc::default(),
        }
    }

    /// Adds a task, and returns the reporter for it.
    pub fn register(&self, name: &'static str) -> TaskReporter {
        let status = TaskStatus {
            name,
            last_run_at: None,
            last_error: None,
            failing_since: None,
        };
        self.statuses.lock().insert(name, status);
        TaskReporter {
            name,
            statuses: self.clone(),
        }
    }

    /// The statuses as they are now, sorted by name.
    pub fn all(&self) -> Vec<TaskStatus> {
        self.statuses.lock().values().cloned().collect()
    }
}

/// Reports the runs of one task. Cheap to clone.
#[derive(Clone)]
pub struct TaskReporter {
    name: &'static str,
    statuses: TaskStatuses,
}

impl TaskReporter {
    /// Reports a successful run.
    pub fn succeeded(&self) {
        self.update(|status, now| {
            status.last_run_at = Some(now);
            status.failing_since = None;
        });
    }

    /// Reports a failed run.
    ///
    /// The error is shown to clients without credentials: it must not name containers or addresses.
    pub fn failed(&self, error: impl fmt::Display) {
        self.update(|status, now| {
            status.last_run_at = Some(now);
            status.last_error = Some(error.to_string());
            status.failing_since.get_or_insert(now);
        });
    }

    fn update(&self, change: impl FnOnce(&mut TaskStatus, Timestamp)) {
        let now = self.statuses.clock.now();
        if let Some(status) = self.statuses.statuses.lock().get_mut(self.name) {
            change(status, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn task_fails_from_its_first_failure_to_its_next_success() {
        let start = Timestamp::from_millis(1_000);
        let clock = Arc::new(ManualClock::at(start));
        let statuses = TaskStatuses::new(clock.clone());
        let reporter = statuses.register("reconcile");
        let status = || statuses.all().remove(0);
        assert_eq!((status().name, status().last_run_at), ("reconcile", None));

        reporter.failed("first");
        clock.advance(Duration::from_secs(1));
        reporter.failed("second");
        assert_eq!(status().failing_since, Some(start));
        assert_eq!(status().last_error.as_deref(), Some("second"));

        clock.advance(Duration::from_secs(1));
        reporter.succeeded();
        assert_eq!(status().failing_since, None);
        assert_eq!(status().last_run_at, Some(start.after(Duration::from_secs(2))));
        assert_eq!(status().last_error.as_deref(), Some("second"));
    }
}
