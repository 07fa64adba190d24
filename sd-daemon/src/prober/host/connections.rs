//! What became of client connections between two looks. Nothing here asks the kernel.

use std::collections::HashMap;
use std::net::IpAddr;

use super::message::{Connection, Counters};
use crate::domain::{ByteCount, ConnectionAge, Traffic};

/// The client connections of one container, as the last look found them.
#[derive(Default)]
pub(super) struct Connections {
    known: HashMap<u64, Known>,
}

struct Known {
    port: u16,
    peer: IpAddr,
    counters: Counters,
    stage: ConnectionPhase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionPhase {
    Open,
    /// One side has hung up, and the other may still send. It has been reported as ended.
    Ending,
    /// It is not listed any more, and its end has not been told: the container has not closed it yet, or
    /// the kernel could not keep all that there was to tell. What it carried before is remembered, so that
    /// it is not taken for new when its end is told after all.
    Unlisted,
}

/// So many are remembered that are not listed any more. Those of which nobody will ever tell add up.
const MOST_UNLISTED: usize = 1_000;

/// What became of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionDelta {
    pub(super) open: Vec<Traffic>,
    pub(super) ended: Vec<Traffic>,
}

/// Whether a connection is one of a client: to one of the ports, and from elsewhere.
pub(super) fn is_of_client(connection: &Connection, ports: &[u16]) -> bool {
    let peer = connection.peer;
    // A listening socket and one that was never connected have no peer. One with this end's own address is
    // the container itself.
    ports.contains(&connection.local.port())
        && peer.port() != 0
        && !peer.ip().is_loopback()
        && peer.ip() != connection.local.ip()
}

impl Connections {
    /// As a first look finds them: all have been there before, for all anybody knows.
    pub(super) fn found(listed: Vec<Connection>) -> Self {
        let known = listed
            .into_iter()
            .map(|found| (found.cookie, Known::from(&found)));
        Self {
            known: known.collect(),
        }
    }

    /// The open ones, when nothing was carried since.
    pub(super) fn silent(&self) -> Vec<Traffic> {
        let open = self
            .known
            .values()
            .filter(|known| known.stage == ConnectionPhase::Open);
        open.map(|known| known.traffic(ConnectionAge::Known, Counters::default()))
            .collect()
    }

    /// Compares with what is listed now, and with what was told to have ended since.
    pub(super) fn advance(&mut self, listed: Vec<Connection>, ended: &[Connection]) -> ConnectionDelta {
        let mut movement = ConnectionDelta::default();
        let mut now: HashMap<u64, Connection> =
            listed.into_iter().map(|found| (found.cookie, found)).collect();
        for last in ended {
            // It may have been listed before it ended.
            now.remove(&last.cookie);
            let known = self.known.remove(&last.cookie);
            movement.ended.extend(end(known.as_ref(), last));
        }
        movement.ended.extend(self.set_aside(&now));
        for (cookie, found) in now {
            let known = self.known.insert(cookie, Known::from(&found));
            if found.is_open {
                movement.open.push(since(known.as_ref(), &found));
            } else {
                movement.ended.extend(end(known.as_ref(), &found));
            }
        }
        movement
    }

    /// Sets aside what is not listed any more, and gives what of it was open until now.
    fn set_aside(&mut self, listed: &HashMap<u64, Connection>) -> Vec<Traffic> {
        let mut ended = Vec::new();
        let mut unlisted = 0;
        for (_, known) in self
            .known
            .iter_mut()
            .filter(|(cookie, _)| !listed.contains_key(cookie))
        {
            if known.stage == ConnectionPhase::Open {
                ended.push(known.traffic(ConnectionAge::Known, Counters::default()));
            }
            known.stage = ConnectionPhase::Unlisted;
            unlisted += 1;
        }
        if unlisted > MOST_UNLISTED {
            self.known
                .retain(|_, known| known.stage != ConnectionPhase::Unlisted);
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
            stage: if found.is_open {
                ConnectionPhase::Open
            } else {
                ConnectionPhase::Ending
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

/// What one that has ended carried at last; nothing when that has been said before, and it carried nothing
/// since.
fn end(known: Option<&Known>, last: &Connection) -> Option<Traffic> {
    let traffic = since(known, last);
    let is_news = known.is_none_or(|known| known.stage == ConnectionPhase::Open)
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

/// The kernel counts the end of a stream as one byte: without a segment of data it is none.
fn data(bytes: u64, segments: u32) -> ByteCount {
    ByteCount {
        bytes: if segments == 0 { 0 } else { bytes },
        segments: segments.into(),
    }
}
