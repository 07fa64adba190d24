//! Traffic of a container, measured from the host, and whether it counts as use.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::ContainerPort;

/// The traffic of a container between two probes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficSample {
    /// The time since the previous probe, or `None` for the first probe of a run. The first probe cannot distinguish
    /// new traffic from old traffic, and shows no use.
    pub since_last: Option<Duration>,
    /// The client connections that are open now.
    pub open: Vec<Traffic>,
    /// The connections that have ended since the previous probe, as far as they are known.
    pub ended: Vec<Traffic>,
    /// The processor time used since the previous probe, if it was requested and can be read.
    pub processor_time: Option<Duration>,
}

/// The data that a client connection carried since the previous probe. Packets without data, such as TCP keep-alives,
/// are not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// The port of the container.
    pub port: u16,
    /// The address of the client.
    pub peer: IpAddr,
    /// Whether it was open at the previous probe.
    pub age: ConnectionAge,
    /// The data that the container received.
    pub received: ByteCount,
    /// The data that the container sent.
    pub sent: ByteCount,
}

/// Whether a connection was open at the previous probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionAge {
    /// It was opened since then.
    New,
    /// It was already open.
    Known,
}

/// Data in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByteCount {
    /// Bytes of data.
    pub bytes: u64,
    /// TCP segments with data.
    pub segments: u64,
}

/// The thresholds above which traffic counts as use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UseRule {
    /// Bytes per minute that a connection has to carry, in both directions together.
    pub bytes_per_minute: u64,
    /// Thousandths of a core that the container has to use, or `None` if the processor is not a signal.
    pub cpu_millicores: Option<u32>,
}

/// An evaluated [`TrafficSample`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeResult {
    /// The number of open connections by container port.
    pub open: BTreeMap<ContainerPort, u32>,
    /// The data of all connections, in both directions together.
    pub bytes_per_minute: u64,
    /// The number of connections that count as use: newly opened, or above the threshold.
    pub used: u32,
    /// Thousandths of a core that were used, if they reach the threshold.
    pub busy_millicores: Option<u32>,
}

/// The size of a keep-alive request of an OpenSSH client (`ServerAliveInterval`) with the default ciphers. The prober
/// cannot distinguish it from other data; on the SSH port, only bytes above the size of a keep-alive count.
const SSH_REQUEST: u64 = 52;
/// The size of the reply; with chacha20-poly1305 it is 28 bytes.
const SSH_REPLY: u64 = 36;
/// The size of a keep-alive request of the server (`ClientAliveInterval`). Short output has the same size: traffic is a
/// keep-alive only if it has nothing but requests and replies.
const SSH_SERVER_REQUEST: u64 = 60;

impl UseRule {
    /// Evaluates whether a sample shows use.
    pub fn evaluate(&self, sample: &TrafficSample) -> ProbeResult {
        let mut result = ProbeResult::default();
        for traffic in &sample.open {
            *result.open.entry(ContainerPort::tcp(traffic.port)).or_default() += 1;
        }
        let Some(since_last) = sample.since_last else {
            return result;
        };
        let all = || sample.open.iter().chain(&sample.ended);
        result.bytes_per_minute = per_minute(all().map(Traffic::bytes).sum(), since_last);
        let is_used = |traffic: &&Traffic| {
            traffic.age == ConnectionAge::New
                || per_minute(traffic.bytes_of_use(), since_last) >= self.bytes_per_minute.max(1)
        };
        result.used = u32::try_from(all().filter(is_used).count()).unwrap_or(u32::MAX);
        result.busy_millicores = sample
            .processor_time
            .map(|used| millicores(used, since_last))
            .filter(|used| self.cpu_millicores.is_some_and(|enough| *used >= enough));
        result
    }
}

impl ProbeResult {
    /// The number of open connections on all ports.
    pub fn connections(&self) -> u32 {
        self.open.values().sum()
    }
}

impl Traffic {
    fn bytes(&self) -> u64 {
        self.received.bytes + self.sent.bytes
    }

    /// The bytes that count as use: all but those of SSH keep-alives.
    fn bytes_of_use(&self) -> u64 {
        if self.port == ContainerPort::SSH.number {
            let sent = if self.is_server_keep_alive() {
                0
            } else {
                self.sent.above(SSH_REPLY)
            };
            self.received.above(SSH_REQUEST) + sent
        } else {
            self.bytes()
        }
    }

    fn is_server_keep_alive(&self) -> bool {
        self.sent.consists_of(SSH_SERVER_REQUEST) && self.received.consists_of(SSH_REPLY)
    }
}

impl ByteCount {
    /// Whether all segments had this size.
    fn consists_of(self, segment: u64) -> bool {
        self.bytes == self.segments.saturating_mul(segment)
    }

    /// The bytes beyond segments of this size.
    fn above(self, segment: u64) -> u64 {
        self.bytes.saturating_sub(self.segments.saturating_mul(segment))
    }
}

fn per_minute(bytes: u64, during: Duration) -> u64 {
    const MINUTE: u128 = 60_000;
    let millis = during.as_millis().max(1);
    // Rounded up, so that any data is more than zero.
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
    fn open_connection_without_data_is_not_use() {
        let result = RULE.evaluate(&after_15_s(vec![traffic(5432, (0, 0), (0, 0))]));
        assert_eq!(
            (result.connections(), result.used, result.bytes_per_minute),
            (1, 0, 0)
        );
    }

    #[test]
    fn smallest_query_is_use() {
        let result = RULE.evaluate(&after_15_s(vec![traffic(5432, (14, 1), (65, 1))]));
        assert_eq!((result.used, result.bytes_per_minute), (1, 316));
    }

    #[test]
    fn new_connection_is_use_even_if_it_has_ended() {
        let new = Traffic {
            age: ConnectionAge::New,
            ..traffic(80, (0, 0), (0, 0))
        };
        assert_eq!(RULE.evaluate(&after_15_s(vec![new])).used, 1);
        let gone = TrafficSample {
            ended: vec![new],
            ..after_15_s(Vec::new())
        };
        let result = RULE.evaluate(&gone);
        assert_eq!((result.used, result.connections()), (1, 0));
    }

    #[test]
    fn first_probe_shows_connections_and_no_use() {
        let new = Traffic {
            age: ConnectionAge::New,
            ..traffic(80, (500, 2), (500, 2))
        };
        let result = RULE.evaluate(&TrafficSample {
            since_last: None,
            ..after_15_s(vec![new])
        });
        assert_eq!((result.connections(), result.used), (1, 0));
    }

    #[test]
    fn ssh_keep_alives_are_not_use_and_a_command_is() {
        // Requests of the client every 5 s, and their replies, with chacha20-poly1305.
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
        // On other ports, all data counts.
        let elsewhere = traffic(6379, (14, 1), (7, 1));
        assert_eq!(RULE.evaluate(&after_15_s(vec![elsewhere])).used, 1);
    }

    #[test]
    fn threshold_applies_to_each_connection_and_minute() {
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
    fn processor_counts_only_if_it_is_a_signal() {
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
