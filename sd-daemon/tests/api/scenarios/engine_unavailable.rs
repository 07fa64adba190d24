//! An engine that is unreachable or too slow: containers keep their last known status.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{ContainerQuery, Status};
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Point};

use crate::support::{TestDaemon, id, send};

#[tokio::test]
async fn reads_work_while_the_engine_is_unavailable() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.disconnect();
    let listed = daemon
        .client
        .containers(&ContainerQuery::default())
        .await
        .unwrap();
    assert_eq!(listed, std::slice::from_ref(&container));
    assert_eq!(daemon.get(&container).await, container);
    assert_eq!(send(daemon.anonymous(Method::GET, "/healthz")).await.status, 200);
}

#[tokio::test]
async fn changes_are_refused_while_the_engine_is_unavailable() {
    let daemon = TestDaemon::start();
    let (container, stopped) = (daemon.create().await, daemon.create_stopped().await);
    daemon.engine.disconnect();
    let images = daemon.request(Method::GET, "/v1/images");
    for request in daemon
        .requests_that_need_the_engine(&container, &stopped)
        .into_iter()
        .chain([images])
    {
        let response = send(request).await;
        assert_eq!(response.kind(), "503 engine-unavailable");
        assert_eq!(response.header("retry-after"), Some("5"));
    }
    assert_eq!(daemon.get(&container).await, container);
    assert_eq!(daemon.get(&stopped).await, stopped);
}

#[tokio::test]
async fn engine_timeout_is_reported_as_504() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.block_inspections(id(&container));
    let response = send(
        daemon
            .request(Method::PATCH, &container.uri)
            .form(&[("status", "stopped")]),
    )
    .await;
    assert_eq!(response.kind(), "504 engine-timeout");
    assert_eq!(daemon.get(&container).await, container);
}

#[tokio::test]
async fn idle_timeout_can_be_changed_without_the_engine() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.disconnect();
    let request = daemon
        .request(Method::PATCH, &container.uri)
        .form(&[("idle_timeout", "never")]);
    assert_eq!(send(request).await.status, 200);
    assert_eq!(daemon.get(&container).await.idle_timeout, None);
}

#[tokio::test]
async fn long_engine_outage_keeps_statuses() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.disconnect();
    for _ in 0..5 {
        daemon.clock.advance(Duration::from_secs(1200));
        // The daemon has one worker thread: the periodic reconcile has begun and failed before this audit fails.
        let audit = send(daemon.request(Method::GET, "/v1/containers?audit=true")).await;
        assert_eq!(audit.kind(), "503 engine-unavailable");
        assert_eq!(daemon.get(&container).await.status, Status::Running);
    }
    assert_eq!(daemon.engine.containers(), [id(&container)]);
}

#[tokio::test]
async fn interrupted_stop_completes_when_the_engine_is_back() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Stop));
    daemon.client.stop(&container.container_id).await.unwrap();
    hold.reached().await;
    daemon.engine.disconnect();
    hold.release();
    assert_eq!(daemon.get(&container).await.status, Status::Stopping);
    daemon.engine.reconnect();
    daemon
        .advance_until(|snapshot| !snapshot.get(id(&container)).unwrap().lifecycle().is_unfinished())
        .await;
    assert_eq!(daemon.get(&container).await.status, Status::Stopped);
}

#[tokio::test]
async fn interrupted_create_leaves_no_container() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::After(Action::Create));
    let request = daemon
        .request(Method::POST, "/v1/containers")
        .form(&[("image", "sd-postgres")]);
    let (response, ()) = tokio::join!(send(request), async {
        hold.reached().await;
        daemon.engine.disconnect();
        hold.release();
    });
    assert_eq!(response.kind(), "503 engine-unavailable");
    assert_eq!(daemon.engine.containers().len(), 1);
    daemon.engine.reconnect();
    daemon
        .until_registry(|snapshot| snapshot.creations().next().is_none())
        .await;
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn failed_request_is_not_retried_by_the_daemon() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    let lost = EngineError::Unavailable("connection reset".to_owned());
    daemon.engine.fail_next(Point::Before(Action::Inspect), lost);
    let response = send(
        daemon
            .request(Method::PATCH, &container.uri)
            .form(&[("status", "stopped")]),
    )
    .await;
    assert_eq!(response.kind(), "503 engine-unavailable");
    assert_eq!(
        daemon.client.stop(&container.container_id).await.unwrap().status,
        Status::Stopping
    );
}
