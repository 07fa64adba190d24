//! The activity report of a container: its use, its limits and its history.

use std::sync::Arc;

use super::{ProbeStatus, Service, ServiceError};
use crate::domain::{Policy, Record, RecordedEvent, Timestamp};

/// The use of a container, and what decides about its stop.
pub struct ActivityReport {
    /// The container.
    pub record: Arc<Record>,
    /// When it is stopped and removed.
    pub policy: Policy,
    /// The result of the latest probe of its present run, if there is one.
    pub latest_probe: Option<ProbeStatus>,
    /// Its events, oldest first.
    pub history: Vec<RecordedEvent>,
    /// The present.
    pub now: Timestamp,
}

impl Service {
    /// The activity report of a container. Never waits.
    pub fn activity(&self, reference: &str) -> Result<ActivityReport, ServiceError> {
        let record = self.find(reference)?;
        Ok(ActivityReport {
            policy: self.policy(),
            latest_probe: self.activity.latest_probe(&record),
            history: self.history().of(record.id()),
            now: self.activity.now(),
            record,
        })
    }
}
