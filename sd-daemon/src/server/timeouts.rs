//! The numbers.

use std::time::Duration;

/// What a listener takes on, and how long it waits for whom.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once. Further ones wait in the kernel until one ends. Three quarters of them are a crowd.
    pub connections: usize,
    /// Connections of one address that have not shown credentials; more of them are a crowd. Enough for a browser,
    /// or a script with thirty clients at once.
    pub unauthenticated: usize,
    /// As many of them there may be: a burst of more is hung up on.
    pub most_strangers: usize,
    /// For the head of a request, and for the first one on a new connection.
    pub head: Duration,
    /// For the next request on a connection that is kept open. Longer than proxies usually keep theirs (60 s), so
    /// that it is they who close them: what is sent to a connection that is just being closed is lost.
    pub idle: Duration,
    /// For a peer to take some of its answer. An answer that goes on for ever may be silent for as long as it is.
    pub unread: Duration,
    /// For any of these, and for the body of a request without credentials, while there is a crowd.
    pub in_crowd: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            unauthenticated: 32,
            most_strangers: 128,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            unread: Duration::from_secs(20),
            in_crowd: Duration::from_secs(1),
        }
    }
}
