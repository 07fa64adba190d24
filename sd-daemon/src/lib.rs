//! The spin-docker daemon: creates containers on demand on a Docker engine, and stops them when they are idle.
//!
//! | module | job |
//! |---|---|
//! | [`app`] | builds all parts and runs them until a stop signal |
//! | [`settings`] | reads the settings from the command line, the environment and a file |
//! | [`domain`] | decides what happens to a container, in pure functions |
//! | [`engine`] | calls the container engine |
//! | [`prober`] | probes running containers from the host: their connections, traffic and processor time |
//! | [`registry`] | stores the containers and their events in SQLite |
//! | [`service`] | the operations: combines domain, engine, prober and registry |
//! | [`tasks`] | background tasks: follow events, enforce deadlines, probe activity, reconcile |
//! | [`task_status`] | the status of each background task |
//! | `backoff` | the delays between retries |
//! | [`server`] | the HTTP server: connections and their limits |
//! | [`http`] | the API: routes, middleware, handlers |
//! | `wire` | the representation of containers and events in the API |
//! | [`webhook`] | delivers events to one receiver |
//! | [`systemd`], [`shutdown`] | the service manager, and signals |
//! | [`log`], [`password`], [`tls`], [`clock`] | the log, the API's password and certificate, and time |

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
