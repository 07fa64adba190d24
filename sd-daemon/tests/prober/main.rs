//! Probes of real containers with real connections.
//!
//! The servers are sockets of the test inside the network of a container, so that their traffic is known exactly.

#[path = "../support/docker.rs"]
mod docker;
#[path = "../support/network.rs"]
mod network;

mod container;
mod identity;
mod limits;
mod traffic;
