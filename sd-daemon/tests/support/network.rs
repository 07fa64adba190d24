//! The network namespace of another process.

use std::fs::{self, File};
use std::os::fd::AsFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Runs a function in the network namespace of a process.
pub(crate) fn inside<T: Send>(process: u32, run: impl FnOnce() -> T + Send) -> T {
    let enter_and_run = || {
        enter(process);
        run()
    };
    // A separate thread, because a thread that entered a namespace cannot leave it.
    std::thread::scope(|scope| {
        scope
            .spawn(enter_and_run)
            .join()
            .expect("the function does not panic")
    })
}

/// Moves this thread into the network namespace of a process.
pub(crate) fn enter(process: u32) {
    let network = File::open(format!("/proc/{process}/ns/net")).expect("the process exists");
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
        .expect("the tests run as root");
}

/// A counter of the network namespace of a process, from the file `net/snmp` or `net/netstat`.
pub(crate) fn counter(process: u32, file: &str, group: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/net/{file}")).expect("the process exists");
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(group)?.strip_prefix(": "));
    let (names, numbers) = (
        lines.next().expect("the group has names"),
        lines.next().expect("the group has numbers"),
    );
    let mut pairs = names.split(' ').zip(numbers.split(' '));
    let (_, number) = pairs
        .find(|(found, _)| *found == name)
        .expect("the counter exists");
    number.parse().expect("the counter is a number")
}
