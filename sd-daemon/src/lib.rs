//! The spin-docker daemon: containers on demand over a Docker engine, put away when nobody uses them.
//!
//! Where things live:
//!
//! - [`domain`]: what a container is and what may happen to it, as pure functions;
//! - [`engine`]: the container engine behind a trait, and Docker behind that;
//! - [`prober`]: looking at containers from the host: who is connected, and what the connections carry;
//! - [`registry`]: which containers there are, in SQLite, and the snapshot readers look at;
//! - [`service`]: the operations, which bring the three together;
//! - [`tasks`]: what runs by itself: following events, reaping idle containers, reconciling;
//! - [`server`]: the HTTP server: connections and their limits;
//! - [`http`]: the API;
//! - `wire`: the representation of containers and events in the API;
//! - [`log`]: lines that nobody has to wait for;
//! - [`password`]: the password of the API, and its hash;
//! - [`tls`]: the certificate of the API;
//! - [`webhook`]: telling one receiver what happens;
//! - [`systemd`]: telling the service manager that the daemon serves and lives;
//! - [`app`]: builds all of it and runs it until it is told to stop.

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
