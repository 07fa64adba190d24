//! One container as spin-docker knows it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{
    ContainerId, Creation, Endpoints, ImageRef, Limits, Name, OperationId, ProcessId, RunId, Timestamp,
};

/// One container: who it is, what it is doing, whether anybody uses it.
///
/// Only [`transition()`](super::step()) makes one from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub(super) fields: RecordFields,
}

/// The parts of a [`Record`], to read one from where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFields {
    /// The engine's id.
    pub id: ContainerId,
    /// The create that made it.
    pub operation: OperationId,
    /// Its name.
    pub name: Name,
    /// The image as it was named at creation.
    pub image: ImageRef,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Its own limits.
    pub limits: Limits,
    /// The limits that labels of its image set.
    pub label_limits: Limits,
    /// What it is doing.
    pub lifecycle: Lifecycle,
    /// Whether anybody uses it.
    pub activity: Activity,
    /// Grows with every run. A decision made about an older run is dropped.
    pub generation: u64,
    /// The latest run that is known to have begun.
    pub last_run: Option<RunId>,
}

/// What a container is doing. What belongs to a state lives in that state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// It shall run; the engine has not confirmed it.
    Starting,
    /// Its main process runs.
    Running {
        /// Since when.
        since: Timestamp,
        /// Where it is reached.
        endpoints: Endpoints,
        /// Its own addresses: who checks in from one of them is this container.
        addresses: Vec<IpAddr>,
        /// Its main process on the engine's host.
        process: Option<ProcessId>,
    },
    /// Somebody on the host has frozen it. It is not idle: whoever froze it knows that it exists.
    Paused {
        /// When this run began.
        since: Timestamp,
        /// Where it is reached.
        endpoints: Endpoints,
    },
    /// It shall stop; the engine has not confirmed it.
    Stopping {
        /// Why.
        cause: StopCause,
        /// Where it is still reached.
        endpoints: Endpoints,
    },
    /// At rest.
    Stopped {
        /// Since when.
        since: Timestamp,
        /// Why.
        cause: StopCause,
    },
    /// It shall go; the engine has not confirmed it.
    Removing {
        /// Why.
        cause: StopCause,
        /// Where it is still reached, when it was alive.
        endpoints: Option<Endpoints>,
    },
}

/// Why a container is at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// Somebody asked for it.
    Requested,
    /// Nobody used it.
    Idle,
    /// It had run, or been at rest, for as long as it may.
    Expired,
    /// Its main process ended.
    Exited,
    /// Somebody stopped it on the host.
    External,
    /// It could not be started.
    Failed,
}

/// Whether anybody uses a container. Times, never levels: a reporter that died after saying "active" does
/// not keep its container for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// When each signal last told of use. Those of earlier runs stay, to be told about.
    pub readings: BTreeMap<Signal, SignalReading>,
    /// The latest reported number of connections.
    pub connections: u32,
    /// Somebody asked that it is not stopped for idleness before this.
    pub keep_until: Option<Timestamp>,
    /// When that was asked for, the last time.
    pub extended_at: Option<Timestamp>,
    /// The deadline of which the coming was announced.
    pub warning_sent_for: Option<Timestamp>,
}

/// A signal's latest word of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalReading {
    /// When.
    pub at: Timestamp,
    /// How much: connections, or thousandths of a core.
    pub value: u32,
}

/// The latest use of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastActive {
    /// When.
    pub at: Timestamp,
    /// What said so.
    pub signal: Signal,
    /// How much.
    pub value: u32,
}

/// What can say that a container is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// It was created, started or thawed.
    Started,
    /// It reported itself.
    CheckIn,
    /// A client connection was opened or carried data, seen from the host.
    Connections,
    /// It used the processor.
    Cpu,
}

impl Activity {
    /// The activity of a container that has just come to life.
    pub fn started_at(at: Timestamp) -> Self {
        Self {
            readings: BTreeMap::from([(Signal::Started, SignalReading { at, value: 0 })]),
            connections: 0,
            keep_until: None,
            extended_at: None,
            warning_sent_for: None,
        }
    }

    /// The latest use.
    pub fn last_active(&self) -> LastActive {
        let latest = self.readings.iter().max_by_key(|(_, readings)| readings.at);
        let (signal, readings) = latest
            .map_or((Signal::Started, SignalReading::NEVER), |(signal, readings)| {
                (*signal, *readings)
            });
        LastActive {
            at: readings.at,
            signal,
            value: readings.value,
        }
    }

    /// Notes that a signal told of use.
    pub(super) fn note(&mut self, signal: Signal, at: Timestamp, value: u32) {
        self.readings.insert(signal, SignalReading { at, value });
    }

    /// Notes that somebody asks now to keep it until then. Whoever asked to keep it for longer is heard.
    pub(super) fn keep(&mut self, until: Timestamp, now: Timestamp) {
        if self.keep_until < Some(until) {
            self.keep_until = Some(until);
            self.extended_at = Some(now);
        }
    }

    /// Notes that a run has begun. What somebody asked for the run before does not hold for this one.
    pub(super) fn begin_run(&mut self, at: Timestamp) {
        self.note(Signal::Started, at, 0);
        self.end_run();
        self.warning_sent_for = None;
    }

    /// Notes that a run has ended: nobody is served, and nobody can keep it.
    pub(super) fn end_run(&mut self) {
        self.connections = 0;
        self.keep_until = None;
        self.extended_at = None;
    }
}

impl SignalReading {
    const NEVER: Self = Self {
        at: Timestamp::from_millis(0),
        value: 0,
    };
}

impl Record {
    /// What a creation becomes when the engine has made its container, which is still to be started.
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
            activity: Activity::started_at(creation.opened_at),
            generation: 1,
            last_run: None,
        })
    }

    /// A record as it was kept.
    pub fn restore(fields: RecordFields) -> Self {
        Self { fields }
    }

    /// The record as it can be at this time: nothing in it has happened later. After a clock was set back the past
    /// looks like the future, and what was used in the future would be kept up until then.
    #[must_use]
    pub fn clamp_to_now(mut self, now: Timestamp) -> Self {
        let Activity {
            readings,
            keep_until,
            extended_at,
            ..
        } = &mut self.fields.activity;
        for readings in readings.values_mut() {
            readings.at = readings.at.min(now);
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

    /// The record by a date that was set forward, or back, by so many milliseconds: all that it tells of was as long ago
    /// as before.
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
        let seen = readings.values_mut().map(|readings| &mut readings.at);
        let kept = [keep_until, extended_at, warning_sent_for];
        let kept = kept.into_iter().filter_map(Option::as_mut);
        for time in seen.chain(kept).chain(since).chain([created_at]) {
            *time = time.shift_clock(millis);
        }
        self
    }

    /// The engine's id.
    pub fn id(&self) -> ContainerId {
        self.fields.id
    }

    /// The create that made it.
    pub fn operation(&self) -> OperationId {
        self.fields.operation
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.fields.name
    }

    /// The image as it was named at creation.
    pub fn image(&self) -> &ImageRef {
        &self.fields.image
    }

    /// When it was asked for.
    pub fn created_at(&self) -> Timestamp {
        self.fields.created_at
    }

    /// Its own limits.
    pub fn limits(&self) -> &Limits {
        &self.fields.limits
    }

    /// The limits that labels of its image set.
    pub fn label_limits(&self) -> &Limits {
        &self.fields.label_limits
    }

    /// What it is doing.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.fields.lifecycle
    }

    /// Whether anybody uses it.
    pub fn activity(&self) -> &Activity {
        &self.fields.activity
    }

    /// Counts its runs.
    pub fn generation(&self) -> u64 {
        self.fields.generation
    }

    /// Whether it runs, and this is the run.
    pub fn is_in_run(&self, generation: u64) -> bool {
        matches!(self.lifecycle(), Lifecycle::Running { .. }) && self.generation() == generation
    }

    /// The latest run that is known to have begun.
    pub fn last_run(&self) -> Option<&RunId> {
        self.fields.last_run.as_ref()
    }

    /// Its own addresses while it runs.
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

impl Lifecycle {
    /// Where the container is reached; nothing in a state without a main process.
    pub fn endpoints(&self) -> Option<&Endpoints> {
        match self {
            Self::Running { endpoints, .. }
            | Self::Paused { endpoints, .. }
            | Self::Stopping { endpoints, .. } => Some(endpoints),
            Self::Removing { endpoints, .. } => endpoints.as_ref(),
            Self::Starting | Self::Stopped { .. } => None,
        }
    }

    /// Whether something was begun and not yet confirmed.
    pub fn is_unfinished(&self) -> bool {
        matches!(
            self,
            Self::Starting | Self::Stopping { .. } | Self::Removing { .. }
        )
    }
}
