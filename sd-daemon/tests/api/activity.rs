//! `GET …/activity`: everything that is known of who uses a container, and of why it is up or not.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{
    Container, ContainerQuery, CreateContainer, EventKind, SignalKind, Status, TimeLimit, UpdateContainer,
};
use sd_daemon::domain::{Age, Carried, Sight, Traffic};
use sd_daemon::service::Switch;
use serde_json::{Value, json};

use crate::support::{
    Answer, IDLE_TIMEOUT, IMAGE, PROBE_INTERVAL, START_TEXT, Setup, TestDaemon, WARNING, kind,
};

const ASKED: &str = "asked for over the API";
const HOUR: Duration = Duration::from_secs(3_600);

async fn activity(daemon: &TestDaemon, container: &Container) -> Value {
    let request = daemon.request(Method::GET, &format!("{}/activity", container.uri));
    let answer = Answer::to(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn signal(kind: &str, at: &Value, value: &Value) -> Value {
    json!({ "kind": kind, "state": "on", "reason": null, "at": at, "value": value })
}

fn cpu_off() -> Value {
    let reason = "the daemon's settings leave it out";
    json!({ "kind": "cpu", "state": "off", "reason": reason, "at": null, "value": null })
}

#[tokio::test]
async fn of_a_running_container() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("hungry_bell").await;
    let query = Carried {
        bytes: 60,
        segments: 1,
    };
    let used = Traffic {
        port: 5_432,
        peer: "10.0.0.5".parse().unwrap(),
        age: Age::New,
        received: query,
        sent: query,
    };
    let sight = Sight {
        since_last: Some(PROBE_INTERVAL),
        open: vec![used],
        ..Sight::default()
    };
    daemon.shows(&container, Ok(sight));
    daemon.clock.advance(HOUR);
    daemon.until_looked_at(&container).await;
    assert_eq!(daemon.check_in(&container, 0).await, 204);
    let seen_at = json!("2026-03-01T15:02:11.250Z");
    let (nothing, one) = (&Value::Null, json!(1));
    let expected = json!({
        "container_id": container.container_id,
        "name": "/hungry_bell",
        "image": "sd-postgres",
        "status": "running",
        "at": seen_at,
        "created_at": START_TEXT,
        "started_at": START_TEXT,
        "stopped_at": null,
        "stop_reason": null,
        "last_active_at": seen_at,
        "last_active_signal": "connections",
        "idle_timeout": 9_000,
        "idle_timeout_source": "default",
        "max_lifetime": null,
        "max_lifetime_source": "default",
        "remove_after": null,
        "remove_after_source": "default",
        "stops_at": "2026-03-01T17:32:11.250Z",
        "stops_because": "idle-timeout",
        "removes_at": null,
        "keep_until": null,
        "connections": {
            "seen_at": seen_at,
            "open": 1,
            "ports": { "5432/tcp": 1 },
            "bytes_per_minute": 480,
        },
        "signals": [
            signal("started", &json!(START_TEXT), nothing),
            signal("check-in", nothing, nothing),
            signal("connections", &seen_at, &one),
            cpu_off(),
        ],
        "history": [
            { "id": 1, "at": START_TEXT, "what": "created", "why": ASKED },
            { "id": 2, "at": START_TEXT, "what": "started", "why": ASKED },
        ],
    });
    assert_eq!(activity(&daemon, &container).await, expected);
}

#[tokio::test]
async fn of_a_container_that_was_stopped_because_nobody_used_it() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("hungry_bell").await;
    daemon.clock.advance(HOUR);
    assert_eq!(daemon.check_in(&container, 2).await, 204);
    daemon.clock.advance(IDLE_TIMEOUT.saturating_sub(WARNING));
    daemon.until_told(&container, EventKind::IdleWarning).await;
    daemon.clock.advance(WARNING);
    daemon.until_told(&container, EventKind::Stopped).await;
    let (used_at, warned_at, stopped_at) = (
        "2026-03-01T15:02:11.250Z",
        "2026-03-01T17:27:11.250Z",
        "2026-03-01T17:32:11.250Z",
    );
    let nothing = &Value::Null;
    let expected = json!({
        "container_id": container.container_id,
        "name": "/hungry_bell",
        "image": "sd-postgres",
        "status": "stopped",
        "at": stopped_at,
        "created_at": START_TEXT,
        "started_at": null,
        "stopped_at": stopped_at,
        "stop_reason": "idle",
        "last_active_at": used_at,
        "last_active_signal": "check-in",
        "idle_timeout": 9_000,
        "idle_timeout_source": "default",
        "max_lifetime": null,
        "max_lifetime_source": "default",
        "remove_after": null,
        "remove_after_source": "default",
        "stops_at": null,
        "stops_because": null,
        "removes_at": null,
        "keep_until": null,
        "connections": null,
        "signals": [
            signal("started", &json!(START_TEXT), nothing),
            signal("check-in", &json!(used_at), &json!(2)),
            signal("connections", nothing, nothing),
            cpu_off(),
        ],
        "history": [
            { "id": 1, "at": START_TEXT, "what": "created", "why": ASKED },
            { "id": 2, "at": START_TEXT, "what": "started", "why": ASKED },
            { "id": 3, "at": warned_at, "what": "idle_warning", "why":
                "will be stopped in 5m: not used for 2h 25m, and its idle timeout is 2h 30m (the daemon's \
                 default); the last use was its report of 2 connections" },
            { "id": 4, "at": stopped_at, "what": "stopping", "why":
                "not used for 2h 30m, and its idle timeout is 2h 30m (the daemon's default); the last use was \
                 its report of 2 connections" },
            { "id": 5, "at": stopped_at, "what": "stopped", "why": "" },
        ],
    });
    assert_eq!(activity(&daemon, &container).await, expected);
}

#[tokio::test]
async fn of_a_container_that_nobody_has_started_again() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        name: Some("hungry_bell".to_owned()),
        idle_timeout: Some(TimeLimit::Never),
        remove_after: Some(TimeLimit::After(48 * HOUR)),
        ..CreateContainer::of_image(IMAGE)
    };
    let container = daemon.client.create(&wanted).await.unwrap();
    daemon.clock.advance(HOUR);
    daemon.client.stop(&container.container_id).await.unwrap();
    daemon.until_told(&container, EventKind::Stopped).await;
    daemon.clock.advance(24 * HOUR);
    let stopped_at = "2026-03-01T15:02:11.250Z";
    let nothing = &Value::Null;
    let expected = json!({
        "container_id": container.container_id,
        "name": "/hungry_bell",
        "image": "sd-postgres",
        "status": "stopped",
        "at": "2026-03-02T15:02:11.250Z",
        "created_at": START_TEXT,
        "started_at": null,
        "stopped_at": stopped_at,
        "stop_reason": "requested",
        "last_active_at": START_TEXT,
        "last_active_signal": "started",
        "idle_timeout": null,
        "idle_timeout_source": "container",
        "max_lifetime": null,
        "max_lifetime_source": "default",
        "remove_after": 172_800,
        "remove_after_source": "container",
        "stops_at": null,
        "stops_because": null,
        "removes_at": "2026-03-03T15:02:11.250Z",
        "keep_until": null,
        "connections": null,
        "signals": [
            signal("started", &json!(START_TEXT), nothing),
            signal("check-in", nothing, nothing),
            signal("connections", nothing, nothing),
            cpu_off(),
        ],
        "history": [
            { "id": 1, "at": START_TEXT, "what": "created", "why": ASKED },
            { "id": 2, "at": START_TEXT, "what": "started", "why": ASKED },
            { "id": 3, "at": stopped_at, "what": "stopping", "why": ASKED },
            { "id": 4, "at": stopped_at, "what": "stopped", "why": "" },
        ],
    });
    assert_eq!(activity(&daemon, &container).await, expected);
}

#[tokio::test]
async fn of_nobody_there_is_none() {
    let daemon = TestDaemon::start();
    let nobody = Answer::to(daemon.request(Method::GET, "/v1/containers/nobody/activity")).await;
    assert_eq!(nobody.kind(), kind(404, "container-not-found"));
    let container = daemon.create_named("hungry_bell").await;
    let anonymous = daemon.anonymous(Method::GET, &format!("{}/activity", container.uri));
    assert_eq!(Answer::to(anonymous).await.kind(), kind(401, "unauthorized"));
    let by_name = daemon.client.activity("/hungry_bell").await.unwrap();
    assert_eq!(by_name.container_id, container.container_id);
}

#[tokio::test]
async fn a_signal_that_the_settings_leave_out_says_so_and_counts_for_nothing() {
    let mut setup = Setup::default();
    setup.signals.check_in = Switch::Off;
    let daemon = TestDaemon::with_setup(setup);
    let container = daemon.create().await;
    daemon.clock.advance(HOUR);
    let report = daemon.check_in_from(daemon.address_of(&container));
    let answer = Answer::to(report.form(&[("active", "5"), ("for", "3h")])).await;
    assert_eq!(answer.status, 204);
    let seen = daemon.activity(&container).await;
    let signal = seen
        .signals
        .iter()
        .find(|signal| signal.kind == SignalKind::CheckIn);
    let expected = json!({
        "kind": "check-in",
        "state": "off",
        "reason": "the daemon's settings leave it out",
        "at": null,
        "value": null,
    });
    assert_eq!(serde_json::to_value(signal.unwrap()).unwrap(), expected);
    assert_eq!((seen.keep_until, seen.stops_at), (None, container.stops_at));
    assert_eq!(daemon.look(&container).await.active, 5, "it is remembered");
}

#[tokio::test]
async fn the_history_of_one_container_is_bounded_and_leaves_the_others_theirs() {
    let daemon = TestDaemon::start();
    let (quiet, busy) = (daemon.create().await, daemon.create().await);
    for seconds in 1..=120 {
        let update = UpdateContainer {
            idle_timeout: Some(TimeLimit::After(IDLE_TIMEOUT + Duration::from_secs(seconds))),
            ..UpdateContainer::default()
        };
        daemon.client.update(&busy.container_id, &update).await.unwrap();
    }
    let history = daemon.activity(&busy).await.history;
    let ids: Vec<_> = history.iter().map(|entry| entry.id).collect();
    assert_eq!(ids, (25..=124).collect::<Vec<_>>());
    assert_eq!(daemon.activity(&quiet).await.history.len(), 2);
    let daemon = daemon.kill_and_restart().await;
    assert_eq!(daemon.activity(&busy).await.history, history);
    assert_eq!(daemon.activity(&quiet).await.history.len(), 2);
}

#[tokio::test]
async fn to_look_is_not_to_use() {
    let daemon = TestDaemon::start();
    let (running, stopped) = (daemon.create().await, daemon.create_stopped().await);
    daemon.clock.advance(HOUR);
    for audit in [false, true] {
        let query = ContainerQuery {
            audit,
            ..ContainerQuery::default()
        };
        daemon.client.containers(&query).await.unwrap();
    }
    for container in [&running, &stopped] {
        daemon.activity(container).await;
        daemon.look(container).await;
    }
    drop(daemon.client.events(Some(0)).await.unwrap());
    for path in ["/healthz", "/readyz", "/v1/images"] {
        assert_eq!(Answer::to(daemon.request(Method::GET, path)).await.status, 200);
    }
    assert_eq!(daemon.look(&running).await, running);
    assert_eq!(daemon.look(&stopped).await, stopped);
    daemon.clock.advance(IDLE_TIMEOUT.saturating_sub(HOUR));
    daemon.until_status(&running, Status::Stopped).await;
}
