//! One process in `/proc`.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::domain::{ContainerId, ProcessId};

/// A process.
///
/// Holds the directory of the process, which never becomes that of another process with the same number. After the
/// process has exited the directory is empty.
pub(super) struct Process {
    directory: OwnedFd,
}

/// The traffic of the network interfaces of a namespace, without loopback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interfaces {
    received: u64,
    sent: u64,
}

impl Process {
    /// The process with this number.
    pub(super) fn find(number: ProcessId) -> Result<Self, Errno> {
        let path = format!("/proc/{}", number.number());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty())?;
        Ok(Self { directory })
    }

    /// The network namespace.
    pub(super) fn network(&self) -> Result<OwnedFd, Errno> {
        self.open("ns/net")
    }

    /// The control groups, one line for each hierarchy.
    pub(super) fn control_groups(&self) -> Result<String, Errno> {
        let mut text = Vec::new();
        self.read("cgroup", &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The traffic of its network interfaces.
    pub(super) fn interfaces(&self, buffer: &mut Vec<u8>) -> Result<Interfaces, Errno> {
        self.read("net/dev", buffer)?;
        Ok(Interfaces::parse(&String::from_utf8_lossy(buffer)))
    }

    fn open(&self, path: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.directory, path, flags, Mode::empty())
    }

    fn read(&self, path: &str, into: &mut Vec<u8>) -> Result<(), Errno> {
        let file = self.open(path)?;
        into.clear();
        loop {
            into.reserve(4096);
            if rustix::io::read(&file, rustix::buffer::spare_capacity(into))? == 0 {
                return Ok(());
            }
        }
    }
}

/// Whether an error about a [`Process`] means that it has exited.
pub(super) fn has_exited(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::SRCH)
}

/// Whether the control groups are those of a container. Only the engine puts processes there.
pub(super) fn is_of_container(control_groups: &str, id: ContainerId) -> bool {
    let id = id.to_string();
    control_groups.lines().any(|line| line.contains(&id))
}

impl Interfaces {
    /// Parses `/proc/…/net/dev`: two header lines, then a name and sixteen numbers for each interface.
    fn parse(text: &str) -> Self {
        const RECEIVED_BYTES: usize = 0;
        const SENT_BYTES: usize = 8;
        let mut sum = Self::default();
        let interfaces = text.lines().filter_map(|line| line.split_once(':'));
        for (_, numbers) in interfaces.filter(|(name, _)| name.trim() != "lo") {
            let mut numbers = numbers
                .split_ascii_whitespace()
                .map(|number| number.parse().unwrap_or(0));
            let received: u64 = numbers.nth(RECEIVED_BYTES).unwrap_or(0);
            let sent: u64 = numbers.nth(SENT_BYTES - RECEIVED_BYTES - 1).unwrap_or(0);
            sum.received = sum.received.wrapping_add(received);
            sum.sent = sum.sent.wrapping_add(sent);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_summed_without_loopback() {
        let text = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:   12345      99    0    0    0     0          0         0    12345      99    0    0    0     0       0          0
  eth0:    1096      13    0    0    0     0          0         0      446       5    0    0    0     0       0          0
  eth1: 1000000       1    0    0    0     0          0         0  2000000       1    0    0    0     0       0          0
";
        let expected = Interfaces {
            received: 1_001_096,
            sent: 2_000_446,
        };
        assert_eq!(Interfaces::parse(text), expected);
    }

    #[test]
    fn control_groups_identify_the_container() {
        let id: ContainerId = "ab".repeat(32).parse().unwrap();
        for named in [
            format!("4:memory:/docker/{id}\n1:cpu:/docker/{id}\n"),
            format!("0::/system.slice/docker-{id}.scope\n"),
            format!("0::/system.slice/docker-{id}.scope/init.scope\n"),
        ] {
            assert!(is_of_container(&named, id), "{named}");
        }
        let other = "cd".repeat(32);
        for named in [
            "0::/\n".to_owned(),
            String::new(),
            format!("0::/docker/{other}\n"),
        ] {
            assert!(!is_of_container(&named, id), "{named}");
        }
    }

    #[test]
    fn exited_process_is_not_readable() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let process = Process::find(ProcessId::new(child.id()).unwrap()).unwrap();
        assert!(process.interfaces(&mut Vec::new()).is_ok());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(process.interfaces(&mut Vec::new()).is_err_and(has_exited));
    }
}
