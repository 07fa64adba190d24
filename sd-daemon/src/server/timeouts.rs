//! The numbers: connection limits and timeouts of a listener.

use std::time::Duration;

/// Connection limits and timeouts of a listener.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Open connections. Further ones stay in the kernel's accept queue. Three quarters of this number are an overload.
    pub connections: usize,
    /// Unauthenticated connections per address at the normal timeouts; more of them are an overload of that address.
    /// Enough for a browser, or for a script with thirty parallel requests.
    pub unauthenticated: usize,
    /// Unauthenticated connections per address in all. Further ones are closed at once.
    pub max_unauthenticated: usize,
    /// Timeout for the request headers, and for the first request on a new connection.
    pub headers: Duration,
    /// Timeout for the next request on a keep-alive connection. Longer than the usual 60 s of proxies, so that the
    /// proxy closes the connection: a request sent to a connection that the daemon is closing is lost.
    pub keep_alive: Duration,
    /// How long a client may read nothing while response bytes are waiting. A response without waiting bytes, such as
    /// a quiet event stream, has no timeout.
    pub unread: Duration,
    /// Replaces each of these, and limits the body of an unauthenticated request, under overload.
    pub overload: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 512,
            unauthenticated: 32,
            max_unauthenticated: 128,
            headers: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            unread: Duration::from_secs(20),
            overload: Duration::from_secs(1),
        }
    }
}
