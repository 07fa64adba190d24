//! `POST …/extend`: somebody asks to keep a container, and for how long that works.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{Container, CreateContainer, EventKind, ExtendContainer, Span, Status, TimeLimit};
use serde_json::json;

use crate::support::{Answer, IDLE_TIMEOUT, IMAGE, TestDaemon, id, kind};

const HOUR: Duration = Duration::from_secs(3_600);

fn span(duration: Duration) -> Span {
    duration.try_into().unwrap()
}

async fn extend(daemon: &TestDaemon, container: &Container, by: Duration) -> Container {
    let extension = ExtendContainer::by(span(by));
    let extended = daemon.client.extend(&container.container_id, &extension);
    extended.await.unwrap()
}

async fn hold(daemon: &TestDaemon, container: &Container, span_: Duration) -> Container {
    let extension = ExtendContainer::hold_for(span(span_));
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
    assert_eq!(daemon.look(&container).await.status, Status::Running);
    daemon.clock.advance(HOUR);
    daemon.until_status(&container, Status::Stopped).await;
    let history = daemon.activity(&container).await.history;
    let stop = history.iter().find(|entry| entry.what == EventKind::Stopping);
    assert_eq!(
        stop.unwrap().why,
        "nobody asked to keep it for longer, and it was not used for 3h 30m, while its idle timeout is \
         2h 30m (the daemon's default); the last use was its start"
    );
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
        "it is kept, not used"
    );
}

#[tokio::test]
async fn forms_and_json_accept_every_duration_format() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let request = || daemon.request(Method::POST, &format!("{}/extend", container.uri));
    for (request, expected) in [
        (request().form(&[("by", "1h")]), "2026-03-01T17:32:11.250Z"),
        (request().form(&[("by", "3600")]), "2026-03-01T18:32:11.250Z"),
        (request().json(&json!({ "by": 1800 })), "2026-03-01T19:02:11.250Z"),
        (
            request().json(&json!({ "by": "30m" })),
            "2026-03-01T19:32:11.250Z",
        ),
        (
            request().json(&json!({ "for": "6h" })),
            "2026-03-01T20:02:11.250Z",
        ),
    ] {
        let answer = Answer::to(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["stops_at"], expected);
    }
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
    assert_eq!(
        activity.history.last().unwrap().why,
        "by 1d, asked for over the API; but a run may last 3h at most (set for this container)"
    );
}

#[tokio::test]
async fn container_that_is_not_running_cannot_be_extended() {
    let daemon = TestDaemon::start();
    let stopped = daemon.create_stopped().await;
    let paused = daemon.create().await;
    daemon.engine.pause(id(&paused));
    daemon.until_status(&paused, Status::Paused).await;
    for (container, expected) in [
        (
            &stopped,
            "is not running and has no stop to postpone: start it first",
        ),
        (
            &paused,
            "is paused: run `docker unpause` on the host, or stop it first",
        ),
    ] {
        let request = daemon.request(Method::POST, &format!("{}/extend", container.uri));
        let (status, suffix, detail) = Answer::to(request.form(&[("by", "1h")])).await.problem();
        assert_eq!((status, suffix.as_str()), (409, "wrong-state"));
        assert_eq!(detail, format!("Container {} {expected}", container.container_id));
        assert_eq!(daemon.look(container).await.stops_at, None);
    }
    let nobody = daemon.request(Method::POST, "/v1/containers/nobody/extend");
    let answer = Answer::to(nobody.form(&[("by", "1h")])).await;
    assert_eq!(answer.kind(), kind(404, "container-not-found"));
}

#[tokio::test]
async fn invalid_body_changes_nothing() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
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
        let answer = Answer::to(request.json(&body)).await;
        assert_eq!(answer.kind(), kind(422, "malformed-request"), "{body}");
    }
    let anonymous = daemon.anonymous(Method::POST, &format!("{}/extend", container.uri));
    assert_eq!(Answer::to(anonymous.form(&[("by", "1h")])).await.status, 401);
    assert_eq!(daemon.look(&container).await, container);
    assert_eq!(daemon.activity(&container).await.keep_until, None);
}

#[tokio::test]
async fn extension_survives_a_crash() {
    let daemon = TestDaemon::start();
    let (witness, container) = (daemon.create().await, daemon.create().await);
    let extended = extend(&daemon, &container, 24 * HOUR).await;
    let before = daemon.activity(&container).await;
    let daemon = daemon.kill_and_restart().await;
    assert_eq!(daemon.look(&container).await, extended);
    let after = daemon.activity(&container).await;
    assert_eq!(
        (after.keep_until, after.history),
        (before.keep_until, before.history)
    );
    daemon.clock.advance(IDLE_TIMEOUT);
    daemon.until_status(&witness, Status::Stopped).await;
    assert_eq!(daemon.look(&container).await.status, Status::Running);
    daemon.clock.advance(24 * HOUR);
    daemon.until_status(&container, Status::Stopped).await;
}

#[tokio::test]
async fn repeated_holds_make_one_history_entry() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let minute = Duration::from_secs(60);
    daemon.clock.advance(IDLE_TIMEOUT.saturating_sub(minute));
    // The warning of the deadline that it has by itself.
    daemon
        .until_activity(&container, |seen| seen.history.len() == 3)
        .await;
    for _ in 0..30 {
        hold(&daemon, &container, 3 * minute).await;
        daemon.clock.advance(minute);
        daemon.until_looked_at(&container).await;
    }
    let whats = |history: Vec<sd_client::api::HistoryEntry>| -> Vec<String> {
        history.iter().map(|entry| entry.what.to_string()).collect()
    };
    let held = ["created", "started", "idle_warning", "extended"];
    assert_eq!(whats(daemon.activity(&container).await.history), held);
    // Nobody asks again.
    daemon.clock.advance(minute + minute / 2);
    let warned = daemon
        .until_activity(&container, |seen| seen.history.len() == 5)
        .await;
    assert_eq!(
        warned.history[4].why,
        "will be stopped in 30s: nobody asked to keep it for longer, and it was not used for 3h, while its \
         idle timeout is 2h 30m (the daemon's default); the last use was its start"
    );
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
