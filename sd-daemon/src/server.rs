//! The HTTP/1.1 server: accepts connections, limits them and closes those that stall.
//!
//! It serves any router and knows no handler. Both listeners of the daemon, the API's and the check-in listener, run on it.

mod accept;
mod body;
mod connections;
mod heads;
mod stream;
mod timeouts;

pub(crate) use accept::LocalAddr;
pub use accept::{ListenerConfig, Peer, serve, serve_within};
pub(crate) use connections::{Connection, source};
pub use timeouts::Limits;
