//! Whole paragraphs, as somebody reads them who knows nothing else.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use sd_client::api::{OpenConnections, StopReason, StopsBecause, Timestamp};

use super::*;

const NOW: &str = "2026-03-01T14:22:00Z";

fn at(text: &str) -> Timestamp {
    let text = if text.len() == "14:22".len() {
        format!("2026-03-01T{text}:00Z")
    } else {
        text.to_owned()
    };
    text.parse().unwrap()
}

fn told(activity: &Activity) -> String {
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

fn happened(time: &str, what: EventKind, why: &str) -> HistoryEntry {
    HistoryEntry {
        id: 1,
        at: at(time),
        what,
        why: why.to_owned(),
    }
}

/// A database that two people work with.
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
            off(SignalKind::Cpu, "the daemon's settings leave it out"),
        ],
        history: vec![
            happened("11:09", EventKind::Created, "asked for over the API"),
            happened("11:10", EventKind::Started, "asked for over the API"),
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
fn a_container_that_is_used_tells_by_whom_and_until_when() {
    let mut activity = running();
    activity.history.push(happened(
        "13:10",
        EventKind::Extended,
        "by 2h, asked for over the API",
    ));
    assert_eq!(
        told(&activity),
        "db (sd-postgres) has been running for 3h 12m. It was last used at 14:21 (1m ago): 2 connections \
         were used, as seen from the host. A look from the host 1m ago showed 2 clients connected to port \
         5432, carrying 18 kB a minute. It will be stopped at 16:51 (in 2h 29m) unless somebody uses it \
         before: its idle timeout is 2h 30m (the daemon's default). Its stop was put off at 13:10: by 2h, \
         asked for over the API. `sd extend db 2h` would move that to 18:51. A stop keeps its files."
    );
}

#[test]
fn an_open_and_silent_connection_is_told_apart_from_use() {
    let mut activity = running();
    activity.last_active_at = Some(at("13:00"));
    activity.signals[2].at = activity.last_active_at;
    activity.stops_at = Some(at("15:30"));
    let connections = activity.connections.as_mut().unwrap();
    (connections.open, connections.bytes_per_minute) = (1, 0);
    assert_eq!(
        told(&activity),
        "db (sd-postgres) has been running for 3h 12m. It was last used at 13:00 (1h 22m ago): 2 \
         connections were used, as seen from the host. A look from the host 1m ago showed 1 client \
         connected to port 5432 but silent, which does not count as use. It will be stopped at 15:30 (in \
         1h 8m) unless somebody uses it before: its idle timeout is 2h 30m (the daemon's default). `sd \
         extend db 2h` would move that to 17:30. A stop keeps its files."
    );
    let connections = activity.connections.as_mut().unwrap();
    connections.bytes_per_minute = 30;
    connections.open = 3;
    connections.ports = BTreeMap::from([("22/tcp".to_owned(), 1), ("5432/tcp".to_owned(), 2)]);
    let text = told(&activity);
    let expected = "A look from the host 1m ago showed 3 clients connected, 2 to port 5432 and 1 to port \
     22, carrying 30 B a minute, which is too little to count as use.";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_container_that_nobody_used_says_so() {
    let mut activity = running();
    activity.last_active_at = activity.started_at;
    activity.last_active_signal = Some(SignalKind::Started);
    activity.idle_timeout_source = PolicySource::ImageLabel;
    let connections = activity.connections.as_mut().unwrap();
    (connections.open, connections.bytes_per_minute) = (0, 0);
    activity.stops_at = Some(at("14:23"));
    activity
        .history
        .push(happened("14:18", EventKind::IdleWarning, "will be stopped in 5m"));
    assert_eq!(
        told(&activity),
        "db (sd-postgres) has been running for 3h 12m. Nobody has used it since it was started. A look \
         from the host 1m ago showed no client connected. It will be stopped at 14:23 (in 1m) unless \
         somebody uses it before: its idle timeout is 2h 30m (from its image's label). Its stop was \
         announced at 14:18. `sd extend db 2h` would move that to 16:23. A stop keeps its files."
    );
}

#[test]
fn where_nothing_can_be_seen_that_is_the_answer() {
    let mut activity = running();
    activity.connections = None;
    activity.last_active_at = activity.started_at;
    activity.last_active_signal = Some(SignalKind::Started);
    activity.signals[2] = off(SignalKind::Connections, "its engine is on another machine");
    assert_eq!(
        told(&activity),
        "db (sd-postgres) has been running for 3h 12m. No use of it is known since it was started. Whether \
         clients are connected is not known: its engine is on another machine. And it has never reported \
         use itself, as `sd check-in` would, so nothing tells of use. It will be stopped at 16:51 (in 2h \
         29m) unless somebody uses it before: its idle timeout is 2h 30m (the daemon's default). `sd \
         extend db 2h` would move that to 18:51. A stop keeps its files."
    );
    activity.signals[1].at = Some(at("14:00"));
    activity.signals[1].value = Some(1);
    activity.last_active_at = Some(at("14:00"));
    activity.last_active_signal = Some(SignalKind::CheckIn);
    let text = told(&activity);
    assert!(
        text.contains("It was last used at 14:00 (22m ago): it reported 1 connection."),
        "{text}"
    );
    assert!(!text.contains("nothing tells"), "{text}");
}

#[test]
fn every_deadline_names_who_decided_on_it() {
    let text = |change: &dyn Fn(&mut Activity)| {
        let mut activity = running();
        activity.connections = None;
        change(&mut activity);
        told(&activity)
    };
    for (told, expected) in [
        (
            text(&|activity| {
                activity.stops_because = Some(StopsBecause::KeepUntil);
                activity.idle_timeout_source = PolicySource::Container;
            }),
            "It will be stopped at 16:51 (in 2h 29m) unless somebody uses it before: until then it is kept \
             because somebody asked for that, and its idle timeout is 2h 30m (set for this container).",
        ),
        (
            text(&|activity| activity.stops_because = Some(StopsBecause::Grace)),
            "It will be stopped at 16:51 (in 2h 29m) unless somebody uses it before: until then the \
             daemon, which was started or woken lately and did not see what was before, waits for signs of \
             use of all containers; its idle timeout is 2h 30m (the daemon's default).",
        ),
        (
            text(&|activity| {
                activity.stops_because = Some(StopsBecause::MaxLifetime);
                activity.max_lifetime = Some(20_460);
                activity.max_lifetime_source = PolicySource::ImageRule;
            }),
            "It will be stopped at 16:51 (in 2h 29m), and neither use nor `sd extend` puts that off: a run \
             may last 5h 41m (from the daemon's rule for its image).",
        ),
        (
            text(&|activity| activity.max_lifetime = Some(36_000)),
            "its idle timeout is 2h 30m (the daemon's default). At 21:10 (in 6h 48m) it is stopped in any \
             case: a run may last 10h (the daemon's default).",
        ),
        (
            text(&|activity| {
                (activity.stops_at, activity.stops_because) = (None, None);
                activity.idle_timeout = None;
                activity.idle_timeout_source = PolicySource::Container;
            }),
            "It is never stopped for want of use: its idle timeout is never (set for this container).",
        ),
        (
            text(&|activity| activity.stops_at = Some(at("14:22"))),
            "It is due to be stopped now unless somebody uses it before: its idle timeout is 2h 30m",
        ),
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn every_signal_has_its_words() {
    for (kind, value, expected) in [
        (SignalKind::CheckIn, 3, "it reported 3 connections."),
        (SignalKind::CheckIn, 0, "it reported to be busy."),
        (
            SignalKind::Connections,
            1,
            "1 connection was used, as seen from the host.",
        ),
        (SignalKind::Cpu, 1_254, "it kept 1.25 processor cores busy."),
        (SignalKind::Other("telepathy".to_owned()), 1, "telepathy."),
    ] {
        let mut activity = running();
        activity.last_active_signal = Some(kind.clone());
        activity
            .signals
            .push(signal(kind.clone(), Some(at("14:21")), Some(value)));
        activity
            .signals
            .retain(|signal| signal.kind != kind || signal.value == Some(value));
        let text = told(&activity);
        assert!(
            text.contains(&format!("It was last used at 14:21 (1m ago): {expected}")),
            "{text}"
        );
    }
}

#[test]
fn a_stop_for_want_of_use_is_told_with_what_led_to_it() {
    let mut activity = stopped(StopReason::Idle);
    activity.history.extend([
        happened("16:46", EventKind::IdleWarning, "will be stopped in 5m"),
        happened(
            "16:51",
            EventKind::Stopping,
            "not used for 2h 30m, and its idle timeout is 2h 30m (the daemon's default); the last use was \
             2 connections seen in use from the host",
        ),
        happened("16:51", EventKind::Stopped, ""),
    ]);
    assert_eq!(
        told(&activity),
        "db (sd-postgres) was stopped at 16:51 (1h 9m ago): not used for 2h 30m, and its idle timeout is \
         2h 30m (the daemon's default); the last use was 2 connections seen in use from the host. It had \
         run for 5h 41m. Its last use was at 14:21 (3h 39m ago): 2 connections were used, as seen from the \
         host. It had been announced at 16:46, as `sd events` tells. Its files stay until somebody removes \
         it; `sd start db` starts it again."
    );
}

#[test]
fn what_ended_by_itself_or_at_somebodys_hands_is_told_as_that() {
    let mut activity = stopped(StopReason::Exited);
    let why = "its main process ended by itself, with status 1";
    activity.history.push(happened("16:51", EventKind::Stopped, why));
    activity.removes_at = Some(at("2026-03-03T16:51:00Z"));
    activity.remove_after = Some(172_800);
    activity.remove_after_source = PolicySource::ImageRule;
    assert_eq!(
        told(&activity),
        "db (sd-postgres) ended at 16:51 (1h 9m ago): its main process ended by itself, with status 1. It \
         had run for 5h 41m. Its last use was at 14:21 (3h 39m ago): 2 connections were used, as seen from \
         the host. It will be removed at 2026-03-03 16:51 (in 1d 22h) unless somebody starts it before, as \
         with `sd start db`: a stopped container is kept for 2d (from the daemon's rule for its image)."
    );
    let mut activity = stopped(StopReason::Requested);
    activity.status = Status::Stopping;
    activity.stopped_at = None;
    activity.last_active_signal = Some(SignalKind::Started);
    let why = "asked for over the API";
    activity.history.push(happened("17:59", EventKind::Stopping, why));
    assert_eq!(
        told(&activity),
        "db (sd-postgres) is being stopped: asked for over the API."
    );
}

#[test]
fn an_end_that_the_history_has_forgotten_still_has_a_reason() {
    for (reason, expected) in [
        (StopReason::Requested, "somebody asked for it over the API"),
        (
            StopReason::Idle,
            "nobody used it, and its idle timeout is 2h 30m (the daemon's default)",
        ),
        (StopReason::Expired, "it had run for as long as it may"),
        (
            StopReason::External,
            "that was done on the host, not by spin-docker",
        ),
        (StopReason::Other("melted".to_owned()), "melted"),
    ] {
        let mut activity = stopped(reason);
        activity.history.clear();
        let text = told(&activity);
        let beginning =
            format!("db (sd-postgres) was stopped at 16:51 (1h 9m ago): {expected}. Its last use");
        assert!(text.starts_with(&beginning), "{text}");
    }
}

#[test]
fn only_the_latest_run_is_told() {
    let mut activity = running();
    activity.history = vec![
        happened("10:00", EventKind::Started, "asked for over the API"),
        happened("10:30", EventKind::Extended, "by 1h, asked for over the API"),
        happened("11:00", EventKind::Stopping, "asked for over the API"),
        happened("11:10", EventKind::Started, "asked for over the API"),
    ];
    assert!(!told(&activity).contains("put off once"), "{}", told(&activity));
}

#[test]
fn a_frozen_a_starting_and_an_unknown_state_are_told() {
    let mut activity = running();
    activity.status = Status::Paused;
    activity
        .history
        .push(happened("14:00", EventKind::Paused, "done on the host"));
    assert_eq!(
        told(&activity),
        "db (sd-postgres) is frozen since 14:00 (22m ago): that was done on the host, not by spin-docker. \
         As long as it is frozen it is not stopped; when it is thawed its idle timeout begins anew."
    );
    activity.status = Status::Starting;
    assert_eq!(told(&activity), "db is being started.");
    activity.status = Status::Other("melting".to_owned());
    assert!(told(&activity).starts_with("db is melting: "));
}
