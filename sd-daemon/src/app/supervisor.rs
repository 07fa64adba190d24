//! Runs the tasks that live as long as the daemon, and keeps the status of each.
//!
//! If a task ends before the shutdown, the daemon exits: a daemon without one of its tasks would appear
//! healthy and not do its work.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::task_status::{TaskReporter, TaskStatuses};

/// The running tasks.
pub(super) struct Supervisor {
    running: JoinSet<()>,
    names: HashMap<tokio::task::Id, &'static str>,
    statuses: TaskStatuses,
}

impl Supervisor {
    /// A supervisor without tasks.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            running: JoinSet::new(),
            names: HashMap::new(),
            statuses: TaskStatuses::new(clock),
        }
    }

    /// The statuses of all tasks.
    pub(super) fn statuses(&self) -> &TaskStatuses {
        &self.statuses
    }

    /// Starts a task that reports its runs.
    pub(super) fn spawn<Task>(&mut self, name: &'static str, task: impl FnOnce(TaskReporter) -> Task)
    where
        Task: Future<Output = ()> + Send + 'static,
    {
        let reporter = self.statuses.register(name);
        self.spawn_without_status(name, task(reporter));
    }

    /// Starts a task that has no runs to report, such as a server.
    pub(super) fn spawn_without_status(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for the first task that ends. Returns its name and how it ended.
    pub(super) async fn first_end(&mut self) -> String {
        let (id, how) = match self.running.join_next_with_id().await {
            Some(Ok((id, ()))) => (id, "stopped unexpectedly"),
            Some(Err(error)) => (error.id(), "panicked"),
            None => std::future::pending().await,
        };
        let name = self.names.get(&id).unwrap_or(&"(unknown)");
        format!("the task {name} {how}")
    }

    /// Waits until all tasks have ended.
    pub(super) async fn join_all(&mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::Timestamp;

    #[tokio::test]
    async fn ended_task_is_reported_with_its_name() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let mut supervisor = Supervisor::new(clock);
        supervisor.spawn_without_status("endless", std::future::pending());
        supervisor.spawn("short", |_| async {});
        assert_eq!(
            supervisor.first_end().await,
            "the task short stopped unexpectedly"
        );
        supervisor.spawn("panicking", |_| async { panic!("on purpose") });
        assert_eq!(supervisor.first_end().await, "the task panicking panicked");
        let names: Vec<_> = supervisor
            .statuses()
            .all()
            .into_iter()
            .map(|status| status.name)
            .collect();
        assert_eq!(names, ["panicking", "short"]);
    }
}
