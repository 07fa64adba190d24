//! Into the network namespace of a container, and back.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The network namespace of the daemon itself.
pub(super) struct HostNamespace(File);

impl HostNamespace {
    /// Where this thread is now.
    pub(super) fn here() -> std::io::Result<Self> {
        File::open("/proc/thread-self/ns/net").map(Self)
    }

    /// Whether this is the same namespace.
    pub(super) fn is(&self, namespace: impl AsFd) -> Result<bool, Errno> {
        let (ours, theirs) = (rustix::fs::fstat(&self.0)?, rustix::fs::fstat(namespace)?);
        Ok((ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino))
    }

    /// Does something in another namespace. Only this thread goes there, and it comes back: whoever stays
    /// keeps a namespace alive.
    pub(super) fn visit<T>(
        &self,
        namespace: impl AsFd,
        act: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        enter(namespace.as_fd())?;
        let done = act();
        enter(self.0.as_fd())?;
        done
    }
}

fn enter(namespace: BorrowedFd<'_>) -> Result<(), Errno> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))
}
