//! Looking at real containers from the host, with real connections.
//!
//! The servers are sockets of the test inside the network of a container, so that it is known to the byte
//! what they receive and send.

#[path = "../support/docker.rs"]
mod docker;
#[path = "../support/network.rs"]
mod network;

mod bounds;
mod container;
mod identity;
mod traffic;
