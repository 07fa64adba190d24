//! `DELETE /v1/containers/{ref}`: graceful and forced removal, and removals that fail half-way.

use reqwest::Method;
use sd_client::api::{ContainerQuery, RemoveMode, Status};
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Point};

use crate::support::{TestDaemon, assert_lines, assert_response, id, send, with_timeout};

#[tokio::test]
async fn delete_removes_the_container_and_its_volume() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let volume = daemon.engine.volume_of(id(&container)).unwrap();
    assert_response!(send(daemon.request(Method::DELETE, &container.uri)).await);
    assert!(!daemon.engine.has_volume(&volume));
    for method in [Method::GET, Method::DELETE] {
        let response = send(daemon.request(method, &container.uri)).await;
        assert_eq!(response.kind(), "404 container-not-found");
    }
    assert_eq!(
        daemon
            .client
            .containers(&ContainerQuery::default())
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn delete_stops_a_running_container_first() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon
        .client
        .remove(&container.container_id, RemoveMode::Graceful)
        .await
        .unwrap();
    assert_eq!(
        daemon.changes(),
        [Action::Create, Action::Start, Action::Stop, Action::Remove]
    );
}

#[tokio::test]
async fn force_removes_without_stopping_first() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let response = send(daemon.request(Method::DELETE, &format!("{}?force=true", container.uri))).await;
    assert_eq!(response.status, 204);
    assert_eq!(daemon.changes(), [Action::Create, Action::Start, Action::Remove]);
}

#[tokio::test]
async fn stopped_container_can_be_deleted() {
    let daemon = TestDaemon::start();
    let container = daemon.create_stopped().await;
    daemon
        .client
        .remove(&container.container_id, RemoveMode::Graceful)
        .await
        .unwrap();
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn externally_removed_container_can_be_deleted() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    daemon.engine.remove_externally(id(&container));
    assert_eq!(
        send(daemon.request(Method::DELETE, &container.uri)).await.status,
        204
    );
    assert_eq!(
        send(daemon.request(Method::GET, &container.uri)).await.status,
        404
    );
}

#[tokio::test]
async fn container_is_stopping_until_it_is_removed() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Remove));
    let (removed, ()) = tokio::join!(
        daemon
            .client
            .remove(&container.container_id, RemoveMode::Graceful),
        async {
            hold.reached().await;
            assert_eq!(daemon.get(&container).await.status, Status::Stopping);
            hold.release();
        }
    );
    removed.unwrap();
    daemon.until_gone(&container).await;
}

#[tokio::test]
async fn delete_waits_for_a_stop_in_progress() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Stop));
    daemon.client.stop(&container.container_id).await.unwrap();
    with_timeout(hold.reached()).await;
    let remove = daemon
        .client
        .remove(&container.container_id, RemoveMode::Graceful);
    let (removed, ()) = tokio::join!(remove, async { hold.release() });
    removed.unwrap();
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn container_can_be_deleted_during_its_create() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::Before(Action::Start));
    let (created, removed) = tokio::join!(daemon.create_named("hungry_bell"), async {
        hold.reached().await;
        let remove = daemon.client.remove("hungry_bell", RemoveMode::Graceful);
        let (removed, ()) = tokio::join!(remove, async { hold.release() });
        removed
    });
    removed.unwrap();
    assert_eq!(created.status, Status::Running);
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn second_of_two_concurrent_deletes_gets_404() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let delete = || async { send(daemon.request(Method::DELETE, &container.uri)).await.status };
    let (first, second) = tokio::join!(delete(), delete());
    let mut statuses = [first, second];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
    assert_eq!(daemon.calls_of(Action::Remove), 1);
}

#[tokio::test]
async fn delete_releases_the_name() {
    let daemon = TestDaemon::start();
    let first = daemon.create_named("hungry_bell").await;
    daemon
        .client
        .remove("hungry_bell", RemoveMode::Graceful)
        .await
        .unwrap();
    let second = daemon.create_named("hungry_bell").await;
    assert_ne!(first.container_id, second.container_id);
}

#[tokio::test]
async fn rejected_removal_is_retried() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.fail_next(
        Point::Before(Action::Remove),
        EngineError::Rejected("device is busy".to_owned()),
    );
    assert_response!(send(daemon.request(Method::DELETE, &container.uri)).await);
    daemon
        .advance_until(|snapshot| snapshot.get(id(&container)).is_none())
        .await;
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn removal_with_a_lost_response_succeeds() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let lost = EngineError::Unavailable("connection reset".to_owned());
    daemon.engine.fail_next(Point::After(Action::Remove), lost);
    daemon
        .client
        .remove(&container.container_id, RemoveMode::Graceful)
        .await
        .unwrap();
    assert_eq!(daemon.calls_of(Action::Remove), 1);
}

#[tokio::test]
async fn invalid_query_deletes_nothing() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let mut lines = Vec::new();
    for query in ["?force=perhaps", "?forse=true", "?audit=true"] {
        let response = send(daemon.request(Method::DELETE, &format!("{}{query}", container.uri))).await;
        lines.push(format!("{query} -> {}", response.problem()));
    }
    assert_lines!(lines);
    assert_eq!(daemon.get(&container).await, container);
}
