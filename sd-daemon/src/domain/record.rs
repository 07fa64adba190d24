//! The record of a container: everything that the registry stores about it.

use std::net::IpAddr;

use super::{
    Activity, ContainerId, Creation, ImageRef, Intent, Lifecycle, Limits, Name, OperationId, Reason, RunId,
    Timestamp,
};

/// A container: its identity, its lifecycle and its activity.
///
/// Only [`transition()`](super::transition()) derives a record from another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub(super) fields: RecordFields,
}

/// The fields of a [`Record`], to restore one from a database row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFields {
    /// The engine's id.
    pub id: ContainerId,
    /// The create operation that made the container.
    pub operation: OperationId,
    /// The name.
    pub name: Name,
    /// The image as named at creation.
    pub image: ImageRef,
    /// When the creation was requested.
    pub created_at: Timestamp,
    /// Limits that were set for the container itself.
    pub limits: Limits,
    /// Limits that labels of its image set.
    pub label_limits: Limits,
    /// The lifecycle.
    pub lifecycle: Lifecycle,
    /// Why and by whom an unfinished lifecycle change was begun. `None` in other states, and in rows of older versions.
    pub intent: Option<Intent>,
    /// The activity.
    pub activity: Activity,
    /// The number of the run, counting from the first. Inputs for another generation are ignored.
    pub generation: u64,
    /// The latest run that the engine has shown.
    pub last_run: Option<RunId>,
}

impl Record {
    /// The record of a new container that is to be started.
    pub fn begin(creation: &Creation, id: ContainerId, name: Name) -> Self {
        Self::restore(RecordFields {
            id,
            operation: creation.operation,
            name,
            image: creation.image.clone(),
            created_at: creation.opened_at,
            limits: creation.limits,
            label_limits: creation.label_limits,
            lifecycle: Lifecycle::Starting,
            intent: Some(Intent {
                reason: Reason::Requested,
                actor: creation.requested_by.clone().into(),
            }),
            activity: Activity::started_at(creation.opened_at),
            generation: 1,
            last_run: None,
        })
    }

    /// A record from stored fields.
    pub fn restore(fields: RecordFields) -> Self {
        Self { fields }
    }

    /// The record without times after `now`.
    ///
    /// After the wall clock was set back, stored times can be in the future. A use in the future would keep the
    /// container running until then.
    #[must_use]
    pub fn clamp_to_now(mut self, now: Timestamp) -> Self {
        let Activity {
            readings,
            keep_until,
            extended_at,
            ..
        } = &mut self.fields.activity;
        for reading in readings.values_mut() {
            reading.at = reading.at.min(now);
        }
        if let (Some(until), Some(from)) = (keep_until, extended_at)
            && *from > now
        {
            *until = now.after(until.since(*from));
            *from = now;
        }
        match &mut self.fields.lifecycle {
            Lifecycle::Running { since, .. }
            | Lifecycle::Paused { since, .. }
            | Lifecycle::Stopped { since, .. } => *since = (*since).min(now),
            Lifecycle::Starting | Lifecycle::Stopping { .. } | Lifecycle::Removing { .. } => {}
        }
        self
    }

    /// The record after the wall clock was set forward, or back, by this many milliseconds: every stored time is as
    /// long ago as before.
    #[must_use]
    pub fn shift_clock(mut self, millis: i64) -> Self {
        let RecordFields {
            created_at,
            lifecycle,
            activity:
                Activity {
                    readings,
                    keep_until,
                    extended_at,
                    warning_sent_for,
                    ..
                },
            ..
        } = &mut self.fields;
        let since = match lifecycle {
            Lifecycle::Running { since, .. }
            | Lifecycle::Paused { since, .. }
            | Lifecycle::Stopped { since, .. } => Some(since),
            Lifecycle::Starting | Lifecycle::Stopping { .. } | Lifecycle::Removing { .. } => None,
        };
        let read = readings.values_mut().map(|reading| &mut reading.at);
        let extended = [keep_until, extended_at, warning_sent_for];
        let extended = extended.into_iter().filter_map(Option::as_mut);
        for time in read.chain(extended).chain(since).chain([created_at]) {
            *time = time.shift_clock(millis);
        }
        self
    }

    /// The engine's id.
    pub fn id(&self) -> ContainerId {
        self.fields.id
    }

    /// The create operation that made the container.
    pub fn operation(&self) -> OperationId {
        self.fields.operation
    }

    /// The name.
    pub fn name(&self) -> &Name {
        &self.fields.name
    }

    /// The image as named at creation.
    pub fn image(&self) -> &ImageRef {
        &self.fields.image
    }

    /// When the creation was requested.
    pub fn created_at(&self) -> Timestamp {
        self.fields.created_at
    }

    /// Limits that were set for the container itself.
    pub fn limits(&self) -> &Limits {
        &self.fields.limits
    }

    /// Limits that labels of its image set.
    pub fn label_limits(&self) -> &Limits {
        &self.fields.label_limits
    }

    /// The lifecycle.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.fields.lifecycle
    }

    /// Why and by whom an unfinished lifecycle change was begun.
    pub fn intent(&self) -> Option<&Intent> {
        self.fields.intent.as_ref()
    }

    /// The activity.
    pub fn activity(&self) -> &Activity {
        &self.fields.activity
    }

    /// The number of the run.
    pub fn generation(&self) -> u64 {
        self.fields.generation
    }

    /// Whether the container runs and the run has this generation.
    pub fn is_in_run(&self, generation: u64) -> bool {
        matches!(self.lifecycle(), Lifecycle::Running { .. }) && self.generation() == generation
    }

    /// The latest run that the engine has shown.
    pub fn last_run(&self) -> Option<&RunId> {
        self.fields.last_run.as_ref()
    }

    /// The container's own addresses while it runs.
    pub fn addresses(&self) -> &[IpAddr] {
        match self.lifecycle() {
            Lifecycle::Running { addresses, .. } => addresses,
            Lifecycle::Starting
            | Lifecycle::Paused { .. }
            | Lifecycle::Stopping { .. }
            | Lifecycle::Stopped { .. }
            | Lifecycle::Removing { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Caller, Endpoints, Signal, StopCause};
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const LATER: Timestamp = Timestamp::from_millis(1_060_000);

    fn record(lifecycle: Lifecycle, at: Timestamp) -> Record {
        let creation = Creation {
            operation: OperationId::from_bytes([1; 16]),
            image: "web".parse().unwrap(),
            name: None,
            limits: Limits::default(),
            label_limits: Limits::default(),
            key: None,
            opened_at: at,
            requested_by: Caller::unidentified(),
        };
        let mut record = Record::begin(&creation, "ab".parse().unwrap(), "web".parse().unwrap());
        record.fields.lifecycle = lifecycle;
        record
    }

    fn running(since: Timestamp) -> Record {
        record(
            Lifecycle::Running {
                since,
                endpoints: Endpoints::default(),
                addresses: vec!["172.17.0.2".parse().unwrap()],
                process: None,
            },
            since,
        )
    }

    fn since(record: &Record) -> Option<Timestamp> {
        match record.lifecycle() {
            Lifecycle::Running { since, .. }
            | Lifecycle::Paused { since, .. }
            | Lifecycle::Stopped { since, .. } => Some(*since),
            Lifecycle::Starting | Lifecycle::Stopping { .. } | Lifecycle::Removing { .. } => None,
        }
    }

    #[test]
    fn clamped_record_has_no_times_in_the_future() {
        let mut future = running(LATER);
        future.fields.activity.record_activity(Signal::Cpu, LATER, 3);
        let clamped = future.clamp_to_now(NOW);
        assert_eq!(since(&clamped), Some(NOW));
        let mut times = clamped.activity().readings.values().map(|reading| reading.at);
        assert!(times.all(|at| at == NOW));
        let stopped = Lifecycle::Stopped {
            since: LATER,
            cause: StopCause::Idle,
        };
        assert_eq!(since(&record(stopped, LATER).clamp_to_now(NOW)), Some(NOW));
        let past = running(NOW.before(Duration::from_secs(5)));
        assert_eq!(past.clone().clamp_to_now(NOW), past);
    }

    #[test]
    fn clamped_extension_keeps_its_length() {
        let extended = |from: Timestamp| {
            let mut record = running(NOW);
            let until = from.after(Duration::from_secs(90));
            record.fields.activity.extend_until(until, from);
            record.clamp_to_now(NOW).fields.activity
        };
        let expected = Some(NOW.after(Duration::from_secs(90)));
        for from in [LATER, NOW] {
            let activity = extended(from);
            assert_eq!((activity.keep_until, activity.extended_at), (expected, Some(NOW)));
        }
        let earlier = NOW.before(Duration::from_secs(30));
        let activity = extended(earlier);
        assert_eq!(activity.extended_at, Some(earlier));
        assert_eq!(activity.keep_until, Some(NOW.after(Duration::from_secs(60))));
    }

    #[test]
    fn clock_shift_moves_every_time() {
        let mut record = running(NOW);
        record.fields.activity.extend_until(LATER, NOW);
        record.fields.activity.warning_sent_for = Some(LATER);
        let mut expected = running(LATER);
        let later = Timestamp::from_millis(1_120_000);
        expected.fields.activity.extend_until(later, LATER);
        expected.fields.activity.warning_sent_for = Some(later);
        assert_eq!(record.clone().shift_clock(60_000), expected);
        assert_eq!(expected.shift_clock(-60_000), record);
    }

    #[test]
    fn run_is_identified_while_the_container_runs() {
        let running = running(NOW);
        assert!(running.is_in_run(1) && !running.is_in_run(2));
        assert_eq!(running.addresses().len(), 1);
        let starting = record(Lifecycle::Starting, NOW);
        assert!(!starting.is_in_run(1));
        assert!(starting.addresses().is_empty());
        assert!(starting.lifecycle().is_unfinished() && !running.lifecycle().is_unfinished());
    }

    #[test]
    fn new_record_has_the_fields_of_its_creation() {
        let record = record(Lifecycle::Starting, NOW);
        assert_eq!(
            (record.id().to_string(), record.operation(), record.created_at()),
            ("ab".to_owned(), OperationId::from_bytes([1; 16]), NOW)
        );
        assert_eq!((record.generation(), record.last_run()), (1, None));
        assert!(record.label_limits().is_empty());
    }
}
