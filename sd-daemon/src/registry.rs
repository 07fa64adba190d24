//! The registry: the durable list of containers, open creates and events, in one SQLite file.
//!
//! One thread owns the database and the only current copy of every record (`registry/thread.rs`). Jobs reach it one
//! after the other, so their order is the order of events. A job that changes a record calls
//! [`transition()`](crate::domain::transition()), commits, and only then changes memory, publishes a new [`Snapshot`]
//! and answers (`registry/store.rs`). A change that was acknowledged survives a crash.
//!
//! Readers use the latest [`Snapshot`], which is in memory and immutable; they never wait for the thread.
//!
//! Reported activity is kept in memory first and written in batches. Losing the last seconds of it stops no container
//! early, because after a restart every container gets a grace period in which it can report again.
//!
//! Callers: the service uses [`Registry`]; `sd-daemon recover` uses [`recover()`].

mod changes;
mod clock_adjustment;
mod directory;
mod error;
mod files;
mod handle;
mod history;
mod outcome;
mod recovery;
mod rows;
mod schema;
mod snapshot;
mod store;
mod thread;

pub use directory::StateDirectory;
pub use error::{OpenError, RegistryError};
pub use handle::Registry;
pub use history::History;
pub use outcome::{Applied, Change, KeyLookup, OpenOutcome};
pub use recovery::{RecoveredTable, Recovery, RecoveryError, RecoveryMode, recover};
pub use snapshot::Snapshot;

#[cfg(test)]
mod tests;
