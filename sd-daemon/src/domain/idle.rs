//! When a container is idle for too long.

use std::time::Duration;

use super::{Lifecycle, Record, Timestamp};

/// How long a container may be without activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// As long as it likes.
    Never,
    /// Until it is stopped.
    After(Duration),
}

/// Everything besides the container itself that decides when it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleRule {
    /// Applies to containers that have no timeout of their own.
    pub default_timeout: TimeLimit,
    /// Nothing is stopped for idleness until this long after `resumed_at`: reporters speak first.
    /// A container whose timeout is shorter waits only for that.
    pub restart_grace: Duration,
    /// When this daemon began to listen to its containers.
    pub resumed_at: Timestamp,
}

impl IdleRule {
    /// The timeout that applies to a container.
    pub fn timeout_of(&self, record: &Record) -> TimeLimit {
        record.idle_timeout().unwrap_or(self.default_timeout)
    }

    /// When a container is stopped if nothing happens until then; nothing for one that is not running
    /// or is never stopped.
    pub fn stops_at(&self, record: &Record) -> Option<Timestamp> {
        let Lifecycle::Running { since, .. } = record.lifecycle() else {
            return None;
        };
        let TimeLimit::After(timeout) = self.timeout_of(record) else {
            return None;
        };
        let last_active_at = record.activity().last_active_at.max(*since);
        let grace_ends_at = self.resumed_at.after(timeout.min(self.restart_grace));
        Some(last_active_at.after(timeout).max(grace_ends_at))
    }

    /// Whether it is time to stop a container.
    pub fn is_due(&self, record: &Record, now: Timestamp) -> bool {
        self.stops_at(record).is_some_and(|stops_at| now >= stops_at)
    }
}
