//! What a container is to spin-docker, and what may happen to it.
//!
//! Everything in here is a value or a pure function: the standard library only, no clock, no engine,
//! no database, no wire format. [`transition()`] decides; everybody else carries inputs to it and carries
//! out the [`Effect`] it answers with.

mod actor;
mod creation;
mod event;
mod id;
mod image;
mod observation;
mod policy;
mod port;
mod record;
mod timestamp;
mod traffic;
mod transition;
mod words;

pub use actor::{Actor, Caller, Means};
pub use creation::{Creation, IdempotencyKey};
pub use event::{Event, EventKind, RecordedEvent, Subject, Words};
pub use id::{ContainerId, Name, OperationId};
pub use image::{Image, ImagePattern, ImageRef};
pub use observation::{Exit, LiveState, Observation, ObservedState, ProcessId, RunId};
pub use policy::{
    Deadline, DeadlineReason, Due, EffectiveLimit, ImageRule, LimitSource, Limits, Policy, TimeLimit,
};
pub use port::{ContainerPort, Endpoints, Protocol};
pub use record::{Activity, LastActive, Lifecycle, Record, RecordFields, Signal, SignalReading, StopCause};
pub use timestamp::Timestamp;
pub use traffic::{ByteCount, ConnectionAge, ProbeResult, Traffic, TrafficSample, UseRule};
pub use transition::{
    Context, Effect, Extension, Input, NextState, Refusal, RemoveMode, Report, Request, Transition,
    transition,
};

/// Why a text is not the value it should be.
///
/// The message finishes the sentence "the name ... " or "the image ...": what is allowed instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

impl std::fmt::Display for Invalid {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Invalid {}
