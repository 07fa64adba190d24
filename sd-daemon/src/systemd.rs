//! Notifies systemd of the state of the daemon: `Type=notify` and `WatchdogSec=`, as described in `sd_notify(3)`.
//!
//! Written by hand, because the protocol is one datagram. Notifications are best effort: without systemd they are dropped.

use std::ffi::{OsStr, OsString};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The notification socket of systemd, if systemd started the daemon.
#[derive(Debug, Default)]
pub struct Systemd {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog_interval: Option<Duration>,
}

/// A notification for systemd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification<'a> {
    /// The daemon accepts requests. `systemctl status` shows the text.
    Ready(&'a str),
    /// The daemon is stopping, which may take a while.
    Stopping,
    /// The daemon is alive.
    Watchdog,
}

impl Systemd {
    /// Reads the socket and the watchdog timeout from the environment. `read` returns a variable, and `pid` is the id of
    /// this process.
    pub fn from_environment(read: impl Fn(&str) -> Option<OsString>, pid: u32) -> Self {
        let Some(socket) = read("NOTIFY_SOCKET").and_then(|name| open_socket(&name)) else {
            return Self::default();
        };
        let number = |name| -> Option<u64> { read(name)?.to_str()?.parse().ok() };
        // A watchdog for another process, such as a wrapper, is not for this one.
        let is_for_us = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(pid));
        let timeout = number("WATCHDOG_USEC").filter(|micros| is_for_us && *micros > 0);
        Self {
            socket: Some(socket),
            watchdog_interval: timeout.map(|micros| Duration::from_micros(micros) / 2),
        }
    }

    /// How often [`Notification::Watchdog`] has to be sent, or `None` without a watchdog. It is half of the timeout after
    /// which systemd kills the daemon.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog_interval
    }

    /// Sends a notification. Never blocks: a notification that systemd does not receive at once is dropped.
    pub fn notify(&self, notification: Notification<'_>) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        let text = match notification {
            Notification::Ready(status) => format!("READY=1\nSTATUS={status}"),
            Notification::Stopping => "STOPPING=1\nSTATUS=stopping; containers keep running".to_owned(),
            Notification::Watchdog => "WATCHDOG=1".to_owned(),
        };
        if let Err(error) = socket.send_to_addr(text.as_bytes(), address) {
            tracing::debug!(%error, "failed to notify systemd");
        }
    }
}

/// A name with `@` in front is in the abstract namespace.
fn open_socket(name: &OsStr) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, address.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn systemd(variables: &[(&str, &str)]) -> Systemd {
        let read = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Systemd::from_environment(read, 42)
    }

    #[test]
    fn watchdog_interval_is_half_of_the_timeout() {
        let systemd = systemd(&[("NOTIFY_SOCKET", "@there"), ("WATCHDOG_USEC", "60000000")]);
        assert_eq!(systemd.watchdog_interval(), Some(Duration::from_secs(30)));
    }

    #[test]
    fn watchdog_of_another_process_is_ignored() {
        let variables = [
            ("NOTIFY_SOCKET", "@there"),
            ("WATCHDOG_USEC", "60000000"),
            ("WATCHDOG_PID", "43"),
        ];
        assert_eq!(systemd(&variables).watchdog_interval(), None);
    }

    #[test]
    fn watchdog_needs_a_socket_and_a_timeout() {
        assert_eq!(
            systemd(&[("WATCHDOG_USEC", "60000000")]).watchdog_interval(),
            None
        );
        let zero = [("NOTIFY_SOCKET", "@there"), ("WATCHDOG_USEC", "0")];
        assert_eq!(systemd(&zero).watchdog_interval(), None);
    }

    #[test]
    fn notification_without_a_receiver_is_dropped() {
        systemd(&[]).notify(Notification::Watchdog);
        systemd(&[("NOTIFY_SOCKET", "/nonexistent/socket")]).notify(Notification::Watchdog);
    }
}
