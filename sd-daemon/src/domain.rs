//! What a container is to spin-docker, and what may happen to it.
//!
//! Everything in here is a value or a pure function: the standard library only, no clock, no engine,
//! no database, no wire format. [`step()`] decides; everybody else carries inputs to it and carries
//! out the [`Effect`] it answers with.

mod container;
mod creation;
mod happening;
mod image;
mod observation;
mod policy;
mod port;
mod record;
mod sight;
mod step;
mod timestamp;
mod words;

pub use container::{ContainerId, Name, OperationId};
pub use creation::{Creation, IdempotencyKey};
pub use happening::{Event, Happening, Subject, What, Words};
pub use image::{Image, ImagePattern, ImageRef};
pub use observation::{Exit, LiveState, Observation, ObservedState, ProcessId, RunId};
pub use policy::{Because, Deadline, Decided, Due, ImageRule, Limits, Policy, Source, TimeLimit};
pub use port::{ContainerPort, Endpoints, Protocol};
pub use record::{Activity, Evidence, LastActive, Lifecycle, Record, RecordFields, Signal, StopCause};
pub use sight::{Age, Carried, Look, Sight, Traffic, UseRule};
pub use step::{Effect, Extension, Input, Next, Refusal, RemoveMode, Report, Step, step};
pub use timestamp::Timestamp;

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
