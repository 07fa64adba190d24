//! `GET /healthz` and `GET /readyz`.

use std::time::Duration;

use reqwest::Method;

use crate::support::{TestDaemon, assert_response, send};

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
