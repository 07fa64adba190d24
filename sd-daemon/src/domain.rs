//! The state machine of a container: values and pure functions.
//!
//! Uses the standard library only: no clock, no engine, no database and no wire format. [`transition()`] decides what
//! follows from an [`Input`]. The service feeds it inputs and executes the [`Effect`] it returns.

mod activity;
mod actor;
mod creation;
mod event;
mod id;
mod image;
mod input;
mod lifecycle;
mod observation;
mod policy;
mod port;
mod reason;
mod record;
mod timestamp;
mod traffic;
mod transition;

pub use activity::{Activity, LastActive, Signal, SignalReading};
pub use actor::{Actor, Caller, Means};
pub use creation::{Creation, IdempotencyKey};
pub use event::{Event, EventKind, RecordedEvent, Subject};
pub use id::{ContainerId, Name, OperationId};
pub use image::{Image, ImagePattern, ImageRef};
pub use input::{Context, Extension, Input, RemoveMode, Report, Request};
pub use lifecycle::{Intent, Lifecycle, StopCause};
pub use observation::{Exit, LiveState, Observation, ObservedState, ProcessId, RunId};
pub use policy::{
    Deadline, DeadlineReason, Due, EffectiveLimit, ImageRule, LimitSource, Limits, Policy, TimeLimit,
};
pub use port::{ContainerPort, Endpoints, Protocol};
pub use reason::{AppliedLimit, Idleness, LastUse, Reason, Seconds, Use};
pub use record::{Record, RecordFields};
pub use timestamp::Timestamp;
pub use traffic::{ByteCount, ConnectionAge, ProbeResult, Traffic, TrafficSample, UseRule};
pub use transition::{Effect, NextState, Refusal, Transition, transition};

/// Why a text is not a valid value.
///
/// The message says what is allowed. It continues a sentence that begins with the name of the value, such as "the
/// name must be …".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

impl std::fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Invalid {}
