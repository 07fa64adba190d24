//! What can be seen of a container from the host, and whether that is use.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::ContainerPort;

/// What was seen of one container between two looks from the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficSample {
    /// How long ago the look before was; nothing at the first look at a run. What a first look shows has
    /// been there before, for all anybody knows, and is use of nothing.
    pub since_last: Option<Duration>,
    /// The client connections that are open now.
    pub open: Vec<Traffic>,
    /// Those that have ended since the look before, as far as they could be seen.
    pub ended: Vec<Traffic>,
    /// The processor time used since the look before, where it was asked for and can be read.
    pub processor_time: Option<Duration>,
}

/// What one client connection carried since the look before. Only data counts: what the network needs to
/// keep a connection open carries none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// The port of the container.
    pub port: u16,
    /// Who is at the other end.
    pub peer: IpAddr,
    /// Whether it was there at the look before.
    pub age: ConnectionAge,
    /// What the container received.
    pub received: ByteCount,
    /// What the container sent.
    pub sent: ByteCount,
}

/// Whether a connection was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionAge {
    /// It was opened since the look before.
    New,
    /// It was open then.
    Known,
}

/// Data in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteCount {
    /// Bytes of data.
    pub bytes: u64,
    /// The segments that carried them.
    pub segments: u64,
}

/// What counts as use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UseRule {
    /// A connection has to carry this many bytes of data a minute, both ways together.
    pub bytes_per_minute: u64,
    /// The processor has to be used by this many thousandths of a core; nothing when it does not count.
    pub cpu_millicores: Option<u32>,
}

/// A [`TrafficSample`], judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeResult {
    /// Connections that are open, by port of the container.
    pub open: BTreeMap<ContainerPort, u32>,
    /// What all connections carried, both ways together.
    pub bytes_per_minute: u64,
    /// Connections that were used: opened, or carrying data above the floor.
    pub used: u32,
    /// Thousandths of a core that were used, when they are enough to count.
    pub busy_millicores: Option<u32>,
}

/// What OpenSSH sends to see whether the other side is still there, with the ciphers it prefers. To the network
/// that is data like any other; on the port of ssh a segment counts only for what is above this.
///
/// Of a client that asks (`ServerAliveInterval`) the container receives the question and sends the answer.
const SSH_QUESTION: u64 = 52;
/// The answer; chacha20-poly1305 makes it 28 bytes long.
const SSH_ANSWER: u64 = 36;
/// Where the container asks (`ClientAliveInterval`), its question is as long as a short word for its client. That
/// it is one shows in nothing else having been said.
const SSH_QUESTION_OF_SERVER: u64 = 60;

impl UseRule {
    /// Decides whether what was seen is use.
    pub fn evaluate(&self, sample: &TrafficSample) -> ProbeResult {
        let mut look = ProbeResult::default();
        for traffic in &sample.open {
            *look.open.entry(ContainerPort::tcp(traffic.port)).or_default() += 1;
        }
        let Some(since_last) = sample.since_last else {
            return look;
        };
        let all = || sample.open.iter().chain(&sample.ended);
        look.bytes_per_minute = per_minute(all().map(Traffic::bytes).sum(), since_last);
        let is_used = |traffic: &&Traffic| {
            traffic.age == ConnectionAge::New
                || per_minute(traffic.telling_bytes(), since_last) >= self.bytes_per_minute.max(1)
        };
        look.used = u32::try_from(all().filter(is_used).count()).unwrap_or(u32::MAX);
        look.busy_millicores = sample
            .processor_time
            .map(|used| millicores(used, since_last))
            .filter(|used| self.cpu_millicores.is_some_and(|enough| *used >= enough));
        look
    }
}

impl ProbeResult {
    /// Connections that are open, on whatever port.
    pub fn connections(&self) -> u32 {
        self.open.values().sum()
    }
}

impl Traffic {
    fn bytes(&self) -> u64 {
        self.received.bytes + self.sent.bytes
    }

    /// The bytes that tell of use: those of keep-alives of ssh do not.
    fn telling_bytes(&self) -> u64 {
        if self.port == ContainerPort::SSH.number {
            let said = if self.is_asked_by_server() {
                0
            } else {
                self.sent.above(SSH_ANSWER)
            };
            self.received.above(SSH_QUESTION) + said
        } else {
            self.bytes()
        }
    }

    fn is_asked_by_server(&self) -> bool {
        self.sent.is_of(SSH_QUESTION_OF_SERVER) && self.received.is_of(SSH_ANSWER)
    }
}

impl ByteCount {
    /// Whether all segments were of this length.
    fn is_of(self, segment: u64) -> bool {
        self.bytes == self.segments.saturating_mul(segment)
    }

    /// What was more than segments of this length.
    fn above(self, segment: u64) -> u64 {
        self.bytes.saturating_sub(self.segments.saturating_mul(segment))
    }
}

fn per_minute(bytes: u64, during: Duration) -> u64 {
    const MINUTE: u128 = 60_000;
    let millis = during.as_millis().max(1);
    // Rounded up: what was carried was not nothing.
    u64::try_from((u128::from(bytes) * MINUTE).div_ceil(millis)).unwrap_or(u64::MAX)
}

fn millicores(used: Duration, during: Duration) -> u32 {
    u32::try_from(used.as_micros() / during.as_millis().max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: UseRule = UseRule {
        bytes_per_minute: 1,
        cpu_millicores: None,
    };

    fn traffic(port: u16, received: (u64, u64), sent: (u64, u64)) -> Traffic {
        let carried = |(bytes, segments)| ByteCount { bytes, segments };
        Traffic {
            port,
            peer: "172.17.0.1".parse().unwrap(),
            age: ConnectionAge::Known,
            received: carried(received),
            sent: carried(sent),
        }
    }

    fn after_15_s(open: Vec<Traffic>) -> TrafficSample {
        TrafficSample {
            since_last: Some(Duration::from_secs(15)),
            open,
            ..TrafficSample::default()
        }
    }

    #[test]
    fn an_open_connection_that_carries_nothing_is_connected_and_not_used() {
        let look = RULE.evaluate(&after_15_s(vec![traffic(5432, (0, 0), (0, 0))]));
        assert_eq!((look.connections(), look.used, look.bytes_per_minute), (1, 0, 0));
    }

    #[test]
    fn the_smallest_query_is_use() {
        let look = RULE.evaluate(&after_15_s(vec![traffic(5432, (14, 1), (65, 1))]));
        assert_eq!((look.used, look.bytes_per_minute), (1, 316));
    }

    #[test]
    fn a_connection_that_came_is_use_even_when_it_has_gone_again() {
        let new = Traffic {
            age: ConnectionAge::New,
            ..traffic(80, (0, 0), (0, 0))
        };
        assert_eq!(RULE.evaluate(&after_15_s(vec![new])).used, 1);
        let gone = TrafficSample {
            ended: vec![new],
            ..after_15_s(Vec::new())
        };
        let look = RULE.evaluate(&gone);
        assert_eq!((look.used, look.connections()), (1, 0));
    }

    #[test]
    fn a_first_look_shows_connections_and_no_use() {
        let new = Traffic {
            age: ConnectionAge::New,
            ..traffic(80, (500, 2), (500, 2))
        };
        let look = RULE.evaluate(&TrafficSample {
            since_last: None,
            ..after_15_s(vec![new])
        });
        assert_eq!((look.connections(), look.used), (1, 0));
    }

    #[test]
    fn keep_alives_of_ssh_are_not_use_and_a_command_is() {
        // A request of the client every 5 s, and the answers.
        let keep_alives = traffic(22, (3 * 52, 3), (3 * 28, 3));
        assert_eq!(RULE.evaluate(&after_15_s(vec![keep_alives])).used, 0);
        // Requests of the server.
        let keep_alives = traffic(22, (3 * 36, 3), (3 * 60, 3));
        assert_eq!(RULE.evaluate(&after_15_s(vec![keep_alives])).used, 0);
        // With AES-GCM.
        let keep_alives = traffic(22, (3 * 52, 3), (3 * 36, 3));
        assert_eq!(RULE.evaluate(&after_15_s(vec![keep_alives])).used, 0);
        let command = traffic(22, (36, 1), (68, 1));
        assert_eq!(RULE.evaluate(&after_15_s(vec![command])).used, 1);
        let among_keep_alives = traffic(22, (3 * 52 + 36, 4), (3 * 28 + 68, 4));
        assert_eq!(RULE.evaluate(&after_15_s(vec![among_keep_alives])).used, 1);
        // Anywhere else data is data.
        let elsewhere = traffic(6379, (14, 1), (7, 1));
        assert_eq!(RULE.evaluate(&after_15_s(vec![elsewhere])).used, 1);
    }

    #[test]
    fn the_floor_is_for_each_connection_and_a_minute() {
        let rule = UseRule {
            bytes_per_minute: 2_000,
            ..RULE
        };
        let quiet = traffic(27017, (200, 1), (299, 1));
        assert_eq!(rule.evaluate(&after_15_s(vec![quiet; 10])).used, 0);
        let busy = traffic(27017, (200, 1), (300, 1));
        assert_eq!(rule.evaluate(&after_15_s(vec![busy])).used, 1);
    }

    #[test]
    fn the_processor_counts_only_where_it_is_told_to() {
        let sample = TrafficSample {
            processor_time: Some(Duration::from_secs(3)),
            ..after_15_s(Vec::new())
        };
        assert_eq!(RULE.evaluate(&sample).busy_millicores, None);
        let with = |cpu_millicores| UseRule {
            cpu_millicores,
            ..RULE
        };
        assert_eq!(with(Some(200)).evaluate(&sample).busy_millicores, Some(200));
        assert_eq!(with(Some(201)).evaluate(&sample).busy_millicores, None);
    }
}
