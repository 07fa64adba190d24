//! The prober for containers whose processes run on this host.
//!
//! It reads the kernel's state and needs no cooperation of the container. For each container it holds the directory of
//! the main process in `/proc` and a socket inside the network namespace. A probe takes up to two steps, the cheap one
//! first: compare the byte counters of the network interfaces; if they changed, list the connections with their
//! counters. The kernel reports connections that open and close between two probes when they end.
//!
//! Not visible are UDP traffic, containers on the host's network, and ended connections beyond those that the kernel
//! queues between two probes (about 200).

mod cgroups;
mod connections;
mod container_probe;
mod message;
mod namespace;
mod prober;
mod process;
mod sock_diag;
mod worker;

pub use prober::{Bounds, HostProber, ProcessorTime};
