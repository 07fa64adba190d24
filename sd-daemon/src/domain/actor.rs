//! The actor of a change: a client, the daemon, the container, or the host.

use std::net::IpAddr;
use std::sync::Arc;

/// The client that sent a request.
///
/// Cheap to clone. The HTTP layer builds it from the request, and every operation takes one along.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The authenticated user, or `None` for a request without credentials.
    pub user: Option<Arc<str>>,
    /// The client's address, or `None` if the request did not come over a network.
    pub address: Option<IpAddr>,
    /// How the request was sent.
    pub means: Means,
}

impl Caller {
    /// A client of the HTTP API that is not identified further.
    pub const fn unidentified() -> Self {
        Self {
            user: None,
            address: None,
            means: Means::Api,
        }
    }

    /// An authenticated client of the HTTP API.
    pub fn of_api(user: &str, address: IpAddr) -> Self {
        Self {
            user: Some(user.into()),
            address: Some(address),
            means: Means::Api,
        }
    }
}

/// How a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Means {
    /// Through the HTTP API.
    Api,
}

/// The cause of a change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A client requested it.
    Caller(Arc<Caller>),
    /// The daemon, because of a deadline or to restore a consistent state.
    Daemon,
    /// The container, by a check-in or by the exit of its main process.
    Container,
    /// The host or the engine, without spin-docker.
    Outside,
}

impl From<Caller> for Actor {
    fn from(caller: Caller) -> Self {
        Self::Caller(Arc::new(caller))
    }
}
