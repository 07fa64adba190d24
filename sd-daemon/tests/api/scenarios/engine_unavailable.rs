//! An engine that cannot be reached, or does not answer in time: what is unknown is not dead.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{ContainerQuery, Status};
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Point};

use crate::support::{Answer, TestDaemon, id, kind};

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
    assert_eq!(daemon.look(&container).await, container);
    assert_eq!(
        Answer::to(daemon.anonymous(Method::GET, "/healthz")).await.status,
        200
    );
}

#[tokio::test]
async fn changes_are_refused_while_the_engine_is_unavailable() {
    let daemon = TestDaemon::start();
    let (container, stopped) = (daemon.create().await, daemon.create_stopped().await);
    daemon.engine.disconnect();
    let images = daemon.request(Method::GET, "/v1/images");
    for request in daemon
        .what_needs_the_engine(&container, &stopped)
        .into_iter()
        .chain([images])
    {
        let answer = Answer::to(request).await;
        assert_eq!(answer.kind(), kind(503, "engine-unavailable"));
        assert_eq!(answer.header("retry-after"), Some("5"));
    }
    assert_eq!(daemon.look(&container).await, container);
    assert_eq!(daemon.look(&stopped).await, stopped);
}

#[tokio::test]
async fn engine_timeout_is_reported_as_504() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.hide(id(&container));
    let answer = Answer::to(
        daemon
            .request(Method::PATCH, &container.uri)
            .form(&[("status", "stopped")]),
    )
    .await;
    assert_eq!(answer.kind(), kind(504, "engine-timeout"));
    assert_eq!(daemon.look(&container).await, container);
}

#[tokio::test]
async fn idle_timeout_can_be_changed_without_the_engine() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.disconnect();
    let request = daemon
        .request(Method::PATCH, &container.uri)
        .form(&[("idle_timeout", "never")]);
    assert_eq!(Answer::to(request).await.status, 200);
    assert_eq!(daemon.look(&container).await.idle_timeout, None);
}

#[tokio::test]
async fn long_engine_outage_keeps_statuses() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.disconnect();
    for _ in 0..100 {
        daemon.clock.advance(Duration::from_secs(60));
        assert_eq!(daemon.look(&container).await.status, Status::Running);
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
    assert_eq!(daemon.look(&container).await.status, Status::Stopping);
    daemon.engine.reconnect();
    daemon
        .as_time_passes(|snapshot| !snapshot.get(id(&container)).unwrap().lifecycle().is_unfinished())
        .await;
    assert_eq!(daemon.look(&container).await.status, Status::Stopped);
}

#[tokio::test]
async fn interrupted_create_leaves_no_container() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::After(Action::Create));
    let request = daemon
        .request(Method::POST, "/v1/containers")
        .form(&[("image", "sd-postgres")]);
    let (answer, ()) = tokio::join!(Answer::to(request), async {
        hold.reached().await;
        daemon.engine.disconnect();
        hold.release();
    });
    assert_eq!(answer.kind(), kind(503, "engine-unavailable"));
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
    let answer = Answer::to(
        daemon
            .request(Method::PATCH, &container.uri)
            .form(&[("status", "stopped")]),
    )
    .await;
    assert_eq!(answer.kind(), kind(503, "engine-unavailable"));
    assert_eq!(
        daemon.client.stop(&container.container_id).await.unwrap().status,
        Status::Stopping
    );
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
    let answer = Answer::to(daemon.anonymous(Method::GET, "/readyz")).await;
    assert_eq!(answer.kind(), kind(503, "not-ready"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    daemon.engine.reconnect();
    daemon.client.images().await.unwrap();
    daemon.client.ready().await.unwrap();
}

#[tokio::test]
async fn readyz_fails_before_the_first_engine_response() {
    let daemon = TestDaemon::without_tasks();
    let answer = Answer::to(daemon.anonymous(Method::GET, "/readyz")).await;
    assert_eq!(answer.kind(), kind(503, "not-ready"));
}
