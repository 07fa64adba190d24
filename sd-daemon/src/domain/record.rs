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
