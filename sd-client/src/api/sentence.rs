//! The sentences of reasons and actors.
//!
//! Longer than 400 lines with its tests, which compare every sentence.

use std::fmt;
use std::time::Duration;

use super::{
    Actor, AppliedLimit, ChangedLimits, Client, EventKind, Idleness, LastUse, Means, PolicySource, Reason,
    SignalKind,
};
use crate::quantity::HumanDuration;

impl Reason {
    /// The reason of an event as a sentence without a full stop, such as `exited with code 3`.
    ///
    /// It stays true: it names durations, and no points in time.
    pub fn sentence(&self, event: &EventKind, actor: Option<&Actor>) -> String {
        match self {
            Self::Requested => requested(event, actor),
            Self::IdleTimeout(idleness) => idle(idleness, ""),
            Self::KeepUntil(idleness) => idle(idleness, ", no longer kept running by an extension"),
            Self::Grace(idleness) => idle(
                idleness,
                ", not even in the grace period after the daemon started or resumed",
            ),
            Self::MaxLifetime { limit } => format!("reached its maximum lifetime of {limit}"),
            Self::RemoveAfter { limit } => format!("not started again within {limit} after its stop"),
            Self::Exited { code } => format!("exited with code {code}"),
            Self::OutOfMemory => {
                "killed by the kernel: out of memory, the container exceeded its memory limit".to_owned()
            }
            Self::Outside => outside(event),
            Self::NeverRan => "the engine reports that it never ran".to_owned(),
            Self::StartFailed { message } => format!("failed to start: {message}"),
            Self::LimitsChanged(limits) => format!("{limits}{}", requested_by(actor)),
            Self::ExtendedBy { seconds, capped_by } => format!(
                "stop postponed by {}{}{}",
                human(*seconds),
                requested_by(actor),
                capped(capped_by.as_ref())
            ),
            Self::KeptFor { seconds, capped_by } => format!(
                "kept running for {}, and longer while the request is repeated{}{}",
                human(*seconds),
                requested_by(actor),
                capped(capped_by.as_ref())
            ),
            Self::ReportedBusy { seconds } => format!("it reported that it is busy for {}", human(*seconds)),
            Self::Text { text } => text.clone(),
            Self::Other(other) => other.kind.clone(),
        }
    }
}

/// A warning that a container will be stopped after a duration, with the reason of the stop. The duration is rounded up
/// to whole seconds.
pub fn warning(stops_in: Duration, reason: &str) -> String {
    let seconds = u64::try_from(stops_in.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
    format!("will be stopped in {}: {reason}", human(seconds))
}

fn requested(event: &EventKind, actor: Option<&Actor>) -> String {
    let done = match event {
        EventKind::Created => "created",
        EventKind::Started => "started",
        EventKind::Stopping | EventKind::Stopped => "stopped",
        EventKind::Removed => "removed",
        EventKind::IdleWarning
        | EventKind::Extended
        | EventKind::Changed
        | EventKind::Paused
        | EventKind::Resumed
        | EventKind::Other(_) => "requested",
    };
    match actor {
        Some(actor) => format!("{done} by {actor}"),
        None => format!("{done} on request"),
    }
}

fn requested_by(actor: Option<&Actor>) -> String {
    actor.map_or_else(String::new, |actor| format!(", requested by {actor}"))
}

fn outside(event: &EventKind) -> String {
    let (done, command) = match event {
        EventKind::Started => ("started", "start"),
        EventKind::Paused => ("paused", "pause"),
        EventKind::Resumed => ("unpaused", "unpause"),
        EventKind::Stopping | EventKind::Stopped => ("stopped", "stop"),
        EventKind::Removed => ("removed", "rm"),
        EventKind::Created
        | EventKind::IdleWarning
        | EventKind::Extended
        | EventKind::Changed
        | EventKind::Other(_) => return "changed outside spin-docker".to_owned(),
    };
    format!("{done} outside spin-docker (for example with `docker {command}`)")
}

fn idle(idleness: &Idleness, also: &str) -> String {
    let Idleness {
        idle_for,
        limit,
        last_use,
    } = idleness;
    format!(
        "not used for {}{also}, and its idle timeout is {limit}; the last use was {last_use}",
        human(*idle_for)
    )
}

fn capped(limit: Option<&AppliedLimit>) -> String {
    limit.map_or_else(String::new, |limit| {
        format!("; its maximum lifetime of {limit} still applies")
    })
}

fn human(seconds: u64) -> HumanDuration {
    HumanDuration(Duration::from_secs(seconds))
}

/// `1 connection`, `2 connections`.
fn connections(count: u64) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} connection{plural}")
}

impl fmt::Display for AppliedLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", human(self.seconds), self.source)
    }
}

impl fmt::Display for PolicySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Container => "set for this container",
            Self::ImageLabel => "from its image's label",
            Self::ImageRule => "from the daemon's rule for its image",
            Self::Default => "the daemon's default",
            Self::Other(other) => other,
        })
    }
}

impl fmt::Display for LastUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.signal, self.value) {
            (SignalKind::Started, _) if self.unpaused => formatter.write_str("its unpause on the host"),
            (SignalKind::Started, _) => formatter.write_str("its start"),
            (SignalKind::CheckIn, 0) => formatter.write_str("its report that it was busy"),
            (SignalKind::CheckIn, count) => write!(formatter, "its report of {}", connections(count)),
            (SignalKind::Connections, count) => {
                write!(
                    formatter,
                    "{} in use (measured from the host)",
                    connections(count)
                )
            }
            (SignalKind::Cpu, millicores) => {
                let (cores, thousandths) = (millicores / 1_000, millicores % 1_000);
                let decimals = format!("{thousandths:03}");
                let decimals = decimals.trim_end_matches('0');
                let point = if decimals.is_empty() { "" } else { "." };
                write!(formatter, "its processor use of {cores}{point}{decimals} cores")
            }
            (SignalKind::Other(other), _) => formatter.write_str(other),
        }
    }
}

impl fmt::Display for ChangedLimits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = [
            ("idle timeout", self.idle_timeout),
            ("maximum lifetime", self.max_lifetime),
            ("time until removal of the stopped container", self.remove_after),
        ];
        let changes = limits.into_iter().filter_map(|(name, limit)| {
            Some(match limit? {
                0 => format!("{name} set to unlimited"),
                seconds => format!("{name} set to {}", human(seconds)),
            })
        });
        formatter.write_str(&changes.collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => client.fmt(formatter),
            Self::Daemon => formatter.write_str("the daemon"),
            Self::Container => formatter.write_str("the container"),
            Self::Outside => formatter.write_str("the host"),
            Self::Other(other) => formatter.write_str(&other.kind),
        }
    }
}

impl fmt::Display for Client {
    /// `admin from 127.0.0.1 (API)`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.user.as_deref().unwrap_or("a client"))?;
        if let Some(address) = self.address {
            write!(formatter, " from {address}")?;
        }
        match &self.means {
            Means::Api => formatter.write_str(" (API)"),
            Means::Other(other) => write!(formatter, " ({other})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OtherActor, OtherReason};
    use super::*;

    fn admin() -> Actor {
        Actor::Client(Client {
            user: Some("admin".to_owned()),
            address: Some("127.0.0.1".parse().unwrap()),
            means: Means::Api,
        })
    }

    fn limit(seconds: u64, source: PolicySource) -> AppliedLimit {
        AppliedLimit { seconds, source }
    }

    fn idleness(signal: SignalKind, value: u64) -> Idleness {
        Idleness {
            idle_for: 9_000,
            limit: limit(9_000, PolicySource::Default),
            last_use: LastUse {
                signal,
                value,
                unpaused: false,
            },
        }
    }

    #[test]
    fn request_names_the_change_and_the_client() {
        for (event, done) in [
            (EventKind::Created, "created"),
            (EventKind::Started, "started"),
            (EventKind::Stopping, "stopped"),
            (EventKind::Removed, "removed"),
        ] {
            let sentence = Reason::Requested.sentence(&event, Some(&admin()));
            assert_eq!(sentence, format!("{done} by admin from 127.0.0.1 (API)"));
        }
        let unknown = Reason::Requested.sentence(&EventKind::Stopping, None);
        assert_eq!(unknown, "stopped on request");
    }

    #[test]
    fn actor_is_named_as_far_as_it_is_known() {
        let client = |user: Option<&str>, address: Option<&str>, means| {
            Actor::Client(Client {
                user: user.map(str::to_owned),
                address: address.map(|address| address.parse().unwrap()),
                means,
            })
        };
        for (actor, expected) in [
            (client(None, None, Means::Api), "a client (API)"),
            (client(None, Some("::1"), Means::Api), "a client from ::1 (API)"),
            (
                client(Some("ops"), None, Means::Other("page".to_owned())),
                "ops (page)",
            ),
            (Actor::Daemon, "the daemon"),
            (Actor::Container, "the container"),
            (Actor::Outside, "the host"),
            (
                Actor::Other(OtherActor {
                    kind: "scheduler".to_owned(),
                }),
                "scheduler",
            ),
        ] {
            assert_eq!(actor.to_string(), expected);
        }
    }

    #[test]
    fn end_of_a_run_is_named_by_what_is_known() {
        let stopped = |reason: Reason| reason.sentence(&EventKind::Stopped, Some(&Actor::Outside));
        for (reason, expected) in [
            (Reason::Exited { code: 3 }, "exited with code 3"),
            (Reason::Exited { code: 137 }, "exited with code 137"),
            (
                Reason::OutOfMemory,
                "killed by the kernel: out of memory, the container exceeded its memory limit",
            ),
            (
                Reason::Outside,
                "stopped outside spin-docker (for example with `docker stop`)",
            ),
            (Reason::NeverRan, "the engine reports that it never ran"),
            (
                Reason::StartFailed {
                    message: "port is already allocated".to_owned(),
                },
                "failed to start: port is already allocated",
            ),
            (
                Reason::Text {
                    text: "its main process ended".to_owned(),
                },
                "its main process ended",
            ),
            (
                Reason::Other(OtherReason {
                    kind: "preempted".to_owned(),
                }),
                "preempted",
            ),
        ] {
            assert_eq!(stopped(reason), expected);
        }
    }

    #[test]
    fn change_outside_names_the_docker_command() {
        for (event, expected) in [
            (
                EventKind::Started,
                "started outside spin-docker (for example with `docker start`)",
            ),
            (
                EventKind::Paused,
                "paused outside spin-docker (for example with `docker pause`)",
            ),
            (
                EventKind::Resumed,
                "unpaused outside spin-docker (for example with `docker unpause`)",
            ),
            (
                EventKind::Removed,
                "removed outside spin-docker (for example with `docker rm`)",
            ),
            (EventKind::Changed, "changed outside spin-docker"),
        ] {
            assert_eq!(Reason::Outside.sentence(&event, None), expected);
        }
    }

    #[test]
    fn idle_stop_names_the_timeout_and_the_last_use() {
        let stop = |reason: Reason| reason.sentence(&EventKind::Stopping, Some(&Actor::Daemon));
        assert_eq!(
            stop(Reason::IdleTimeout(idleness(SignalKind::Started, 0))),
            "not used for 2h 30m, and its idle timeout is 2h 30m (the daemon's default); the last use was its start"
        );
        assert_eq!(
            stop(Reason::KeepUntil(idleness(SignalKind::CheckIn, 0))),
            "not used for 2h 30m, no longer kept running by an extension, and its idle timeout is 2h 30m (the \
             daemon's default); the last use was its report that it was busy"
        );
        assert_eq!(
            stop(Reason::Grace(idleness(SignalKind::Connections, 1))),
            "not used for 2h 30m, not even in the grace period after the daemon started or resumed, and its idle \
             timeout is 2h 30m (the daemon's default); the last use was 1 connection in use (measured from the host)"
        );
    }

    #[test]
    fn last_use_is_named_by_its_signal() {
        for (signal, value, unpaused, expected) in [
            (SignalKind::Started, 0, false, "its start"),
            (SignalKind::Started, 0, true, "its unpause on the host"),
            (SignalKind::CheckIn, 1, false, "its report of 1 connection"),
            (SignalKind::CheckIn, 12, false, "its report of 12 connections"),
            (
                SignalKind::Connections,
                3,
                false,
                "3 connections in use (measured from the host)",
            ),
            (SignalKind::Cpu, 250, false, "its processor use of 0.25 cores"),
            (SignalKind::Cpu, 2_000, false, "its processor use of 2 cores"),
            (SignalKind::Cpu, 1_001, false, "its processor use of 1.001 cores"),
            (SignalKind::Other("gpu".to_owned()), 1, false, "gpu"),
        ] {
            let last_use = LastUse {
                signal,
                value,
                unpaused,
            };
            assert_eq!(last_use.to_string(), expected);
        }
    }

    #[test]
    fn limit_names_its_source() {
        for (source, expected) in [
            (PolicySource::Container, "8h (set for this container)"),
            (PolicySource::ImageLabel, "8h (from its image's label)"),
            (
                PolicySource::ImageRule,
                "8h (from the daemon's rule for its image)",
            ),
            (PolicySource::Default, "8h (the daemon's default)"),
            (PolicySource::Other("quota".to_owned()), "8h (quota)"),
        ] {
            let lifetime = Reason::MaxLifetime {
                limit: limit(28_800, source.clone()),
            };
            assert_eq!(
                lifetime.sentence(&EventKind::Stopping, None),
                format!("reached its maximum lifetime of {expected}")
            );
            let removal = Reason::RemoveAfter {
                limit: limit(28_800, source),
            };
            assert_eq!(
                removal.sentence(&EventKind::Removed, None),
                format!("not started again within {expected} after its stop")
            );
        }
    }

    #[test]
    fn extension_names_its_length_its_client_and_its_cap() {
        let cap = || Some(limit(10_800, PolicySource::Default));
        for (reason, expected) in [
            (
                Reason::ExtendedBy {
                    seconds: 7_200,
                    capped_by: None,
                },
                "stop postponed by 2h, requested by admin from 127.0.0.1 (API)",
            ),
            (
                Reason::ExtendedBy {
                    seconds: 86_400,
                    capped_by: cap(),
                },
                "stop postponed by 1d, requested by admin from 127.0.0.1 (API); its maximum lifetime of 3h (the \
                 daemon's default) still applies",
            ),
            (
                Reason::KeptFor {
                    seconds: 60,
                    capped_by: None,
                },
                "kept running for 1m, and longer while the request is repeated, requested by admin from 127.0.0.1 (API)",
            ),
            (
                Reason::ReportedBusy { seconds: 2_400 },
                "it reported that it is busy for 40m",
            ),
        ] {
            assert_eq!(reason.sentence(&EventKind::Extended, Some(&admin())), expected);
        }
    }

    #[test]
    fn changed_limits_are_named_with_their_values() {
        let change = |idle_timeout, max_lifetime, remove_after| {
            let limits = ChangedLimits {
                idle_timeout,
                max_lifetime,
                remove_after,
            };
            Reason::LimitsChanged(limits).sentence(&EventKind::Changed, None)
        };
        assert_eq!(change(Some(21_600), None, None), "idle timeout set to 6h");
        assert_eq!(change(None, Some(0), None), "maximum lifetime set to unlimited");
        assert_eq!(
            change(Some(0), Some(28_800), Some(172_800)),
            "idle timeout set to unlimited, maximum lifetime set to 8h, time until removal of the stopped container \
             set to 2d"
        );
    }

    #[test]
    fn warning_rounds_up_to_whole_seconds() {
        for millis in [299_920, 300_000] {
            let text = warning(Duration::from_millis(millis), "not used for 2h 25m");
            assert_eq!(text, "will be stopped in 5m: not used for 2h 25m");
        }
    }
}
