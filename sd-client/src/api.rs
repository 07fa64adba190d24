//! The wire types of `/v1`: what is sent and what comes back, in serde's words.
//!
//! Nothing here decides anything. Reading is generous (a newer daemon may add fields and states),
//! writing is exact.

mod activity;
mod check_in;
mod container;
mod problem;
mod readiness;
mod request;
pub mod route;
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
pub use request::{
    ContainerQuery, CreateContainer, DesiredStatus, ExtendContainer, RemoveMode, RemoveQuery, UpdateContainer,
};
pub use time::Timestamp;

pub use crate::quantity::{Cpus, InvalidQuantity, Memory, Span, TimeLimit};
