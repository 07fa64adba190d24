//! A container that is up: who uses it, and when it stops.

use std::time::{Duration, SystemTime};

use sd_client::api::{EventKind, OpenConnections, SignalKind, StopsBecause, Timestamp};

use super::{Explanation, limit};
use crate::output::human;

impl Explanation<'_> {
    pub(super) fn of_running(&self) -> Vec<String> {
        let sentences = [
            Some(self.is_up()),
            Some(self.was_used()),
            self.is_connected(),
            self.is_seen_by_nothing(),
            Some(self.stops()),
            self.ends_in_any_case(),
            self.extensions(),
            self.was_announced(),
            self.can_be_put_off(),
        ];
        sentences.into_iter().flatten().collect()
    }

    fn is_up(&self) -> String {
        match self.activity.started_at {
            Some(at) => format!(
                "{} has been running for {}.",
                self.subject(),
                human::duration(self.when.since(at))
            ),
            None => format!("{} is running.", self.subject()),
        }
    }

    fn was_used(&self) -> String {
        if let Some(last_use) = self.last_use() {
            return format!("It was last used at {last_use}.");
        }
        match (self.activity.last_active_at, self.activity.started_at) {
            (Some(thawed), Some(started)) if thawed > started => format!(
                "Nobody has used it since it was thawed at {}.",
                self.when.time_and_distance(thawed)
            ),
            // Where not all can be seen, nobody can say that there was none.
            _ if self.off(&SignalKind::Connections).is_some() => {
                "No use of it is known since it was started.".to_owned()
            }
            _ => "Nobody has used it since it was started.".to_owned(),
        }
    }

    /// Who is connected; nothing where the daemon's settings leave that out.
    fn is_connected(&self) -> Option<String> {
        let Some(connections) = &self.activity.connections else {
            let reason = self.off(&SignalKind::Connections);
            return reason.map(|reason| format!("Whether clients are connected is not known: {reason}."));
        };
        // A look is some seconds old, and who came since then is not in it.
        let ago = human::duration(self.when.since(connections.seen_at));
        if connections.open == 0 {
            return Some(format!(
                "A look from the host {ago} ago showed no client connected."
            ));
        }
        let clients = human::counted(connections.open.into(), "client");
        let to_ports = to_ports(connections);
        Some(format!(
            "A look from the host {ago} ago showed {clients} connected{to_ports}{}.",
            self.carrying(connections)
        ))
    }

    /// What the connections do, and whether that is use.
    fn carrying(&self, connections: &OpenConnections) -> String {
        if let Some(reason) = self.off(&SignalKind::Connections) {
            return format!(", which does not count as use: {reason}");
        }
        let told = self.signal(&SignalKind::Connections).and_then(|signal| signal.at);
        // What was credited then is noted after the look.
        let is_use = told.is_some_and(|told| told >= connections.seen_at);
        let rate = format!("{} a minute", human::bytes(connections.bytes_per_minute));
        match connections.bytes_per_minute {
            0 if is_use => " and just come".to_owned(),
            0 => " but silent, which does not count as use".to_owned(),
            _ if is_use => format!(", carrying {rate}"),
            _ => format!(", carrying {rate}, which is too little to count as use"),
        }
    }

    /// What can tell of use here is all off, or has never spoken: no wonder that it seems unused.
    fn is_seen_by_nothing(&self) -> Option<String> {
        self.off(&SignalKind::Connections)?;
        let never = match (
            self.off(&SignalKind::CheckIn),
            self.signal(&SignalKind::CheckIn)?.at,
        ) {
            (Some(reason), _) => format!("its own reports do not count either: {reason}"),
            (None, None) => "it has never reported use itself, as `sd check-in` would".to_owned(),
            (None, Some(_)) => return None,
        };
        let cpu = self.signal(&SignalKind::Cpu)?;
        let is_watched = self.off(&SignalKind::Cpu).is_none() && cpu.at.is_some();
        (!is_watched).then(|| format!("And {never}, so nothing tells of use."))
    }

    fn stops(&self) -> String {
        let (Some(at), Some(because)) = (self.activity.stops_at, &self.activity.stops_because) else {
            return format!("It is never stopped for want of use: {}.", self.idle_timeout());
        };
        let moment = if at <= self.activity.at {
            "It is due to be stopped now".to_owned()
        } else {
            format!("It will be stopped at {}", self.when.time_and_distance(at))
        };
        let unless_used = "unless somebody uses it before";
        let idle_timeout = self.idle_timeout();
        match because {
            StopsBecause::IdleTimeout => format!("{moment} {unless_used}: {idle_timeout}."),
            StopsBecause::KeepUntil => format!(
                "{moment} {unless_used}: until then it is kept because somebody asked for that, and {idle_timeout}."
            ),
            StopsBecause::Grace => format!(
                "{moment} {unless_used}: until then the daemon, which was started or woken lately and did not see \
                 what was before, waits for signs of use of all containers; {idle_timeout}."
            ),
            StopsBecause::MaxLifetime => {
                format!(
                    "{moment}, and neither use nor `sd extend` puts that off: {}.",
                    self.longest_run()
                )
            }
            StopsBecause::Other(reason) => format!("{moment}: {reason}."),
        }
    }

    fn longest_run(&self) -> String {
        let activity = self.activity;
        limit(
            "a run may last",
            activity.max_lifetime,
            &activity.max_lifetime_source,
        )
    }

    /// The end that no use puts off, where it is not the one that comes first.
    fn ends_in_any_case(&self) -> Option<String> {
        let end = self.run_ends_at()?;
        (self.activity.stops_because != Some(StopsBecause::MaxLifetime)).then(|| {
            format!(
                "At {} it is stopped in any case: {}.",
                self.when.time_and_distance(end),
                self.longest_run()
            )
        })
    }

    /// What can be done about it.
    fn can_be_put_off(&self) -> Option<String> {
        const MORE: Duration = Duration::from_secs(2 * 60 * 60);
        let name = self.name();
        let at = self.activity.stops_at?.max(self.activity.at);
        Some(match self.activity.stops_because.as_ref()? {
            StopsBecause::IdleTimeout | StopsBecause::KeepUntil | StopsBecause::Grace => {
                let pushed: Timestamp = (SystemTime::from(at) + MORE).into();
                let until = self.run_ends_at().map_or(pushed, |end| end.min(pushed));
                let until = self.when.time(until);
                format!("`sd extend {name} 2h` would move that to {until}. A stop keeps its files.")
            }
            StopsBecause::MaxLifetime => {
                format!("A stop keeps its files, and `sd start {name}` begins another run.")
            }
            StopsBecause::Other(_) => return None,
        })
    }

    /// When the longest run is over.
    fn run_ends_at(&self) -> Option<Timestamp> {
        let lifetime = Duration::from_secs(self.activity.max_lifetime?);
        Some((SystemTime::from(self.activity.started_at?) + lifetime).into())
    }

    /// Whether the stop that is coming has been announced.
    fn was_announced(&self) -> Option<String> {
        let warning = self.latest(&EventKind::IdleWarning)?;
        let pushed = self.latest(&EventKind::Extended).map(|entry| entry.at);
        let changed = self.latest(&EventKind::Changed).map(|entry| entry.at);
        let is_over = [self.activity.last_active_at, pushed, changed]
            .into_iter()
            .flatten()
            .any(|later| later > warning.at);
        (!is_over).then(|| format!("Its stop was announced at {}.", self.when.time(warning.at)))
    }
}

/// ` to port 5432`, or `, 2 to port 5432 and 1 to port 22`.
fn to_ports(connections: &OpenConnections) -> String {
    let named = connections.ports.iter();
    let mut ports: Vec<(u32, &str)> = named
        .map(|(port, open)| (*open, port.strip_suffix("/tcp").unwrap_or(port)))
        .collect();
    ports.sort_unstable_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
    match &ports[..] {
        [] => String::new(),
        [(_, port)] => format!(" to port {port}"),
        many => {
            let each: Vec<String> = many
                .iter()
                .map(|(open, port)| format!("{open} to port {port}"))
                .collect();
            format!(", {}", each.join(" and "))
        }
    }
}
