//! The spin-docker daemon: runs containers on demand over a Docker engine and stops them when they are idle.
//!
//! - [`domain`]: containers and their transitions, as pure functions;
//! - [`engine`]: the container engine behind a trait, and Docker as its implementation;
//! - [`prober`]: reads the connections and the processor time of containers from the host;
//! - [`registry`]: stores containers in SQLite and keeps a snapshot in memory;
//! - [`service`]: the operations, which connect engine, prober and registry;
//! - [`tasks`]: background tasks: follow events, enforce deadlines, probe activity, reconcile;
//! - [`server`]: the HTTP server: connections and their limits;
//! - [`http`]: the API;
//! - `wire`: the representation of containers and events in the API;
//! - [`settings`]: flags, environment and settings file;
//! - [`log`]: a log that never blocks;
//! - [`password`]: the password of the API and its hash;
//! - [`tls`]: the certificate of the API;
//! - [`webhook`]: delivers events to one receiver;
//! - [`systemd`]: notifies the service manager;
//! - [`app`]: builds all parts and runs them until shutdown.

pub mod app;
mod backoff;
pub mod clock;
pub mod domain;
pub mod engine;
#[cfg(feature = "test-support")]
pub mod fuzz;
pub mod http;
pub mod log;
pub mod password;
pub mod prober;
mod quantity;
pub mod registry;
pub mod server;
pub mod service;
pub mod settings;
pub mod shutdown;
pub mod systemd;
pub mod task_status;
pub mod tasks;
pub mod tls;
pub mod webhook;
pub(crate) mod wire;
