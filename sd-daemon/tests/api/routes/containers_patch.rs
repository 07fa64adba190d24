//! `PATCH /v1/containers/{ref}`: stop, start, and changed limits.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{CreateContainer, Status, StopReason};
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Call, Point};
use serde_json::json;

use crate::support::{Response, TestDaemon, assert_lines, assert_response, id, send, with_timeout};

const TIMED_OUT: EngineError = EngineError::TimedOut(Duration::from_secs(60));

#[tokio::test]
async fn stop_is_accepted_immediately_and_keeps_ports_meanwhile() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Stop));
    let response = patch(&daemon, &container.uri, "status", "stopped").await;
    assert_response!(response);
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
    assert_response!(send(daemon.request(Method::GET, &container.uri)).await);
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
        let response = patch(&daemon, &container.uri, "status", "stopped").await;
        assert_eq!(
            (response.status, &response.json()["status"]),
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
    let response = patch(&daemon, &container.uri, "status", "running").await;
    assert_response!(response);
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
    with_timeout(hold.reached()).await;
    let (started, ()) = tokio::join!(daemon.client.start(&container.container_id), async {
        assert_eq!(daemon.get(&container).await.status, Status::Stopping);
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
        assert_eq!(daemon.get(&container).await.status, Status::Starting);
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
        EngineError::Rejected("port is already allocated".to_owned()),
    );
    assert_response!(patch(&daemon, &container.uri, "status", "running").await);
    let seen = daemon.get(&container).await;
    assert_eq!(
        (seen.status, seen.stop_reason),
        (Status::Stopped, Some(StopReason::Failed))
    );
}

#[tokio::test]
async fn start_with_a_lost_response_succeeds() {
    let daemon = TestDaemon::start();
    let container = daemon.create_stopped().await;
    daemon.engine.fail_next(Point::After(Action::Start), TIMED_OUT);
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
    let response = patch(&daemon, &container.uri, "status", "stopped").await;
    assert_eq!(response.json()["status"], "stopping");
    daemon
        .advance_until(|snapshot| !snapshot.get(id(&container)).unwrap().lifecycle().is_unfinished())
        .await;
    let seen = daemon.get(&container).await;
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
    daemon.engine.pause_externally(id(&container));
    daemon.until_status(&container, Status::Paused).await;
    assert_response!(patch(&daemon, &container.uri, "status", "running").await);
    patch(&daemon, &container.uri, "status", "stopped").await;
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn externally_removed_container_is_not_found() {
    for status in ["running", "stopped"] {
        let daemon = TestDaemon::without_tasks();
        let container = daemon.create().await;
        daemon.engine.remove_externally(id(&container));
        let response = patch(&daemon, &container.uri, "status", status).await;
        assert_eq!(response.kind(), "404 container-not-found", "{status}");
    }
}

#[tokio::test]
async fn idle_timeout_can_be_changed_and_disabled() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    daemon.engine.clear_calls();
    let mut lines = Vec::new();
    for value in [json!("1h"), json!(60), json!(0), json!("never")] {
        let body = json!({ "idle_timeout": value });
        let request = daemon.request(Method::PATCH, &container.uri).json(&body);
        let shown = send(request).await.json();
        lines.push(format!(
            "{value} -> idle_timeout {}, stops_at {}",
            shown["idle_timeout"], shown["stops_at"]
        ));
    }
    assert_lines!(lines);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn stop_and_idle_timeout_can_be_combined() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let body = json!({ "status": "stopped", "idle_timeout": "1h" });
    let response = send(daemon.request(Method::PATCH, &container.uri).json(&body)).await;
    assert_eq!(
        (response.status, &response.json()["idle_timeout"]),
        (200, &json!(3600))
    );
    let stopped = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(stopped.idle_timeout, Some(3600));
}

#[tokio::test]
async fn invalid_body_changes_nothing() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    daemon.engine.clear_calls();
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
    let mut lines = Vec::new();
    for body in bodies {
        let response = send(daemon.request(Method::PATCH, &container.uri).json(&body)).await;
        lines.push(format!("{body} -> {}", response.problem()));
    }
    assert_lines!(lines);
    assert_eq!(daemon.get(&container).await, container);
    assert_eq!(daemon.engine.calls(), []);
}

#[tokio::test]
async fn unknown_container_is_not_found() {
    let daemon = TestDaemon::without_tasks();
    assert_response!(patch(&daemon, "/v1/containers/1337", "status", "stopped").await);
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

#[tokio::test]
async fn refused_start_changes_no_limit() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.pause_externally(id(&container));
    let paused = daemon.until_status(&container, Status::Paused).await;
    let request = daemon
        .request(Method::PATCH, &container.uri)
        .json(&json!({ "status": "running", "idle_timeout": 99 }));
    assert_eq!(send(request).await.kind(), "409 wrong-state");
    assert_eq!(daemon.get(&container).await, paused);
}

async fn patch(daemon: &TestDaemon, uri: &str, field: &str, value: &str) -> Response {
    send(daemon.request(Method::PATCH, uri).form(&[(field, value)])).await
}
