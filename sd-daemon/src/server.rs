//! The HTTP/1.1 server: accepts connections, limits them and closes those that stall.
//!
//! Replaces `axum::serve`, which has no timeouts for slow clients and no limit per address; axum-server has no limit
//! per address either. It serves any router and uses no handler. The API listener and the check-in listener both run
//! on it.

mod accept;
mod body;
mod connections;
mod http1;
mod peer;
mod state;
mod stream;
mod timeouts;

pub use accept::{ListenerConfig, serve, serve_with_limits};
pub(crate) use connections::{Connection, address_or_network};
pub(crate) use peer::LocalAddr;
pub use peer::Peer;
pub use timeouts::ConnectionLimits;
