//! The wire types of `/v1`: requests, responses and events as serde types.
//!
//! Deserialization tolerates additions of a newer daemon: unknown fields of responses are ignored, unknown enum values are
//! kept. With the feature `openapi` the types have schemas, from which the daemon generates the OpenAPI document.

mod activity;
mod check_in;
mod container;
mod problem;
mod readiness;
mod reason;
mod request;
pub mod route;
#[cfg(feature = "openapi")]
mod schema;
mod sentence;
mod text;
mod time;

pub use activity::{
    Activity, Event, EventKind, HistoryEntry, OpenConnections, PolicySource, Signal, SignalKind, SignalState,
    StopsBecause,
};
pub use check_in::{CheckIn, MAX_ACTIVE_CONNECTIONS};
pub use container::{Container, Status, StopReason};
pub use problem::Problem;
pub use readiness::{Readiness, TaskStatus};
pub use reason::{
    Actor, AppliedLimit, ChangedLimits, Client, Idleness, LastUse, Means, OtherActor, OtherReason, Reason,
};
pub use request::{
    ContainerQuery, CreateContainer, DesiredStatus, ExtendContainer, RemoveMode, RemoveQuery, UpdateContainer,
};
pub use sentence::warning;
pub use time::Timestamp;

pub use crate::quantity::{Cpus, InvalidQuantity, Memory, Span, TimeLimit};
