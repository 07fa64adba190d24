//! `Idempotency-Key`: a repeated create returns the container of the first one.

use std::time::Duration;

use reqwest::Method;
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Point};
use serde_json::{Value, json};

use crate::support::{Response, TestDaemon, send};

const TIMED_OUT: EngineError = EngineError::TimedOut(Duration::from_secs(60));

#[tokio::test]
async fn repeated_key_returns_the_same_container() {
    let daemon = TestDaemon::start();
    let first = create_with_key(&daemon, "one", &json!({ "image": "sd-postgres" })).await;
    let second = create_with_key(&daemon, "one", &json!({ "image": "sd-postgres" })).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.json(), second.json());
    assert_eq!(daemon.calls_of(Action::Create), 1);
}

#[tokio::test]
async fn different_keys_make_different_containers() {
    let daemon = TestDaemon::start();
    let first = create_with_key(&daemon, "one", &json!({ "image": "sd-postgres" })).await;
    let second = create_with_key(&daemon, "two", &json!({ "image": "sd-postgres" })).await;
    assert_ne!(first.json()["container_id"], second.json()["container_id"]);
}

#[tokio::test]
async fn concurrent_repetitions_wait_for_the_first() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::Before(Action::Create));
    let wanted = json!({ "image": "sd-postgres" });
    let (responses, ()) = tokio::join!(
        futures_util::future::join_all((0..8).map(|_| create_with_key(&daemon, "one", &wanted))),
        async {
            hold.reached().await;
            hold.release();
        }
    );
    let first = responses[0].json();
    assert!(
        responses
            .iter()
            .all(|response| response.status == 201 && response.json() == first),
        "{responses:?}"
    );
    assert_eq!(daemon.calls_of(Action::Create), 1);
}

#[tokio::test]
async fn key_reuse_with_another_request_is_rejected() {
    let daemon = TestDaemon::start();
    create_with_key(&daemon, "one", &json!({ "image": "sd-postgres" })).await;
    let response = create_with_key(&daemon, "one", &json!({ "image": "sd-web:1.2" })).await;
    assert_eq!(response.kind(), "422 key-reused");
    assert_eq!(daemon.calls_of(Action::Create), 1);
}

#[tokio::test]
async fn form_and_json_of_one_request_are_equal() {
    let daemon = TestDaemon::start();
    let json = create_with_key(
        &daemon,
        "one",
        &json!({ "image": "sd-postgres", "idle_timeout": "1h" }),
    )
    .await;
    let request = daemon
        .request(Method::POST, "/v1/containers")
        .header("idempotency-key", "one");
    let form = send(request.form(&[("idle_timeout", "3600"), ("image", "sd-postgres")])).await;
    assert_eq!(json.json(), form.json());
}

#[tokio::test]
async fn failed_create_releases_the_key() {
    let daemon = TestDaemon::start();
    let wanted = json!({ "image": "sd-postgres" });
    daemon.engine.fail_next(
        Point::Before(Action::Create),
        EngineError::Rejected("no room".to_owned()),
    );
    assert_eq!(create_with_key(&daemon, "one", &wanted).await.status, 502);
    assert_eq!(create_with_key(&daemon, "one", &wanted).await.status, 201);
}

#[tokio::test]
async fn failed_start_releases_the_key() {
    let daemon = TestDaemon::start();
    let wanted = json!({ "image": "sd-postgres" });
    daemon.engine.fail_next(
        Point::Before(Action::Start),
        EngineError::Rejected("port taken".to_owned()),
    );
    assert_eq!(create_with_key(&daemon, "one", &wanted).await.status, 502);
    assert_eq!(create_with_key(&daemon, "one", &wanted).await.status, 201);
}

#[tokio::test]
async fn waiting_repetition_creates_after_a_failure() {
    for point in [Point::Before(Action::Create), Point::Before(Action::Start)] {
        let daemon = TestDaemon::start();
        let wanted = json!({ "image": "sd-postgres" });
        let hold = daemon.engine.hold(point);
        daemon
            .engine
            .fail_next(point, EngineError::Rejected("no room".to_owned()));
        let create = || create_with_key(&daemon, "one", &wanted);
        let (first, second, ()) = tokio::join!(create(), create(), async {
            hold.reached().await;
            hold.release();
        });
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 502], "{point:?} {first:?} {second:?}");
        assert_eq!(daemon.engine.containers().len(), 1, "{point:?}");
    }
}

#[tokio::test]
async fn timed_out_create_releases_the_key() {
    let daemon = TestDaemon::start();
    let wanted = json!({ "image": "sd-postgres" });
    daemon.engine.fail_next(Point::Before(Action::Create), TIMED_OUT);
    assert_eq!(create_with_key(&daemon, "one", &wanted).await.status, 504);
    assert_eq!(create_with_key(&daemon, "one", &wanted).await.status, 201);
}

#[tokio::test]
async fn key_stays_taken_after_its_container_is_removed() {
    let daemon = TestDaemon::start();
    let wanted = json!({ "image": "sd-postgres", "name": "hungry_bell" });
    create_with_key(&daemon, "one", &wanted).await;
    send(daemon.request(Method::DELETE, "/v1/containers/hungry_bell")).await;
    let response = create_with_key(&daemon, "one", &wanted).await;
    assert_eq!(response.kind(), "404 container-not-found");
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn key_expires_after_a_day() {
    let daemon = TestDaemon::start();
    let wanted = json!({ "image": "sd-postgres", "idle_timeout": 0 });
    let first = create_with_key(&daemon, "one", &wanted).await;
    daemon.clock.advance(Duration::from_secs(24 * 60 * 60));
    let within = create_with_key(&daemon, "one", &wanted).await;
    daemon.clock.advance(Duration::from_millis(1));
    let after = create_with_key(&daemon, "one", &wanted).await;
    assert_eq!(first.json()["container_id"], within.json()["container_id"]);
    assert_ne!(first.json()["container_id"], after.json()["container_id"]);
}

#[tokio::test]
async fn key_has_1_to_255_bytes() {
    let daemon = TestDaemon::without_tasks();
    for key in [String::new(), "x".repeat(256)] {
        let response = create_with_key(&daemon, &key, &json!({ "image": "sd-postgres" })).await;
        assert_eq!(response.kind(), "422 malformed-request", "{key}");
    }
    assert_eq!(daemon.engine.calls(), []);
}

async fn create_with_key(daemon: &TestDaemon, key: &str, body: &Value) -> Response {
    let request = daemon
        .request(Method::POST, "/v1/containers")
        .header("idempotency-key", key);
    send(request.json(body)).await
}
