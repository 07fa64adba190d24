//! What runs by itself for as long as the daemon does. Each task decides when; the service does the work.

mod attempts;
mod backoff;
mod follow_events;
mod probe_activity;
mod reap_idle;
mod reconcile;

pub use follow_events::follow_events;
pub use probe_activity::probe_activity;
pub use reap_idle::reap_idle;
pub use reconcile::reconcile;
