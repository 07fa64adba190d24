//! Whole paragraphs, as `sd why` prints them.
//!
//! Longer than 400 lines: each paragraph is compared as a whole, and all cases share one set of events.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use sd_client::api::{
    Activity, Actor, AppliedLimit, Client, EventKind, HistoryEntry, Idleness, LastUse, Means,
    OpenConnections, OtherReason, PolicySource, Reason, Signal, SignalKind, SignalState, Status, StopReason,
    StopsBecause, Timestamp,
};

use super::paragraph;
use crate::output::When;

const NOW: &str = "2026-03-01T14:22:00Z";

fn at(text: &str) -> Timestamp {
    let text = if text.len() == "14:22".len() {
        format!("2026-03-01T{text}:00Z")
    } else {
        text.to_owned()
    };
    text.parse().unwrap()
}

fn explain(activity: &Activity) -> String {
    paragraph(activity, &When::in_zone(activity.at, TimeZone::UTC))
}

fn signal(kind: SignalKind, at: Option<Timestamp>, value: Option<u64>) -> Signal {
    Signal {
        kind,
        state: SignalState::On,
        reason: None,
        at,
        value,
    }
}

fn off(kind: SignalKind, reason: &str) -> Signal {
    Signal {
        state: SignalState::Off,
        reason: Some(reason.to_owned()),
        ..signal(kind, None, None)
    }
}

fn admin() -> Actor {
    Actor::Client(Client {
        user: Some("admin".to_owned()),
        address: Some("127.0.0.1".parse().unwrap()),
        means: Means::Api,
    })
}

/// An event. The daemon's own sentence is not used where the reason is known.
fn event(time: &str, what: EventKind, reason: Reason, actor: Option<Actor>) -> HistoryEntry {
    HistoryEntry {
        id: 1,
        at: at(time),
        what,
        why: "the daemon's sentence".to_owned(),
        reason: Some(reason),
        actor,
    }
}

fn requested(time: &str, what: EventKind) -> HistoryEntry {
    event(time, what, Reason::Requested, Some(admin()))
}

fn extended(time: &str, seconds: u64) -> HistoryEntry {
    let reason = Reason::ExtendedBy {
        seconds,
        capped_by: None,
    };
    event(time, EventKind::Extended, reason, Some(admin()))
}

fn held(time: &str) -> HistoryEntry {
    let reason = Reason::KeptFor {
        seconds: 120,
        capped_by: None,
    };
    event(time, EventKind::Extended, reason, Some(admin()))
}

fn idleness() -> Idleness {
    Idleness {
        idle_for: 9_000,
        limit: AppliedLimit {
            seconds: 9_000,
            source: PolicySource::Default,
        },
        last_use: LastUse {
            signal: SignalKind::Connections,
            value: 2,
            unpaused: false,
        },
    }
}

fn warning(time: &str) -> HistoryEntry {
    let reason = Reason::IdleTimeout(idleness());
    event(time, EventKind::IdleWarning, reason, Some(Actor::Daemon))
}

/// A database with two connected clients.
fn running() -> Activity {
    Activity {
        container_id: "2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e".to_owned(),
        name: "/db".to_owned(),
        image: "sd-postgres".to_owned(),
        status: Status::Running,
        at: at(NOW),
        created_at: at("11:09"),
        started_at: Some(at("11:10")),
        stopped_at: None,
        stop_reason: None,
        last_active_at: Some(at("14:21")),
        last_active_signal: Some(SignalKind::Connections),
        idle_timeout: Some(9_000),
        idle_timeout_source: PolicySource::Default,
        max_lifetime: None,
        max_lifetime_source: PolicySource::Default,
        remove_after: None,
        remove_after_source: PolicySource::Default,
        stops_at: Some(at("16:51")),
        stops_because: Some(StopsBecause::IdleTimeout),
        removes_at: None,
        keep_until: None,
        connections: Some(OpenConnections {
            seen_at: at("14:21"),
            open: 2,
            ports: BTreeMap::from([("5432/tcp".to_owned(), 2)]),
            bytes_per_minute: 18_204,
        }),
        signals: vec![
            signal(SignalKind::Started, Some(at("11:10")), None),
            signal(SignalKind::CheckIn, None, None),
            signal(SignalKind::Connections, Some(at("14:21")), Some(2)),
            off(SignalKind::Cpu, "disabled in the daemon's settings"),
        ],
        history: vec![
            requested("11:09", EventKind::Created),
            requested("11:10", EventKind::Started),
        ],
    }
}

fn stopped(reason: StopReason) -> Activity {
    Activity {
        status: Status::Stopped,
        at: at("18:00"),
        started_at: None,
        stopped_at: Some(at("16:51")),
        stop_reason: Some(reason),
        stops_at: None,
        stops_because: None,
        connections: None,
        ..running()
    }
}

#[test]
fn container_in_use_names_its_clients_and_its_deadline() {
    let mut activity = running();
    activity.history.push(extended("13:10", 7_200));
    assert_eq!(
        explain(&activity),
        "db (sd-postgres) has been running for 3h 12m. It was last used at 14:21 (1m ago): 2 connections in use \
         (measured from the host). 2 clients were connected 1m ago to port 5432, carrying 18 kB a minute. It \
         will be stopped at 16:51 (in 2h 29m) unless it is used: its idle timeout is 2h 30m (the daemon's \
         default). Extended at 13:10: stop postponed by 2h, requested by admin from 127.0.0.1 (API). `sd extend \
         db 2h` would postpone the stop to 18:51. A stop keeps its files."
    );
}

#[test]
fn silent_connection_is_not_use() {
    let mut activity = running();
    activity.last_active_at = Some(at("13:00"));
    activity.signals[2].at = activity.last_active_at;
    activity.stops_at = Some(at("15:30"));
    let connections = activity.connections.as_mut().unwrap();
    (connections.open, connections.bytes_per_minute) = (1, 0);
    assert_eq!(
        explain(&activity),
        "db (sd-postgres) has been running for 3h 12m. It was last used at 13:00 (1h 22m ago): 2 connections in \
         use (measured from the host). 1 client was connected 1m ago to port 5432, without data, which does not \
         count as use. It will be stopped at 15:30 (in 1h 8m) unless it is used: its idle timeout is 2h 30m \
         (the daemon's default). `sd extend db 2h` would postpone the stop to 17:30. A stop keeps its files."
    );
    let connections = activity.connections.as_mut().unwrap();
    connections.bytes_per_minute = 30;
    connections.open = 3;
    connections.ports = BTreeMap::from([("22/tcp".to_owned(), 1), ("5432/tcp".to_owned(), 2)]);
    let text = explain(&activity);
    let expected = "3 clients were connected 1m ago, 2 to port 5432 and 1 to port 22, carrying 30 B a minute, which is \
                    too little to count as use.";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn idle_container_names_its_start_and_the_warning() {
    let mut activity = running();
    activity.last_active_at = activity.started_at;
    activity.last_active_signal = Some(SignalKind::Started);
    activity.idle_timeout_source = PolicySource::ImageLabel;
    let connections = activity.connections.as_mut().unwrap();
    (connections.open, connections.bytes_per_minute) = (0, 0);
    activity.stops_at = Some(at("14:23"));
    activity.history.push(warning("14:18"));
    assert_eq!(
        explain(&activity),
        "db (sd-postgres) has been running for 3h 12m. It has not been used since its start. No client was \
         connected 1m ago. It will be stopped at 14:23 (in 1m) unless it is used: its idle timeout is 2h 30m \
         (from its image's label). A warning was sent at 14:18. `sd extend db 2h` would postpone the stop to \
         16:23. A stop keeps its files."
    );
}

#[test]
fn container_without_signals_says_that_use_is_unknown() {
    let mut activity = running();
    activity.connections = None;
    activity.last_active_at = activity.started_at;
    activity.last_active_signal = Some(SignalKind::Started);
    activity.signals[2] = off(SignalKind::Connections, "its engine is on another machine");
    assert_eq!(
        explain(&activity),
        "db (sd-postgres) has been running for 3h 12m. No use of it is known since its start. Whether clients \
         are connected is unknown: its engine is on another machine. No signal shows its use: it has never \
         checked in (`sd check-in`). It will be stopped at 16:51 (in 2h 29m) unless it is used: its idle \
         timeout is 2h 30m (the daemon's default). `sd extend db 2h` would postpone the stop to 18:51. A stop \
         keeps its files."
    );
    activity.signals[1].at = Some(at("14:00"));
    activity.signals[1].value = Some(1);
    activity.last_active_at = Some(at("14:00"));
    activity.last_active_signal = Some(SignalKind::CheckIn);
    let text = explain(&activity);
    assert!(
        text.contains("It was last used at 14:00 (22m ago): its report of 1 connection."),
        "{text}"
    );
    assert!(!text.contains("No signal"), "{text}");
}

#[test]
fn deadline_names_its_limit_and_the_source() {
    let text = |change: &dyn Fn(&mut Activity)| {
        let mut activity = running();
        activity.connections = None;
        change(&mut activity);
        explain(&activity)
    };
    for (text, expected) in [
        (
            text(&|activity| {
                activity.stops_because = Some(StopsBecause::KeepUntil);
                activity.idle_timeout_source = PolicySource::Container;
            }),
            "It will be stopped at 16:51 (in 2h 29m) unless it is used: an extension keeps it running until then, and \
             its idle timeout is 2h 30m (set for this container).",
        ),
        (
            text(&|activity| activity.stops_because = Some(StopsBecause::Grace)),
            "It will be stopped at 16:51 (in 2h 29m) unless it is used: the daemon started or resumed recently and \
             gives all containers time to show use; its idle timeout is 2h 30m (the daemon's default).",
        ),
        (
            text(&|activity| {
                activity.stops_because = Some(StopsBecause::MaxLifetime);
                activity.max_lifetime = Some(20_460);
                activity.max_lifetime_source = PolicySource::ImageRule;
            }),
            "It will be stopped at 16:51 (in 2h 29m), used or not, and `sd extend` cannot postpone that: its maximum \
             lifetime is 5h 41m (from the daemon's rule for its image).",
        ),
        (
            text(&|activity| activity.max_lifetime = Some(36_000)),
            "its idle timeout is 2h 30m (the daemon's default). At 21:10 (in 6h 48m) it is stopped in any case: its \
             maximum lifetime is 10h (the daemon's default).",
        ),
        (
            text(&|activity| {
                (activity.stops_at, activity.stops_because) = (None, None);
                activity.idle_timeout = None;
                activity.idle_timeout_source = PolicySource::Container;
            }),
            "It is never stopped for idleness: its idle timeout is never (set for this container).",
        ),
        (
            text(&|activity| activity.stops_at = Some(at("14:22"))),
            "It is due to be stopped now unless it is used: its idle timeout is 2h 30m",
        ),
    ] {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn last_use_is_named_by_its_signal() {
    for (kind, value, expected) in [
        (SignalKind::CheckIn, 3, "its report of 3 connections."),
        (SignalKind::CheckIn, 0, "its report that it was busy."),
        (
            SignalKind::Connections,
            1,
            "1 connection in use (measured from the host).",
        ),
        (SignalKind::Cpu, 1_254, "its processor use of 1.254 cores."),
        (SignalKind::Other("gpu".to_owned()), 1, "gpu."),
    ] {
        let mut activity = running();
        activity.last_active_signal = Some(kind.clone());
        activity.signals.retain(|signal| signal.kind != kind);
        activity
            .signals
            .push(signal(kind, Some(at("14:21")), Some(value)));
        let text = explain(&activity);
        assert!(
            text.contains(&format!("It was last used at 14:21 (1m ago): {expected}")),
            "{text}"
        );
    }
}

#[test]
fn held_container_names_the_hold() {
    let mut activity = running();
    activity.keep_until = Some(at("14:23"));
    activity.history.push(held("13:10"));
    let text = explain(&activity);
    assert!(
        text.contains("`sd hold` has kept it running since 13:10."),
        "{text}"
    );
    activity.keep_until = Some(at("14:00"));
    let text = explain(&activity);
    let expected = "Extended at 13:10: kept running for 2m, and longer while the request is repeated, requested by \
                    admin from 127.0.0.1 (API).";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn repeated_extensions_are_counted() {
    let mut activity = running();
    activity
        .history
        .extend([extended("13:00", 3_600), extended("13:10", 7_200)]);
    let text = explain(&activity);
    let expected =
        "Extended 2 times, last at 13:10: stop postponed by 2h, requested by admin from 127.0.0.1 (API).";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn idle_stop_names_the_timeout_the_last_use_and_the_warning() {
    let mut activity = stopped(StopReason::Idle);
    let reason = Reason::IdleTimeout(idleness());
    activity.history.extend([
        warning("16:46"),
        event("16:51", EventKind::Stopping, reason, Some(Actor::Daemon)),
    ]);
    assert_eq!(
        explain(&activity),
        "db (sd-postgres) was stopped at 16:51 (1h 9m ago): not used for 2h 30m, and its idle timeout is 2h 30m \
         (the daemon's default); the last use was 2 connections in use (measured from the host). It had run for \
         5h 41m. It was last used at 14:21 (3h 39m ago): 2 connections in use (measured from the host). The \
         warning was sent at 16:46. Its files are kept until it is removed; `sd start db` starts it again."
    );
}

#[test]
fn exited_container_names_the_exit_code_and_its_removal() {
    let mut activity = stopped(StopReason::Exited);
    let reason = Reason::Exited { code: 3 };
    activity
        .history
        .push(event("16:51", EventKind::Stopped, reason, Some(Actor::Container)));
    activity.removes_at = Some(at("2026-03-03T16:51:00Z"));
    activity.remove_after = Some(172_800);
    activity.remove_after_source = PolicySource::ImageRule;
    assert_eq!(
        explain(&activity),
        "db (sd-postgres) exited with code 3 at 16:51 (1h 9m ago). It had run for 5h 41m. It was last used at \
         14:21 (3h 39m ago): 2 connections in use (measured from the host). It will be removed at 2026-03-03 \
         16:51 (in 1d 22h) unless it is started (`sd start db`): stopped containers are kept for 2d (from the \
         daemon's rule for its image)."
    );
}

#[test]
fn end_of_a_run_names_who_or_what_ended_it() {
    for (stop_reason, what, reason, actor, expected) in [
        (
            StopReason::Requested,
            EventKind::Stopping,
            Reason::Requested,
            Some(admin()),
            "db (sd-postgres) was stopped by admin from 127.0.0.1 (API) at 16:51 (1h 9m ago).",
        ),
        (
            StopReason::External,
            EventKind::Stopped,
            Reason::Outside,
            Some(Actor::Outside),
            "db (sd-postgres) was stopped outside spin-docker (for example with `docker stop`) at 16:51 (1h 9m ago).",
        ),
        (
            StopReason::External,
            EventKind::Stopped,
            Reason::Exited { code: 137 },
            Some(Actor::Container),
            "db (sd-postgres) exited with code 137 at 16:51 (1h 9m ago).",
        ),
        (
            StopReason::Exited,
            EventKind::Stopped,
            Reason::OutOfMemory,
            Some(Actor::Outside),
            "db (sd-postgres) was stopped at 16:51 (1h 9m ago): killed by the kernel: out of memory, the container \
             exceeded its memory limit.",
        ),
        (
            StopReason::Failed,
            EventKind::Stopped,
            Reason::StartFailed {
                message: "port is already allocated".to_owned(),
            },
            Some(Actor::Outside),
            "db (sd-postgres) failed to start at 16:51 (1h 9m ago): port is already allocated.",
        ),
        (
            StopReason::Other("preempted".to_owned()),
            EventKind::Stopped,
            Reason::Other(OtherReason {
                kind: "preempted".to_owned(),
            }),
            None,
            "db (sd-postgres) was stopped at 16:51 (1h 9m ago): the daemon's sentence.",
        ),
    ] {
        let mut activity = stopped(stop_reason);
        activity.history.push(event("16:51", what, reason, actor));
        let text = explain(&activity);
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn stop_in_progress_names_its_client() {
    let mut activity = stopped(StopReason::Requested);
    activity.status = Status::Stopping;
    activity.stopped_at = None;
    activity.last_active_signal = Some(SignalKind::Started);
    activity.history.push(requested("17:59", EventKind::Stopping));
    assert_eq!(
        explain(&activity),
        "db (sd-postgres) is being stopped: stopped by admin from 127.0.0.1 (API)."
    );
}

#[test]
fn end_without_event_is_explained_by_the_stop_reason() {
    for (reason, expected) in [
        (StopReason::Requested, "stopped on request"),
        (
            StopReason::Idle,
            "not used for its idle timeout of 2h 30m (the daemon's default)",
        ),
        (StopReason::Expired, "reached its maximum lifetime"),
        (StopReason::Exited, "its main process exited"),
        (
            StopReason::External,
            "stopped outside spin-docker (for example with `docker stop`)",
        ),
        (StopReason::Failed, "failed to start"),
        (StopReason::Other("melted".to_owned()), "melted"),
    ] {
        let mut activity = stopped(reason);
        activity.history.clear();
        let text = explain(&activity);
        let beginning = format!("db (sd-postgres) was stopped at 16:51 (1h 9m ago): {expected}. It was last");
        assert!(text.starts_with(&beginning), "{text}");
    }
}

#[test]
fn sentence_of_an_older_daemon_is_shown_as_it_is() {
    let mut activity = stopped(StopReason::Exited);
    let old = HistoryEntry {
        why: "its main process ended by itself, with status 1".to_owned(),
        reason: None,
        actor: None,
        ..requested("16:51", EventKind::Stopped)
    };
    activity.history.push(old);
    let text = explain(&activity);
    let expected =
        "db (sd-postgres) was stopped at 16:51 (1h 9m ago): its main process ended by itself, with status 1.";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn earlier_runs_are_left_out() {
    let mut activity = running();
    activity.history = vec![
        requested("10:00", EventKind::Started),
        extended("10:30", 3_600),
        requested("11:00", EventKind::Stopping),
        requested("11:10", EventKind::Started),
    ];
    let text = explain(&activity);
    assert!(!text.contains("Extended"), "{text}");
}

#[test]
fn other_states_have_one_sentence() {
    let mut activity = running();
    activity.status = Status::Paused;
    activity.history.push(event(
        "14:00",
        EventKind::Paused,
        Reason::Outside,
        Some(Actor::Outside),
    ));
    assert_eq!(
        explain(&activity),
        "db (sd-postgres) is paused since 14:00 (22m ago): paused outside spin-docker (for example with `docker \
         pause`). It is not stopped while it is paused; its idle timeout restarts when it is unpaused."
    );
    activity.status = Status::Starting;
    assert_eq!(explain(&activity), "db (sd-postgres) is starting.");
    activity.status = Status::Other("melting".to_owned());
    assert_eq!(
        explain(&activity),
        "db (sd-postgres) is melting, a status that this version of sd does not know."
    );
}
