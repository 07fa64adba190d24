//! The two addresses of a connection, which every request carries as extensions.

use std::net::{IpAddr, SocketAddr};

/// The address of the client, or of the proxy in front of it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(SocketAddr);

impl Peer {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    /// The IP address. IPv4-mapped IPv6 addresses are returned as IPv4.
    pub fn address(self) -> IpAddr {
        self.0.ip().to_canonical()
    }

    /// The address with the port, for the log.
    pub(super) fn socket_address(self) -> SocketAddr {
        self.0
    }
}

/// The address of this machine that the client connected to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalAddr(SocketAddr);

impl LocalAddr {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self(address)
    }

    /// The IP address. IPv4-mapped IPv6 addresses are returned as IPv4.
    pub(crate) fn address(self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}
