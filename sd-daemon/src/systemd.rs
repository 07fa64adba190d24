//! Telling systemd how it goes: `Type=notify` and `WatchdogSec=`, as `sd_notify(3)` describes them.
//!
//! Nothing here fails: who is not there, or does not listen, is not told.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Whoever started the program and wants to know how it does, if anybody.
#[derive(Debug, Default)]
pub struct Systemd {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog_interval: Option<Duration>,
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notification<'a> {
    /// It serves; and how, in words for people.
    Ready(&'a str),
    /// It ends, and needs a while for that.
    Stopping,
    /// It lives.
    Alive,
}

impl Systemd {
    /// Whoever the environment names. `read` reads a variable; `own` is the number of this process.
    pub fn of_environment(read: impl Fn(&str) -> Option<OsString>, own: u32) -> Self {
        let Some(socket) = read("NOTIFY_SOCKET").and_then(|name| connect(&name)) else {
            return Self::default();
        };
        let number = |name| -> Option<u64> { read(name)?.to_str()?.parse().ok() };
        // A watchdog of another process, such as a wrapper, is not ours to calm.
        let is_ours = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(own));
        let limit = number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0);
        Self {
            socket: Some(socket),
            watchdog_interval: limit.map(|micros| Duration::from_micros(micros) / 2),
        }
    }

    /// How often a sign of life is wanted: twice in the time after which the program is taken for dead.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog_interval
    }

    /// Tells something. It is never waited for: who does not listen misses it.
    pub fn notify(&self, news: Notification<'_>) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        let text = match news {
            Notification::Ready(status) => format!("READY=1\nSTATUS={status}"),
            Notification::Stopping => "STOPPING=1\nSTATUS=stopping; containers keep running".to_owned(),
            Notification::Alive => "WATCHDOG=1".to_owned(),
        };
        if let Err(error) = socket.send_to_addr(text.as_bytes(), address) {
            tracing::debug!(%error, "failed to tell systemd");
        }
    }
}

fn connect(name: &OsString) -> Option<(UnixDatagram, SocketAddr)> {
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

    fn of(variables: &[(&str, &str)]) -> Systemd {
        let read = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Systemd::of_environment(read, 42)
    }

    #[test]
    fn the_beat_is_half_of_what_is_allowed() {
        let systemd = of(&[("NOTIFY_SOCKET", "@there"), ("WATCHDOG_USEC", "60000000")]);
        assert_eq!(systemd.watchdog_interval(), Some(Duration::from_secs(30)));
    }

    #[test]
    fn nobody_is_told_whom_nobody_names_and_no_watchdog_but_ours_is_calmed() {
        let of_another = [
            ("NOTIFY_SOCKET", "@there"),
            ("WATCHDOG_USEC", "60000000"),
            ("WATCHDOG_PID", "43"),
        ];
        assert_eq!(of(&of_another).watchdog_interval(), None);
        assert_eq!(of(&of_another[1..2]).watchdog_interval(), None);
        assert_eq!(
            of(&[("NOTIFY_SOCKET", "@there"), ("WATCHDOG_USEC", "0")]).watchdog_interval(),
            None
        );
        of(&[]).notify(Notification::Alive);
        of(&[("NOTIFY_SOCKET", "/nonexistent/socket")]).notify(Notification::Alive);
    }
}
