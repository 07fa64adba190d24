//! Tracks open connections and closes those that exceed their timeout.
//!
//! A connection is authenticated once a request on it has passed the authentication. Each client address may hold a
//! limited number of unauthenticated connections. Behind a proxy all clients share one address; that is why
//! authenticated connections are not counted.
//!
//! A listener is overloaded when three quarters of its connections are in use or when the process has run out of file
//! descriptors. One address is overloaded when it holds too many unauthenticated connections. Under overload, connections
//! that stall for more than one second are closed. The timeouts are in [`ConnectionLimits`].

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::state::{ConnectionState, Overload, Waiting, WriteProgress};
use super::timeouts::ConnectionLimits;

/// The open connections of one listener.
pub(super) struct ConnectionTable {
    limits: ConnectionLimits,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    next_number: u64,
    open: HashMap<u64, Arc<Connection>>,
    unauthenticated: HashMap<IpAddr, usize>,
    /// Until when the listener counts as overloaded, however few connections are open.
    overloaded_until: Option<Instant>,
}

impl ConnectionTable {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            entries: Mutex::default(),
        })
    }

    pub(super) fn has_capacity(&self) -> bool {
        self.entries.lock().open.len() < self.limits.connections
    }

    /// Registers a new connection. Returns `None` if its address holds too many unauthenticated connections.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Option<ConnectionPermit> {
        let address = address_or_network(address);
        let mut entries = self.entries.lock();
        let unauthenticated = entries.unauthenticated.entry(address).or_default();
        if *unauthenticated >= self.limits.max_unauthenticated {
            return None;
        }
        *unauthenticated += 1;
        let number = entries.next_number;
        entries.next_number += 1;
        let connection = Arc::new(Connection {
            address,
            table: Arc::clone(self),
            state: Mutex::new(ConnectionState::new(now)),
            eviction: Notify::new(),
        });
        entries.open.insert(number, Arc::clone(&connection));
        Some(ConnectionPermit { number, connection })
    }

    /// Closes the connections whose timeout has passed.
    pub(super) fn evict_stalled(&self, now: Instant) {
        let entries = self.entries.lock();
        let is_full = entries.open.len() * 4 >= self.limits.connections * 3;
        let of_listener = is_full || entries.overloaded_until.is_some_and(|until| now < until);
        for connection in entries.open.values() {
            let unauthenticated = entries.unauthenticated.get(&connection.address);
            let overload = Overload {
                of_listener,
                of_address: unauthenticated.is_some_and(|count| *count > self.limits.unauthenticated),
            };
            let mut state = connection.state.lock();
            if state.is_stalled(&self.limits, overload, now) {
                state.evict();
                connection.eviction.notify_one();
            }
        }
    }

    /// Treats the listener as overloaded for a moment.
    pub(super) fn declare_overload(&self, now: Instant) {
        self.entries.lock().overloaded_until = Some(now + 2 * self.limits.overload);
    }

    fn remove(&self, number: u64) {
        let mut entries = self.entries.lock();
        if let Some(connection) = entries.open.remove(&number)
            && connection.state.lock().authenticate()
        {
            entries.release_unauthenticated(connection.address);
        }
    }
}

impl Entries {
    fn release_unauthenticated(&mut self, address: IpAddr) {
        if let Some(count) = self.unauthenticated.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.unauthenticated.remove(&address);
            }
        }
    }
}

/// The unit that limits per address apply to: an IPv4 address, or the /64 of an IPv6 address, because an IPv6 host has
/// a whole /64 of addresses.
pub(crate) fn address_or_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// The entry of a connection in the table. Dropping it removes the entry.
pub(super) struct ConnectionPermit {
    number: u64,
    connection: Arc<Connection>,
}

impl ConnectionPermit {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connection.table.remove(self.number);
    }
}

/// One open connection.
pub(crate) struct Connection {
    address: IpAddr,
    table: Arc<ConnectionTable>,
    state: Mutex<ConnectionState>,
    eviction: Notify,
}

impl Connection {
    /// A request on the connection has passed the authentication.
    pub(crate) fn authenticated(&self) {
        // Takes one lock after the other: `evict_stalled` takes both, in the other order.
        let is_first = self.state.lock().authenticate();
        if is_first {
            self.table.entries.lock().release_unauthenticated(self.address);
        }
    }

    /// Returns when the connection has to be closed. An eviction is void if bytes have arrived in the meantime: they
    /// may have waited for this task to run.
    pub(super) async fn evicted(&self) {
        loop {
            self.eviction.notified().await;
            if self.state.lock().is_evicted() {
                return;
            }
        }
    }

    /// Bytes of a request have arrived.
    pub(super) fn bytes_received(&self) {
        let mut state = self.state.lock();
        if let Waiting::Request { .. } = state.waiting() {
            state.wait(Waiting::Headers {
                since: Instant::now(),
            });
        }
    }

    /// The headers of a request have arrived; its body has not.
    pub(super) fn headers_received(&self) {
        self.state.lock().wait(Waiting::Body {
            since: Instant::now(),
        });
    }

    /// The body of a request has arrived as well, or its handler does not read it.
    pub(super) fn request_received(&self) {
        let mut state = self.state.lock();
        if !matches!(state.waiting(), Waiting::Request { .. }) {
            state.wait(Waiting::Nothing);
        }
    }

    /// The whole response has been written.
    pub(super) fn response_sent(&self) {
        self.state.lock().wait(Waiting::Request {
            since: Instant::now(),
        });
    }

    /// A write to the client was accepted or has to wait.
    pub(super) fn write_progressed(&self, progress: WriteProgress) {
        self.state.lock().set_write_progress(progress, Instant::now());
    }
}

#[cfg(test)]
mod tests;
