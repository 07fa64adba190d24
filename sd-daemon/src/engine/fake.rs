//! An engine in memory, for tests. It passes the same contract suite as Docker.
//!
//! Containers behave as Docker's do: each start gives new ports and a new run, and the address of a stopped container
//! goes to the next one that starts. Addresses are loopback addresses, so that a test can connect from them as if it
//! were a container.
//!
//! Besides using the engine, a test can cut the connection, let calls fail or panic before or after they act, hold
//! calls, change containers outside the daemon, suppress events, and read the recorded calls. Nothing here sleeps.

mod calls;
mod controls;
mod engine;
mod exec;
mod hold;
mod script;
mod world;

pub use controls::FormerEngine;
pub use engine::FakeEngine;
pub use hold::Hold;
pub use script::{Action, Call, Point};
