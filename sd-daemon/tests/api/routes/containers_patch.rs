//! `PATCH /v1/containers/{ref}`: stop, start, another idle timeout.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{CreateContainer, Status, StopReason};
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Call, Point};
use serde_json::json;

use crate::support::{Answer, TestDaemon, id, in_time, kind};

const LATE: EngineError = EngineError::TimedOut(Duration::from_secs(60));

#[tokio::test]
async fn stop_is_accepted_immediately_and_keeps_ports_meanwhile() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Stop));
    let answer = patch(&daemon, &container.uri, "status", "stopped").await;
    let expected = json!({
        "status": "stopping", "ssh_port": "49153", "app_port": "49154", "active": "0", "stop_reason": "requested",
    });
    assert_eq!(answer.status, 200);
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(answer.json()[field], *value, "{field}");
    }
    hold.release();
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn stopped_container_has_no_ports_or_connections() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    assert_eq!(daemon.check_in(&container, 3).await, 204);
    patch(&daemon, &container.uri, "status", "stopped").await;
    daemon.until_status(&container, Status::Stopped).await;
    let answer = Answer::to(daemon.request(Method::GET, &container.uri))
        .await
        .json();
    let expected = json!({
        "status": "stopped", "ssh_port": "", "app_port": "", "active": "0", "ports": {},
        "started_at": null, "stops_at": null, "stop_reason": "requested",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(answer[field], *value, "{field}");
    }
}

#[tokio::test]
async fn stop_grace_period_is_ten_seconds() {
    let daemon = TestDaemon::start();
    let container = daemon.create_stopped().await;
    let calls = daemon.engine.calls();
    assert!(
        calls.contains(&Call::Stop(id(&container), Duration::from_secs(10))),
        "{calls:?}"
    );
}

#[tokio::test]
async fn stopping_a_stopped_container_changes_nothing() {
    let daemon = TestDaemon::start();
    let container = daemon.create_stopped().await;
    let again = daemon.client.stop(&container.container_id).await.unwrap();
    assert_eq!(again, container);
    assert_eq!(daemon.calls_of(Action::Stop), 1);
}

#[tokio::test]
async fn repeated_stop_joins_the_first() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Stop));
    for _ in 0..3 {
        let answer = patch(&daemon, &container.uri, "status", "stopped").await;
        assert_eq!(
            (answer.status, &answer.json()["status"]),
            (200, &json!("stopping"))
        );
    }
    hold.release();
    daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(daemon.calls_of(Action::Stop), 1);
}

#[tokio::test]
async fn start_assigns_new_ports_and_a_new_deadline() {
    let daemon = TestDaemon::start();
    let container = daemon.create_stopped().await;
    daemon.clock.advance(Duration::from_secs(8000));
    let answer = patch(&daemon, &container.uri, "status", "running").await;
    let expected = json!({
        "status": "running", "ssh_port": "49155", "app_port": "49156", "stop_reason": null,
        "started_at": "2026-03-01T16:15:31.250Z", "last_active_at": "2026-03-01T16:15:31.250Z",
        "stops_at": "2026-03-01T18:45:31.250Z", "created_at": "2026-03-01T14:02:11.250Z",
    });
    assert_eq!(answer.status, 200);
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(answer.json()[field], *value, "{field}");
    }
}

#[tokio::test]
async fn starting_a_running_container_changes_nothing() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.clock.advance(Duration::from_secs(10));
    assert_eq!(
        daemon.client.start(&container.container_id).await.unwrap(),
        container
    );
    assert_eq!(daemon.calls_of(Action::Start), 1);
}

#[tokio::test]
async fn start_waits_for_a_stop_in_progress() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Stop));
    daemon.client.stop(&container.container_id).await.unwrap();
    in_time(hold.reached()).await;
    let (started, ()) = tokio::join!(daemon.client.start(&container.container_id), async {
        assert_eq!(daemon.look(&container).await.status, Status::Stopping);
        hold.release();
    });
    let started = started.unwrap();
    assert_eq!((started.status, started.ssh_port), (Status::Running, Some(49155)));
    assert_eq!(
        daemon.changes(),
        [Action::Create, Action::Start, Action::Stop, Action::Start]
    );
}

#[tokio::test]
async fn stop_waits_for_a_start_in_progress() {
    let daemon = TestDaemon::start();
    let container = daemon.create_stopped().await;
    let hold = daemon.engine.hold(Point::Before(Action::Start));
    let (started, stopped) = tokio::join!(daemon.client.start(&container.container_id), async {
        hold.reached().await;
        assert_eq!(daemon.look(&container).await.status, Status::Starting);
        let stop = daemon.client.stop(&container.container_id);
        let ((), stopped) = tokio::join!(async { hold.release() }, stop);
        stopped
    });
    assert_eq!(started.unwrap().status, Status::Running);
    assert_eq!(stopped.unwrap().status, Status::Stopping);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn failed_start_keeps_the_container_stopped() {
    let daemon = TestDaemon::start();
    let container = daemon.create_stopped().await;
    daemon.engine.fail_next(
        Point::Before(Action::Start),
        EngineError::Rejected("port is taken".to_owned()),
    );
    let (status, suffix, detail) = patch(&daemon, &container.uri, "status", "running")
        .await
        .problem();
    assert_eq!((status, suffix.as_str()), (502, "engine-rejected"));
    assert!(detail.contains("port is taken"), "{detail}");
    let seen = daemon.look(&container).await;
    assert_eq!(
        (seen.status, seen.stop_reason),
        (Status::Stopped, Some(StopReason::Failed))
    );
}

#[tokio::test]
async fn start_with_a_lost_response_succeeds() {
    let daemon = TestDaemon::start();
    let container = daemon.create_stopped().await;
    daemon.engine.fail_next(Point::After(Action::Start), LATE);
    let started = daemon.client.start(&container.container_id).await.unwrap();
    assert_eq!(started.status, Status::Running);
    assert_eq!(
        daemon.changes(),
        [Action::Create, Action::Start, Action::Stop, Action::Start]
    );
}

#[tokio::test]
async fn failed_stop_is_retried() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    for _ in 0..3 {
        daemon.engine.fail_next(
            Point::Before(Action::Stop),
            EngineError::Rejected("busy".to_owned()),
        );
    }
    let answer = patch(&daemon, &container.uri, "status", "stopped").await;
    assert_eq!(answer.json()["status"], "stopping");
    daemon
        .as_time_passes(|snapshot| !snapshot.get(id(&container)).unwrap().lifecycle().is_unfinished())
        .await;
    let seen = daemon.look(&container).await;
    assert_eq!(
        (seen.status, seen.stop_reason),
        (Status::Stopped, Some(StopReason::Requested))
    );
    assert_eq!(daemon.calls_of(Action::Stop), 4);
}

#[tokio::test]
async fn paused_container_can_be_stopped_but_not_started() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.pause(id(&container));
    daemon.until_status(&container, Status::Paused).await;
    let answer = patch(&daemon, &container.uri, "status", "running").await;
    assert_eq!(answer.kind(), kind(409, "wrong-state"));
    patch(&daemon, &container.uri, "status", "stopped").await;
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn externally_removed_container_is_not_found() {
    for status in ["running", "stopped"] {
        let daemon = TestDaemon::without_tasks();
        let container = daemon.create().await;
        daemon.engine.remove_behind_back(id(&container));
        let answer = patch(&daemon, &container.uri, "status", status).await;
        assert_eq!(answer.kind(), kind(404, "container-not-found"), "{status}");
    }
}

#[tokio::test]
async fn idle_timeout_can_be_changed_and_disabled() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    let cases = [
        (
            json!({ "idle_timeout": "1h" }),
            json!(3600),
            json!("2026-03-01T15:02:11.250Z"),
        ),
        (
            json!({ "idle_timeout": 60 }),
            json!(60),
            json!("2026-03-01T14:03:11.250Z"),
        ),
        (json!({ "idle_timeout": 0 }), json!(null), json!(null)),
        (json!({ "idle_timeout": "never" }), json!(null), json!(null)),
    ];
    daemon.engine.forget_calls();
    for (body, idle_timeout, stops_at) in cases {
        let answer = Answer::to(daemon.request(Method::PATCH, &container.uri).json(&body)).await;
        assert_eq!(
            (answer.status, &answer.json()["idle_timeout"]),
            (200, &idle_timeout),
            "{body}"
        );
        assert_eq!(answer.json()["stops_at"], stops_at, "{body}");
    }
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn stop_and_idle_timeout_can_be_combined() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let body = json!({ "status": "stopped", "idle_timeout": "1h" });
    let answer = Answer::to(daemon.request(Method::PATCH, &container.uri).json(&body)).await;
    assert_eq!(
        (answer.status, &answer.json()["idle_timeout"]),
        (200, &json!(3600))
    );
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn invalid_body_changes_nothing() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    daemon.engine.forget_calls();
    let bodies = [
        json!({}),
        json!({ "status": "paused" }),
        json!({ "status": "" }),
        json!({ "status": 1 }),
        json!({ "idle_timeout": "soon" }),
        json!({ "status": "stopped", "idle_timeout": "soon" }),
        json!({ "status": "stopped", "force": true }),
        json!({ "image": "sd-web:1.2" }),
    ];
    for body in bodies {
        let answer = Answer::to(daemon.request(Method::PATCH, &container.uri).json(&body)).await;
        assert_eq!(answer.kind(), kind(422, "malformed-request"), "{body}");
    }
    assert_eq!(daemon.look(&container).await, container);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn unknown_container_is_not_found() {
    let daemon = TestDaemon::without_tasks();
    let answer = patch(&daemon, "/v1/containers/1337", "status", "stopped").await;
    let detail = "Container 1337 doesn't exist".to_owned();
    assert_eq!(answer.problem(), (404, "container-not-found".to_owned(), detail));
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn container_without_ports_stops_and_starts() {
    let daemon = TestDaemon::start();
    let container = daemon
        .client
        .create(&CreateContainer::of_image("sd-quiet"))
        .await
        .unwrap();
    let stopping = daemon.client.stop(&container.container_id).await.unwrap();
    assert!(stopping.ports.is_empty());
    daemon.until_status(&container, Status::Stopped).await;
    let started = daemon.client.start(&container.container_id).await.unwrap();
    assert_eq!((started.status, started.app_port), (Status::Running, None));
}

async fn patch(daemon: &TestDaemon, uri: &str, field: &str, value: &str) -> Answer {
    Answer::to(daemon.request(Method::PATCH, uri).form(&[(field, value)])).await
}

#[tokio::test]
async fn refused_start_changes_no_limit() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.pause(id(&container));
    let paused = daemon.until_status(&container, Status::Paused).await;
    let request = daemon
        .request(Method::PATCH, &container.uri)
        .json(&json!({ "status": "running", "idle_timeout": 99 }));
    assert_eq!(Answer::to(request).await.kind(), kind(409, "wrong-state"));
    assert_eq!(daemon.look(&container).await, paused);
}
