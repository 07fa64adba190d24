//! Docker and engines with a compatible HTTP API, such as Podman.
//!
//! The only code that uses bollard. `policy` builds the body of a create, `convert` maps responses to the types of
//! the domain, and `reply` decides what an error response means; these are pure. Request paths contain full container
//! ids from the registry and never names or prefixes.

mod calls;
mod connection;
mod convert;
mod engine;
mod error;
mod events;
mod exec;
mod frames;
mod inspection;
mod limits;
mod logs;
mod network;
mod policy;
mod pull;
mod reply;
mod transport;
mod version;

pub use engine::DockerEngine;
