//! The network of another process.

use std::fs::{self, File};
use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Does something inside the network of a process.
pub(crate) fn inside<T: Send>(process: u32, act: impl FnOnce() -> T + Send) -> T {
    let visit = || {
        enter(process);
        act()
    };
    // A thread of its own, which never comes back.
    std::thread::scope(|scope| scope.spawn(visit).join().expect("it does not panic"))
}

/// Moves this thread into the network of a process.
pub(crate) fn enter(process: u32) {
    let network = File::open(format!("/proc/{process}/ns/net")).expect("the process is there");
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
        .expect("it is allowed to root");
}

/// A number that the kernel counts in the network of a process, in the file `net/snmp` or `net/netstat`.
pub(crate) fn counter(process: u32, file: &str, group: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/net/{file}")).expect("the process is there");
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(group)?.strip_prefix(": "));
    let (names, numbers) = (lines.next().expect("names"), lines.next().expect("numbers"));
    let mut pairs = names.split(' ').zip(numbers.split(' '));
    let (_, number) = pairs.find(|(found, _)| *found == name).expect("it is counted");
    number.parse().expect("it is a number")
}
