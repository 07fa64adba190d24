//! `DELETE /v1/containers/{ref}`

use reqwest::Method;
use sd_client::api::{ContainerQuery, RemoveMode, Status};
use sd_daemon::engine::EngineError;
use sd_daemon::engine::fake::{Action, Point};

use crate::support::{Answer, TestDaemon, id, in_time, kind};

#[tokio::test]
async fn a_deleted_container_is_gone_with_its_volume_and_stays_unknown() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let volume = daemon.engine.volume_of(id(&container)).unwrap();
    let answer = Answer::to(daemon.request(Method::DELETE, &container.uri)).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert!(!daemon.engine.has_volume(&volume));
    for method in [Method::GET, Method::DELETE] {
        let answer = Answer::to(daemon.request(method, &container.uri)).await;
        assert_eq!(answer.kind(), kind(404, "container-not-found"));
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
async fn a_running_container_is_stopped_before_it_is_removed() {
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
async fn force_removes_without_asking_the_container() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let answer = Answer::to(daemon.request(Method::DELETE, &format!("{}?force=true", container.uri))).await;
    assert_eq!(answer.status, 204);
    assert_eq!(daemon.changes(), [Action::Create, Action::Start, Action::Remove]);
}

#[tokio::test]
async fn a_stopped_container_can_be_deleted() {
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
async fn a_container_that_somebody_removed_can_be_deleted() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    daemon.engine.remove_behind_back(id(&container));
    assert_eq!(
        Answer::to(daemon.request(Method::DELETE, &container.uri))
            .await
            .status,
        204
    );
    assert_eq!(
        Answer::to(daemon.request(Method::GET, &container.uri))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_container_that_is_removed_shows_as_stopping_until_it_is_gone() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Remove));
    let (removed, ()) = tokio::join!(
        daemon
            .client
            .remove(&container.container_id, RemoveMode::Graceful),
        async {
            hold.reached().await;
            assert_eq!(daemon.look(&container).await.status, Status::Stopping);
            hold.release();
        }
    );
    removed.unwrap();
    daemon.until_gone(&container).await;
}

#[tokio::test]
async fn a_deletion_waits_for_the_stop_that_is_under_way() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let hold = daemon.engine.hold(Point::Before(Action::Stop));
    daemon.client.stop(&container.container_id).await.unwrap();
    in_time(hold.reached()).await;
    let remove = daemon
        .client
        .remove(&container.container_id, RemoveMode::Graceful);
    let (removed, ()) = tokio::join!(remove, async { hold.release() });
    removed.unwrap();
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn a_container_can_be_deleted_while_it_is_created() {
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
async fn of_two_deletions_one_finds_nothing_left() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let delete = || async {
        Answer::to(daemon.request(Method::DELETE, &container.uri))
            .await
            .status
    };
    let (first, second) = tokio::join!(delete(), delete());
    let mut statuses = [first, second];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
    assert_eq!(daemon.calls_of(Action::Remove), 1);
}

#[tokio::test]
async fn a_name_is_free_again_after_a_deletion() {
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
async fn a_deletion_that_the_engine_refuses_is_tried_again() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.fail_next(
        Point::Before(Action::Remove),
        EngineError::Rejected("device is busy".to_owned()),
    );
    let answer = Answer::to(daemon.request(Method::DELETE, &container.uri)).await;
    assert_eq!(answer.kind(), kind(502, "engine-rejected"));
    daemon
        .as_time_passes(|snapshot| snapshot.get(id(&container)).is_none())
        .await;
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn a_deletion_whose_answer_is_lost_is_a_deletion() {
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
async fn a_query_that_is_not_understood_deletes_nothing() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    for query in ["?force=perhaps", "?forse=true", "?audit=true"] {
        let answer = Answer::to(daemon.request(Method::DELETE, &format!("{}{query}", container.uri))).await;
        assert_eq!(answer.kind(), kind(422, "malformed-request"), "{query}");
    }
    assert_eq!(daemon.look(&container).await, container);
}
