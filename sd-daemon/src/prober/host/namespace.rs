//! Enters the network namespace of a container and returns.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The network namespace of the daemon itself.
pub(super) struct HostNamespace(File);

impl HostNamespace {
    /// The namespace of this thread.
    pub(super) fn current() -> std::io::Result<Self> {
        File::open("/proc/thread-self/ns/net").map(Self)
    }

    /// Whether another namespace is the same one.
    pub(super) fn is_same(&self, namespace: impl AsFd) -> Result<bool, Errno> {
        let (own, other) = (rustix::fs::fstat(&self.0)?, rustix::fs::fstat(namespace)?);
        Ok((own.st_dev, own.st_ino) == (other.st_dev, other.st_ino))
    }

    /// Runs a function in another namespace. Only this thread enters it, and it returns: a thread keeps its namespace
    /// alive.
    pub(super) fn run_in<T>(
        &self,
        namespace: impl AsFd,
        act: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        enter(namespace.as_fd())?;
        let result = act();
        enter(self.0.as_fd())?;
        result
    }
}

fn enter(namespace: BorrowedFd<'_>) -> Result<(), Errno> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))
}
