//! A running container: its use, and when it stops.

use std::time::{Duration, SystemTime};

use sd_client::api::{EventKind, OpenConnections, SignalKind, StopsBecause, Timestamp};

use super::explanation::{Explanation, limit};
use crate::output::human;

impl Explanation<'_> {
    pub(super) fn running(&self) -> Vec<String> {
        let sentences = [
            Some(self.run_time()),
            Some(self.last_use().unwrap_or_else(|| self.unused())),
            self.connections(),
            self.without_signals(),
            Some(self.deadline()),
            self.later_end(),
            self.extensions(),
            self.warning(),
            self.advice(),
        ];
        sentences.into_iter().flatten().collect()
    }

    fn run_time(&self) -> String {
        match self.activity.started_at {
            Some(at) => {
                let length = human::duration(self.when.since(at));
                format!("{} has been running for {length}.", self.subject())
            }
            None => format!("{} is running.", self.subject()),
        }
    }

    fn unused(&self) -> String {
        let since = match (self.activity.last_active_at, self.activity.started_at) {
            (Some(unpaused), Some(started)) if unpaused > started => {
                format!("it was unpaused at {}", self.when.time_and_distance(unpaused))
            }
            _ => "its start".to_owned(),
        };
        match self.off(&SignalKind::Connections) {
            Some(_) => format!("No use of it is known since {since}."),
            None => format!("It has not been used since {since}."),
        }
    }

    /// The open connections, or `None` if the settings turn them off.
    fn connections(&self) -> Option<String> {
        let Some(connections) = &self.activity.connections else {
            let reason = self.off(&SignalKind::Connections)?;
            return Some(format!("Whether clients are connected is unknown: {reason}."));
        };
        let ago = human::duration(self.when.since(connections.seen_at));
        Some(match connections.open {
            0 => format!("No client was connected {ago} ago."),
            open => format!(
                "{} connected {ago} ago{}{}.",
                if open == 1 {
                    "1 client was".to_owned()
                } else {
                    format!("{open} clients were")
                },
                to_ports(connections),
                self.traffic(connections)
            ),
        })
    }

    /// The traffic of the connections, and whether it counts as use.
    fn traffic(&self, connections: &OpenConnections) -> String {
        if let Some(reason) = self.off(&SignalKind::Connections) {
            return format!(", which does not count as use: {reason}");
        }
        let used_at = self.signal(&SignalKind::Connections).and_then(|signal| signal.at);
        // The use that a probe showed is recorded after the probe.
        let is_use = used_at.is_some_and(|used_at| used_at >= connections.seen_at);
        let rate = format!("{} a minute", human::bytes(connections.bytes_per_minute));
        match connections.bytes_per_minute {
            0 if is_use => ", newly opened".to_owned(),
            0 => ", without data, which does not count as use".to_owned(),
            _ if is_use => format!(", carrying {rate}"),
            _ => format!(", carrying {rate}, which is too little to count as use"),
        }
    }

    /// Says that no signal can show use of this container.
    fn without_signals(&self) -> Option<String> {
        self.off(&SignalKind::Connections)?;
        let check_in = match (
            self.off(&SignalKind::CheckIn),
            self.signal(&SignalKind::CheckIn)?.at,
        ) {
            (Some(reason), _) => format!("its check-ins do not count either: {reason}"),
            (None, None) => "it has never checked in (`sd check-in`)".to_owned(),
            (None, Some(_)) => return None,
        };
        let cpu = self.signal(&SignalKind::Cpu)?;
        let has_cpu = self.off(&SignalKind::Cpu).is_none() && cpu.at.is_some();
        (!has_cpu).then(|| format!("No signal shows its use: {check_in}."))
    }

    fn deadline(&self) -> String {
        let idle_timeout = self.idle_timeout();
        let (Some(at), Some(because)) = (self.activity.stops_at, &self.activity.stops_because) else {
            return format!("It is never stopped for idleness: its idle timeout is {idle_timeout}.");
        };
        let stop = if at <= self.activity.at {
            "It is due to be stopped now".to_owned()
        } else {
            format!("It will be stopped at {}", self.when.time_and_distance(at))
        };
        let unless_used = format!("{stop} unless it is used");
        match because {
            StopsBecause::IdleTimeout => format!("{unless_used}: its idle timeout is {idle_timeout}."),
            StopsBecause::KeepUntil => format!(
                "{unless_used}: an extension keeps it running until then, and its idle timeout is {idle_timeout}."
            ),
            StopsBecause::Grace => format!(
                "{unless_used}: the daemon started or resumed recently and gives all containers time to show use; \
                 its idle timeout is {idle_timeout}."
            ),
            StopsBecause::MaxLifetime => format!(
                "{stop}, used or not, and `sd extend` cannot postpone that: {}.",
                self.max_lifetime()
            ),
            StopsBecause::Other(reason) => format!("{stop}: {reason}."),
        }
    }

    fn max_lifetime(&self) -> String {
        let activity = self.activity;
        let limit = limit(activity.max_lifetime, &activity.max_lifetime_source);
        format!("its maximum lifetime is {limit}")
    }

    /// The end by the maximum lifetime, if another deadline comes first.
    fn later_end(&self) -> Option<String> {
        let end = self.run_ends_at()?;
        let at = self.when.time_and_distance(end);
        (self.activity.stops_because != Some(StopsBecause::MaxLifetime))
            .then(|| format!("At {at} it is stopped in any case: {}.", self.max_lifetime()))
    }

    /// The commands that change the deadline.
    fn advice(&self) -> Option<String> {
        const MORE: Duration = Duration::from_secs(2 * 60 * 60);
        let name = self.name();
        let at = self.activity.stops_at?.max(self.activity.at);
        Some(match self.activity.stops_because.as_ref()? {
            StopsBecause::IdleTimeout | StopsBecause::KeepUntil | StopsBecause::Grace => {
                let postponed: Timestamp = (SystemTime::from(at) + MORE).into();
                let until = self.run_ends_at().map_or(postponed, |end| end.min(postponed));
                let until = self.when.time(until);
                format!("`sd extend {name} 2h` would postpone the stop to {until}. A stop keeps its files.")
            }
            StopsBecause::MaxLifetime => {
                format!("A stop keeps its files, and `sd start {name}` begins a new run.")
            }
            StopsBecause::Other(_) => return None,
        })
    }

    /// When the maximum lifetime ends the run.
    fn run_ends_at(&self) -> Option<Timestamp> {
        let lifetime = Duration::from_secs(self.activity.max_lifetime?);
        Some((SystemTime::from(self.activity.started_at?) + lifetime).into())
    }

    /// The warning of the stop, unless the deadline has moved since then.
    fn warning(&self) -> Option<String> {
        let warning = self.latest(&EventKind::IdleWarning)?;
        let at = |kind| self.latest(kind).map(|entry| entry.at);
        let changes = [
            self.activity.last_active_at,
            at(&EventKind::Extended),
            at(&EventKind::Changed),
        ];
        let has_moved = changes.into_iter().flatten().any(|change| change > warning.at);
        (!has_moved).then(|| format!("A warning was sent at {}.", self.when.time(warning.at)))
    }
}

/// ` to port 5432`, or `, 2 to port 5432 and 1 to port 22`.
fn to_ports(connections: &OpenConnections) -> String {
    let mut ports: Vec<(u32, &str)> = connections
        .ports
        .iter()
        .map(|(port, open)| (*open, port.strip_suffix("/tcp").unwrap_or(port)))
        .collect();
    ports.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
    match &ports[..] {
        [] => String::new(),
        [(_, port)] => format!(" to port {port}"),
        many => {
            let each = many.iter().map(|(open, port)| format!("{open} to port {port}"));
            format!(", {}", each.collect::<Vec<_>>().join(" and "))
        }
    }
}
