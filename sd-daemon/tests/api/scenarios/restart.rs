//! The daemon is killed during an operation and started again over the same registry and engine.

use reqwest::Method;
use sd_client::api::{ContainerQuery, CreateContainer, RemoveMode, Status, StopReason};
use sd_daemon::engine::fake::{Action, Point};
use serde_json::json;

use crate::support::{IMAGE, TestDaemon, id, send, with_timeout};

#[tokio::test]
async fn restart_keeps_acknowledged_state() {
    let daemon = TestDaemon::start();
    let (running, stopped) = (daemon.create().await, daemon.create_stopped().await);
    let request = daemon
        .request(Method::PATCH, &running.uri)
        .json(&json!({ "idle_timeout": "6h" }));
    assert_eq!(send(request).await.status, 200);
    let before = daemon
        .client
        .containers(&ContainerQuery::default())
        .await
        .unwrap();
    let daemon = daemon.kill_and_restart().await;
    assert_eq!(
        daemon
            .client
            .containers(&ContainerQuery::default())
            .await
            .unwrap(),
        before
    );
    assert_eq!(daemon.get(&stopped).await, stopped);
}

#[tokio::test]
async fn deleted_container_stays_deleted() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon
        .client
        .remove(&container.container_id, RemoveMode::Graceful)
        .await
        .unwrap();
    let daemon = daemon.kill_and_restart().await;
    let response = send(daemon.request(Method::GET, &container.uri)).await;
    assert_eq!(response.kind(), "404 container-not-found");
}

#[tokio::test]
async fn unacknowledged_create_is_removed() {
    let daemon = TestDaemon::start();
    let daemon = killed_while_creating(daemon, Point::After(Action::Create)).await;
    daemon
        .until_registry(|snapshot| snapshot.creations().next().is_none())
        .await;
    assert_eq!(
        daemon
            .client
            .containers(&ContainerQuery::default())
            .await
            .unwrap(),
        []
    );
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn create_that_never_reached_the_engine_expires() {
    let daemon = TestDaemon::start();
    let daemon = killed_while_creating(daemon, Point::Before(Action::Create)).await;
    daemon
        .advance_until(|snapshot| snapshot.creations().next().is_none())
        .await;
    assert_eq!(daemon.engine.containers(), []);
}

#[tokio::test]
async fn interrupted_start_is_completed() {
    for point in [Point::Before(Action::Start), Point::After(Action::Start)] {
        let daemon = killed_while_creating(TestDaemon::start(), point).await;
        daemon
            .until_registry(|snapshot| snapshot.records().any(|record| !record.addresses().is_empty()))
            .await;
        let containers = daemon
            .client
            .containers(&ContainerQuery::default())
            .await
            .unwrap();
        assert_eq!(
            (containers.len(), &containers[0].status),
            (1, &Status::Running),
            "{point:?}"
        );
        assert_eq!(daemon.engine.containers(), [id(&containers[0])], "{point:?}");
    }
}

#[tokio::test]
async fn interrupted_stop_is_completed() {
    for point in [Point::Before(Action::Stop), Point::After(Action::Stop)] {
        let daemon = TestDaemon::start();
        let container = daemon.create().await;
        let hold = daemon.engine.hold(point);
        daemon.client.stop(&container.container_id).await.unwrap();
        with_timeout(hold.reached()).await;
        let killed = daemon.kill().await;
        hold.release();
        let daemon = killed.restart().await;
        let seen = daemon.until_status(&container, Status::Stopped).await;
        assert_eq!(seen.stop_reason, Some(StopReason::Requested), "{point:?}");
    }
}

#[tokio::test]
async fn interrupted_removal_is_completed() {
    for point in [
        Point::Before(Action::Stop),
        Point::Before(Action::Remove),
        Point::After(Action::Remove),
    ] {
        let daemon = TestDaemon::start();
        let container = daemon.create().await;
        let hold = daemon.engine.hold(point);
        tokio::select! {
            removed = daemon.client.remove(&container.container_id, RemoveMode::Graceful) => {
                panic!("the removal was answered: {removed:?}")
            }
            () = with_timeout(hold.reached()) => {}
        }
        let killed = daemon.kill().await;
        hold.release();
        let daemon = killed.restart().await;
        daemon.until_gone(&container).await;
        assert_eq!(daemon.engine.containers(), [], "{point:?}");
    }
}

#[tokio::test]
async fn changes_during_downtime_are_detected() {
    let daemon = TestDaemon::start();
    let (gone, ended) = (daemon.create().await, daemon.create().await);
    let started = daemon.create_stopped().await;
    let killed = daemon.kill().await;
    killed.engine.remove_externally(id(&gone));
    killed.engine.exit(id(&ended));
    killed.engine.start_externally(id(&started));
    let daemon = killed.restart().await;
    daemon.until_gone(&gone).await;
    daemon.until_status(&ended, Status::Stopped).await;
    daemon.until_status(&started, Status::Running).await;
}

#[tokio::test]
async fn daemon_starts_without_engine_and_keeps_statuses() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let killed = daemon.kill().await;
    killed.engine.disconnect();
    killed.engine.exit(id(&container));
    let daemon = killed.restart().await;
    assert_eq!(daemon.get(&container).await.status, Status::Running);
    let response = send(daemon.anonymous(Method::GET, "/readyz")).await;
    assert_eq!(response.kind(), "503 not-ready");
    daemon.engine.reconnect();
    daemon.until_status(&container, Status::Stopped).await;
    daemon.client.ready().await.unwrap();
}

#[tokio::test]
async fn idempotency_key_survives_a_restart() {
    let daemon = TestDaemon::start();
    let wanted = CreateContainer::of_image(IMAGE);
    let container = daemon.client.create_once(&wanted, "one").await.unwrap();
    let daemon = daemon.kill_and_restart().await;
    assert_eq!(
        daemon.client.create_once(&wanted, "one").await.unwrap(),
        container
    );
    assert_eq!(daemon.calls_of(Action::Create), 1);
}

#[tokio::test]
async fn repeated_create_after_a_crash_makes_one_container() {
    let points = [
        Point::Before(Action::Create),
        Point::After(Action::Create),
        Point::Before(Action::Start),
        Point::After(Action::Start),
    ];
    for point in points {
        let daemon = killed_while_creating(TestDaemon::start(), point).await;
        let wanted = CreateContainer::of_image(IMAGE);
        let container = with_timeout(daemon.client.create_once(&wanted, "one"))
            .await
            .unwrap();
        assert_eq!(container.status, Status::Running, "{point:?}");
        daemon
            .advance_until(|snapshot| snapshot.creations().next().is_none())
            .await;
        assert_eq!(daemon.engine.containers(), [id(&container)], "{point:?}");
    }
}

#[tokio::test]
async fn repeated_create_after_a_crash_reuses_its_name() {
    let daemon = TestDaemon::start();
    let hold = daemon.engine.hold(Point::After(Action::Create));
    let wanted = CreateContainer {
        name: Some("db".to_owned()),
        ..CreateContainer::of_image(IMAGE)
    };
    tokio::select! {
        created = daemon.client.create_once(&wanted, "one") => panic!("the create was answered: {created:?}"),
        () = with_timeout(hold.reached()) => {}
    }
    let killed = daemon.kill().await;
    hold.release();
    // Holds the removal of the first container, which still owns the name.
    let hold = killed.engine.hold(Point::Before(Action::Remove));
    let daemon = killed.restart().await;
    with_timeout(hold.reached()).await;
    let repeated = daemon.client.create_once(&wanted, "one");
    tokio::pin!(repeated);
    // The daemon has one worker thread: it has read the create before it answers two later requests.
    let later_requests = async {
        for _ in 0..2 {
            let all = ContainerQuery::default();
            daemon.client.containers(&all).await.unwrap();
        }
    };
    tokio::select! {
        created = &mut repeated => panic!("the create did not wait for its name: {created:?}"),
        () = later_requests => {}
    }
    hold.release();
    let container = with_timeout(repeated).await.unwrap();
    assert_eq!(container.name, "/db");
    assert_eq!(daemon.engine.containers(), [id(&container)]);
}

#[tokio::test]
async fn activity_survives_a_restart() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    assert_eq!(daemon.check_in(&container, 7).await, 204);
    let daemon = daemon.kill_and_restart().await;
    assert_eq!(daemon.get(&container).await.active, 7);
}

/// Kills the daemon when a create reaches this point, and starts it again.
async fn killed_while_creating(daemon: TestDaemon, point: Point) -> TestDaemon {
    let hold = daemon.engine.hold(point);
    let wanted = CreateContainer::of_image(IMAGE);
    tokio::select! {
        created = daemon.client.create_once(&wanted, "one") => panic!("the create was answered: {created:?}"),
        () = with_timeout(hold.reached()) => {}
    }
    let killed = daemon.kill().await;
    hold.release();
    killed.restart().await
}
