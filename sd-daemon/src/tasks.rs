//! What runs by itself for as long as the daemon does. Each task decides when; the service does the work.

mod enforce_deadlines;
mod follow_events;
mod probe_activity;
mod reconcile;
mod retry_queue;

pub use enforce_deadlines::enforce_deadlines;
pub use follow_events::follow_events;
pub use probe_activity::probe_activity;
pub use reconcile::reconcile;
