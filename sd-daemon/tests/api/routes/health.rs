//! `GET /healthz` and `GET /readyz`.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::TaskStatus;

use crate::support::{TICK, TestDaemon, assert_response, send};

/// The interval of the full reconciliation.
const RECONCILE_INTERVAL: Duration = Duration::from_secs(60);

#[tokio::test]
async fn healthz_needs_no_credentials_and_no_engine() {
    let daemon = TestDaemon::start();
    daemon.engine.disconnect();
    assert_response!(send(daemon.anonymous(Method::GET, "/healthz")).await);
}

#[tokio::test]
async fn readyz_fails_before_the_first_engine_response() {
    let daemon = TestDaemon::without_tasks();
    let response = send(daemon.anonymous(Method::GET, "/readyz")).await;
    assert_eq!(response.kind(), "503 not-ready");
}

#[tokio::test]
async fn readyz_fails_three_minutes_after_the_last_response() {
    let daemon = TestDaemon::start();
    daemon.create().await;
    daemon.client.ready().await.unwrap();
    daemon.engine.disconnect();
    daemon.clock.advance(Duration::from_secs(180));
    daemon.client.ready().await.unwrap();
    daemon.clock.advance(Duration::from_millis(1));
    assert_response!(send(daemon.anonymous(Method::GET, "/readyz")).await);
    daemon.engine.reconnect();
    daemon.client.images().await.unwrap();
    daemon.client.ready().await.unwrap();
}

#[tokio::test]
async fn readyz_lists_the_background_tasks() {
    let daemon = TestDaemon::start();
    daemon.client.images().await.unwrap();
    let response = send(daemon.anonymous(Method::GET, "/readyz")).await;
    assert_eq!(response.status, 200);
    let names: Vec<_> = tasks(&daemon).await.into_iter().map(|task| task.name).collect();
    assert_eq!(
        names,
        [
            "enforce_deadlines",
            "follow_events",
            "probe_activity",
            "reconcile"
        ]
    );
}

#[tokio::test]
async fn readyz_shows_a_failing_task_until_it_succeeds() {
    let daemon = TestDaemon::start();
    daemon.create().await;
    daemon.engine.disconnect();
    daemon.clock.advance(RECONCILE_INTERVAL);
    let failed_at = daemon.now();
    let failing = until_reconcile(&daemon, |task| task.failing_since.is_some()).await;
    assert_eq!(failing.failing_since, Some(failed_at));
    assert_eq!(failing.last_error.as_deref(), Some("the engine is unavailable"));

    daemon.engine.reconnect();
    daemon.clock.advance(RECONCILE_INTERVAL);
    let recovered = until_reconcile(&daemon, |task| task.failing_since.is_none()).await;
    assert_eq!(recovered.last_run_at, Some(daemon.now()));
    assert_eq!(recovered.last_error, failing.last_error);
}

#[tokio::test]
async fn readyz_lists_the_background_tasks_when_not_ready() {
    let daemon = TestDaemon::start();
    daemon.create().await;
    daemon.engine.disconnect();
    daemon.clock.advance(Duration::from_secs(181));
    let response = send(daemon.anonymous(Method::GET, "/readyz")).await;
    assert_eq!(response.kind(), "503 not-ready");
    assert_eq!(tasks(&daemon).await.len(), 4);
}

async fn tasks(daemon: &TestDaemon) -> Vec<TaskStatus> {
    let response = send(daemon.anonymous(Method::GET, "/readyz")).await;
    serde_json::from_value(response.json()["tasks"].clone()).unwrap()
}

/// Waits until the status of the reconciliation is as wanted.
async fn until_reconcile(daemon: &TestDaemon, is_wanted: impl Fn(&TaskStatus) -> bool) -> TaskStatus {
    loop {
        let tasks = tasks(daemon).await;
        let reconcile = tasks.into_iter().find(|task| task.name == "reconcile").unwrap();
        if is_wanted(&reconcile) {
            return reconcile;
        }
        tokio::time::sleep(TICK).await;
    }
}
