//! Activity of a container: when each signal last showed use, and until when its stop is postponed.

use std::collections::BTreeMap;

use super::Timestamp;

/// The activity of a container.
///
/// Stores times and never a level such as "active": a reporter that crashes after a report does not keep its
/// container running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The latest reading of each signal. Readings of earlier runs stay for the API.
    pub readings: BTreeMap<Signal, SignalReading>,
    /// The number of connections in the latest check-in.
    pub connections: u32,
    /// The container is not stopped for idleness before this time.
    pub keep_until: Option<Timestamp>,
    /// When `keep_until` was last extended.
    pub extended_at: Option<Timestamp>,
    /// The deadline for which a warning was sent.
    pub warning_sent_for: Option<Timestamp>,
}

/// The latest use that a signal showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalReading {
    /// When.
    pub at: Timestamp,
    /// How much: connections, or thousandths of a core.
    pub value: u32,
}

/// The latest use of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastActive {
    /// When.
    pub at: Timestamp,
    /// The signal that showed it.
    pub signal: Signal,
    /// How much: connections, or thousandths of a core.
    pub value: u32,
}

/// A source of information about use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// The container was created, started or unpaused.
    Started,
    /// The container checked in.
    CheckIn,
    /// The prober saw a client connection that was opened or carried data.
    Connections,
    /// The prober saw the container use the processor.
    Cpu,
}

impl Activity {
    /// The activity of a container that has just been started.
    pub fn started_at(at: Timestamp) -> Self {
        Self {
            readings: BTreeMap::from([(Signal::Started, SignalReading { at, value: 0 })]),
            connections: 0,
            keep_until: None,
            extended_at: None,
            warning_sent_for: None,
        }
    }

    /// The latest use.
    pub fn last_active(&self) -> LastActive {
        let latest = self.readings.iter().max_by_key(|(_, reading)| reading.at);
        let (signal, reading) = latest
            .map_or((Signal::Started, SignalReading::NEVER), |(signal, reading)| {
                (*signal, *reading)
            });
        LastActive {
            at: reading.at,
            signal,
            value: reading.value,
        }
    }

    /// Whether an extension postpones the stop at this time.
    pub(super) fn is_kept_at(&self, now: Timestamp) -> bool {
        self.keep_until.is_some_and(|until| until >= now)
    }

    /// Records that a signal showed use.
    pub(super) fn record_activity(&mut self, signal: Signal, at: Timestamp, value: u32) {
        self.readings.insert(signal, SignalReading { at, value });
    }

    /// Postpones an idle stop to `until`. An extension never shortens an earlier one.
    pub(super) fn extend_until(&mut self, until: Timestamp, now: Timestamp) {
        if self.keep_until < Some(until) {
            self.keep_until = Some(until);
            self.extended_at = Some(now);
        }
    }

    /// Begins a run. Extensions of the previous run do not apply to it.
    pub(super) fn begin_run(&mut self, at: Timestamp) {
        self.record_activity(Signal::Started, at, 0);
        self.end_run();
        self.warning_sent_for = None;
    }

    /// Ends a run: it has no connections and no extension any more.
    pub(super) fn end_run(&mut self) {
        self.connections = 0;
        self.keep_until = None;
        self.extended_at = None;
    }
}

impl SignalReading {
    const NEVER: Self = Self {
        at: Timestamp::from_millis(0),
        value: 0,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_extension_keeps_its_begin() {
        let at = Timestamp::from_millis;
        let mut activity = Activity::started_at(at(0));
        activity.extend_until(at(100), at(10));
        activity.extend_until(at(100), at(20));
        assert_eq!(activity.extended_at, Some(at(10)));
        activity.extend_until(at(101), at(30));
        assert_eq!(
            (activity.keep_until, activity.extended_at),
            (Some(at(101)), Some(at(30)))
        );
    }
}
