//! Compares the client connections of two probes. Pure.

use std::collections::HashMap;
use std::net::IpAddr;

use super::message::{Connection, Counters};
use crate::domain::{ByteCount, ConnectionAge, Traffic};

/// The client connections of one container at the last probe.
#[derive(Default)]
pub(super) struct Connections {
    known: HashMap<u64, Known>,
}

struct Known {
    port: u16,
    peer: IpAddr,
    counters: Counters,
    phase: ConnectionPhase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionPhase {
    Open,
    /// One side has closed; the other may still send. It was reported as ended.
    Closing,
    /// It is no longer listed, and the kernel has not reported its end: the container has not closed it yet, or the
    /// kernel dropped the report. Its counters are kept, so that a late report does not make it a new connection.
    Unlisted,
}

/// The maximum number of unlisted connections to remember. The kernel never reports the end of some of them.
const MAX_UNLISTED: usize = 1_000;

/// The changes between two probes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionDelta {
    pub(super) open: Vec<Traffic>,
    pub(super) ended: Vec<Traffic>,
}

/// Whether a connection comes from a client: to one of the ports and from another address.
pub(super) fn is_from_client(connection: &Connection, ports: &[u16]) -> bool {
    let peer = connection.peer;
    // Listening and unconnected sockets have no peer port. A peer with the local address is the container itself.
    ports.contains(&connection.local.port())
        && peer.port() != 0
        && !peer.ip().is_loopback()
        && peer.ip() != connection.local.ip()
}

impl Connections {
    /// The connections of a first probe. They may be older than the probe.
    pub(super) fn first(listed: Vec<Connection>) -> Self {
        let known = listed
            .into_iter()
            .map(|found| (found.cookie, Known::from(&found)));
        Self {
            known: known.collect(),
        }
    }

    /// The open connections without any new traffic.
    pub(super) fn unchanged(&self) -> Vec<Traffic> {
        let open = self
            .known
            .values()
            .filter(|known| known.phase == ConnectionPhase::Open);
        open.map(|known| known.traffic(ConnectionAge::Known, Counters::default()))
            .collect()
    }

    /// Returns the changes, given the listed connections and those that the kernel reported as ended.
    pub(super) fn advance(&mut self, listed: Vec<Connection>, ended: &[Connection]) -> ConnectionDelta {
        let mut delta = ConnectionDelta::default();
        let mut now: HashMap<u64, Connection> =
            listed.into_iter().map(|found| (found.cookie, found)).collect();
        for last in ended {
            // It may have been listed just before it ended.
            now.remove(&last.cookie);
            let known = self.known.remove(&last.cookie);
            delta.ended.extend(end(known.as_ref(), last));
        }
        delta.ended.extend(self.mark_unlisted(&now));
        for (cookie, found) in now {
            let known = self.known.insert(cookie, Known::from(&found));
            if found.is_open {
                delta.open.push(since(known.as_ref(), &found));
            } else {
                delta.ended.extend(end(known.as_ref(), &found));
            }
        }
        delta
    }

    /// Marks the connections that are no longer listed, and returns those that were open until now.
    fn mark_unlisted(&mut self, listed: &HashMap<u64, Connection>) -> Vec<Traffic> {
        let mut ended = Vec::new();
        let mut unlisted = 0;
        for (_, known) in self
            .known
            .iter_mut()
            .filter(|(cookie, _)| !listed.contains_key(cookie))
        {
            if known.phase == ConnectionPhase::Open {
                ended.push(known.traffic(ConnectionAge::Known, Counters::default()));
            }
            known.phase = ConnectionPhase::Unlisted;
            unlisted += 1;
        }
        if unlisted > MAX_UNLISTED {
            self.known
                .retain(|_, known| known.phase != ConnectionPhase::Unlisted);
        }
        ended
    }
}

impl From<&Connection> for Known {
    fn from(found: &Connection) -> Self {
        Self {
            port: found.local.port(),
            peer: found.peer.ip(),
            counters: found.counters,
            phase: if found.is_open {
                ConnectionPhase::Open
            } else {
                ConnectionPhase::Closing
            },
        }
    }
}

impl Known {
    fn traffic(&self, age: ConnectionAge, carried: Counters) -> Traffic {
        Traffic {
            port: self.port,
            peer: self.peer,
            age,
            received: data(carried.received, carried.segments_received),
            sent: data(carried.sent, carried.segments_sent),
        }
    }
}

/// Returns the last traffic of an ended connection, or `None` if it was reported before and carried nothing since.
fn end(known: Option<&Known>, last: &Connection) -> Option<Traffic> {
    let traffic = since(known, last);
    let is_news = known.is_none_or(|known| known.phase == ConnectionPhase::Open)
        || traffic.received != ByteCount::default()
        || traffic.sent != ByteCount::default();
    is_news.then_some(traffic)
}

fn since(known: Option<&Known>, now: &Connection) -> Traffic {
    let age = known.map_or(ConnectionAge::New, |_| ConnectionAge::Known);
    let before = known.map(|known| known.counters).unwrap_or_default();
    Known::from(now).traffic(age, now.counters.since(before))
}

impl Counters {
    fn since(self, before: Self) -> Self {
        Self {
            received: self.received.saturating_sub(before.received),
            segments_received: self.segments_received.wrapping_sub(before.segments_received),
            sent: self.sent.saturating_sub(before.sent),
            segments_sent: self.segments_sent.wrapping_sub(before.segments_sent),
        }
    }
}

/// The kernel counts the end of a stream as one byte. Without a data segment there was no data.
fn data(bytes: u64, segments: u32) -> ByteCount {
    ByteCount {
        bytes: if segments == 0 { 0 } else { bytes },
        segments: segments.into(),
    }
}
