//! The background tasks that run as long as the daemon. A task decides when something happens; the service
//! does it. Each reports its runs through a [`TaskReporter`](crate::task_status::TaskReporter).

mod enforce_deadlines;
mod follow_events;
mod probe_activity;
mod reconcile;
mod retry_queue;

pub use enforce_deadlines::enforce_deadlines;
pub use follow_events::follow_events;
pub use probe_activity::probe_activity;
pub use reconcile::reconcile;
