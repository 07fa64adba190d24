//! `POST /v1/containers/{ref}/extend`: postponed deadlines, holds and their limits.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{Container, CreateContainer, ExtendContainer, Span, Status, TimeLimit};
use serde_json::json;

use crate::support::{IDLE_TIMEOUT, IMAGE, TestDaemon, assert_lines, assert_response, id, send};

const HOUR: Duration = Duration::from_secs(3_600);

fn span(duration: Duration) -> Span {
    duration.try_into().unwrap()
}

async fn extend(daemon: &TestDaemon, container: &Container, by: Duration) -> Container {
    let extension = ExtendContainer::by(span(by));
    let extended = daemon.client.extend(&container.container_id, &extension);
    extended.await.unwrap()
}

async fn hold(daemon: &TestDaemon, container: &Container, duration: Duration) -> Container {
    let extension = ExtendContainer::hold_for(span(duration));
    let held = daemon.client.extend(&container.container_id, &extension);
    held.await.unwrap()
}

fn text(container: &Container) -> String {
    container.stops_at.unwrap().to_string()
}

#[tokio::test]
async fn by_postpones_the_deadline() {
    let daemon = TestDaemon::start();
    let (witness, container) = (daemon.create().await, daemon.create().await);
    assert_eq!(text(&container), "2026-03-01T16:32:11.250Z");
    assert_eq!(
        text(&extend(&daemon, &container, HOUR).await),
        "2026-03-01T17:32:11.250Z"
    );
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    daemon.clock.advance(HOUR);
    daemon.until_status(&container, Status::Stopped).await;
    assert_lines!(daemon.history(&container).await);
}

#[tokio::test]
async fn for_counts_from_now_and_never_shortens() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    assert_eq!(hold(&daemon, &container, HOUR).await.stops_at, container.stops_at);
    daemon.clock.advance(2 * HOUR);
    let held = hold(&daemon, &container, HOUR).await;
    assert_eq!(text(&held), "2026-03-01T17:02:11.250Z");
    let activity = daemon.activity(&container).await;
    assert_eq!(activity.keep_until, held.stops_at);
    assert_eq!(
        serde_json::to_value(&activity.stops_because).unwrap(),
        "keep-until"
    );
    assert_eq!(
        activity.last_active_at, container.last_active_at,
        "a hold does not count as activity"
    );
}

#[tokio::test]
async fn forms_and_json_accept_every_duration_format() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let request = || daemon.request(Method::POST, &format!("{}/extend", container.uri));
    let mut lines = Vec::new();
    for (body, request) in [
        ("form by=1h", request().form(&[("by", "1h")])),
        ("form by=3600", request().form(&[("by", "3600")])),
        ("JSON by 1800", request().json(&json!({ "by": 1800 }))),
        ("JSON by 30m", request().json(&json!({ "by": "30m" }))),
        ("JSON for 6h", request().json(&json!({ "for": "6h" }))),
    ] {
        let response = send(request).await;
        lines.push(format!(
            "{body} -> {}, stops_at {}",
            response.status,
            response.json()["stops_at"]
        ));
    }
    assert_lines!(lines);
}

#[tokio::test]
async fn max_lifetime_caps_the_extension() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        max_lifetime: Some(TimeLimit::After(3 * HOUR)),
        ..CreateContainer::of_image(IMAGE)
    };
    let container = daemon.client.create(&wanted).await.unwrap();
    let extended = extend(&daemon, &container, 24 * HOUR).await;
    assert_eq!(text(&extended), "2026-03-01T17:02:11.250Z");
    let activity = daemon.activity(&container).await;
    assert_eq!(
        serde_json::to_value(&activity.stops_because).unwrap(),
        "max-lifetime"
    );
    assert_lines!(daemon.history(&container).await);
}

#[tokio::test]
async fn container_that_is_not_running_cannot_be_extended() {
    let daemon = TestDaemon::start();
    let stopped = daemon.create_stopped().await;
    let paused = daemon.create().await;
    daemon.engine.pause_externally(id(&paused));
    daemon.until_status(&paused, Status::Paused).await;
    for container in [&stopped, &paused] {
        let request = daemon.request(Method::POST, &format!("{}/extend", container.uri));
        assert_response!(send(request.form(&[("by", "1h")])).await);
        assert_eq!(daemon.get(container).await.stops_at, None);
    }
}

#[tokio::test]
async fn unknown_container_is_not_found() {
    let daemon = TestDaemon::without_tasks();
    let request = daemon.request(Method::POST, "/v1/containers/1337/extend");
    let response = send(request.form(&[("by", "1h")])).await;
    assert_eq!(response.kind(), "404 container-not-found");
}

#[tokio::test]
async fn invalid_body_changes_nothing() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let mut lines = Vec::new();
    for body in [
        json!({}),
        json!({ "by": "1h", "for": "1h" }),
        json!({ "by": 0 }),
        json!({ "by": "never" }),
        json!({ "by": "-1h" }),
        json!({ "by": "soon" }),
        json!({ "for": "4000d" }),
        json!({ "until": "2026-03-01T17:02:11.250Z" }),
    ] {
        let request = daemon.request(Method::POST, &format!("{}/extend", container.uri));
        lines.push(format!("{body} -> {}", send(request.json(&body)).await.problem()));
    }
    assert_lines!(lines);
    let anonymous = daemon.anonymous(Method::POST, &format!("{}/extend", container.uri));
    assert_eq!(send(anonymous.form(&[("by", "1h")])).await.status, 401);
    assert_eq!(daemon.get(&container).await, container);
    assert_eq!(daemon.activity(&container).await.keep_until, None);
}

#[tokio::test]
async fn extension_survives_a_crash() {
    let daemon = TestDaemon::start();
    let (witness, container) = (daemon.create().await, daemon.create().await);
    let extended = extend(&daemon, &container, 24 * HOUR).await;
    let before = daemon.activity(&container).await;
    let daemon = daemon.kill_and_restart().await;
    assert_eq!(daemon.get(&container).await, extended);
    let after = daemon.activity(&container).await;
    assert_eq!(
        (after.keep_until, after.history),
        (before.keep_until, before.history)
    );
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    daemon.clock.advance(24 * HOUR);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn repeated_holds_make_one_history_entry() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let minute = Duration::from_secs(60);
    daemon.clock.advance(IDLE_TIMEOUT.saturating_sub(minute));
    // The warning before the idle deadline.
    daemon
        .until_activity(&container, |seen| seen.history.len() == 3)
        .await;
    for _ in 0..30 {
        hold(&daemon, &container, 3 * minute).await;
        daemon.clock.advance(minute);
        daemon.until_probed(&container).await;
    }
    assert_eq!(daemon.activity(&container).await.history.len(), 4);
    // The holds end.
    daemon.clock.advance(minute + minute / 2);
    daemon
        .until_activity(&container, |seen| seen.history.len() == 5)
        .await;
    assert_lines!(daemon.history(&container).await);
    daemon.clock.advance(minute / 2);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn container_without_idle_timeout_is_not_extended() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer {
        idle_timeout: Some(TimeLimit::Never),
        ..CreateContainer::of_image(IMAGE)
    };
    let container = daemon.client.create(&wanted).await.unwrap();
    assert_eq!(extend(&daemon, &container, HOUR).await, container);
    assert_eq!(daemon.activity(&container).await.history.len(), 2);
}
