//! Changes made directly at the engine, and how the daemon detects them.

use std::time::Duration;

use reqwest::Method;
use sd_client::api::{Container, ContainerQuery, Status, StopReason};
use sd_daemon::engine::fake::{Action, Point};

use crate::support::{TestDaemon, id, send, with_timeout};

#[tokio::test]
async fn external_stop_is_detected() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.stop_externally(id(&container));
    let seen = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(
        (seen.stop_reason, seen.ports.len()),
        (Some(StopReason::External), 0)
    );
}

#[tokio::test]
async fn exit_is_detected() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.exit(id(&container));
    let seen = daemon.until_status(&container, Status::Stopped).await;
    assert_eq!(seen.stop_reason, Some(StopReason::Exited));
}

#[tokio::test]
async fn external_start_is_detected_with_its_new_ports() {
    let daemon = TestDaemon::start();
    let container = daemon.create_stopped().await;
    daemon.clock.advance(Duration::from_secs(60));
    daemon.engine.start_externally(id(&container));
    let seen = daemon.until_status(&container, Status::Running).await;
    assert_eq!((seen.ssh_port, seen.app_port), (Some(49155), Some(49156)));
    assert_eq!(seen.started_at.unwrap().to_string(), "2026-03-01T14:03:11.250Z");
}

#[tokio::test]
async fn external_restart_updates_the_ports() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.stop_externally(id(&container));
    daemon.engine.start_externally(id(&container));
    let seen = daemon
        .until(&container, |seen| seen.ssh_port == Some(49155))
        .await;
    assert_eq!(seen.status, Status::Running);
}

#[tokio::test]
async fn external_removal_is_detected() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.remove_externally(id(&container));
    daemon.until_gone(&container).await;
    let response = send(daemon.request(Method::GET, &container.uri)).await;
    assert_eq!(response.kind(), "404 container-not-found");
}

#[tokio::test]
async fn external_pause_keeps_the_ports() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.pause_externally(id(&container));
    let paused = daemon.until_status(&container, Status::Paused).await;
    assert_eq!(
        (&paused.ports, paused.stops_at, paused.stop_reason),
        (&container.ports, None, None)
    );
    daemon.engine.unpause_externally(id(&container));
    assert_eq!(daemon.until_status(&container, Status::Running).await, container);
}

#[tokio::test]
async fn external_rename_is_detected() {
    let daemon = TestDaemon::start();
    let container = daemon.create_named("hungry_bell").await;
    daemon
        .engine
        .rename_externally(id(&container), "quiet_bell".parse().unwrap());
    daemon.until(&container, |seen| seen.name == "/quiet_bell").await;
    assert_eq!(
        daemon.client.container("quiet_bell").await.unwrap().container_id,
        container.container_id
    );
    assert!(daemon.client.container("hungry_bell").await.is_err());
}

#[tokio::test]
async fn audit_detects_changes_without_events() {
    let daemon = TestDaemon::without_tasks();
    let [gone, ended, started, kept] = four_containers(&daemon).await;
    let containers = audit(&daemon).await;
    let status = |container: &Container| {
        let mut found = containers
            .iter()
            .filter(|other| other.container_id == container.container_id);
        found.next().map(|found| found.status.clone())
    };
    assert_eq!(status(&gone), None);
    assert_eq!(status(&ended), Some(Status::Stopped));
    assert_eq!(status(&started), Some(Status::Running));
    assert_eq!(status(&kept), Some(Status::Running));
}

#[tokio::test]
async fn list_without_audit_returns_the_known_state() {
    let daemon = TestDaemon::without_tasks();
    let [gone, ended, started, _] = four_containers(&daemon).await;
    for container in [gone, ended, started] {
        assert_eq!(daemon.get(&container).await, container);
    }
}

#[tokio::test]
async fn audit_is_idempotent_and_does_not_count_as_activity() {
    let daemon = TestDaemon::without_tasks();
    let container = daemon.create().await;
    daemon.clock.advance(Duration::from_secs(60));
    assert_eq!(audit(&daemon).await, [container]);
    four_containers(&daemon).await;
    let once = audit(&daemon).await;
    daemon.clock.advance(Duration::from_secs(60));
    assert_eq!(audit(&daemon).await, once);
}

#[tokio::test]
async fn audit_keeps_containers_that_cannot_be_inspected() {
    let daemon = TestDaemon::without_tasks();
    let [gone, ended, started, kept] = four_containers(&daemon).await;
    daemon.engine.block_inspections(id(&gone));
    let response = send(daemon.request(Method::GET, "/v1/containers?audit=true")).await;
    assert_eq!(response.kind(), "504 engine-timeout");
    assert_eq!(
        daemon.get(&gone).await,
        gone,
        "a container that cannot be inspected is kept"
    );
    assert_eq!(daemon.get(&ended).await.status, Status::Stopped);
    assert_eq!(daemon.get(&started).await.status, Status::Running);
    assert_eq!(daemon.get(&kept).await, kept);
    daemon.engine.unblock_inspections(id(&gone));
    assert_eq!(audit(&daemon).await.len(), 3);
}

#[tokio::test]
async fn missed_events_are_reconciled_within_a_minute() {
    let daemon = TestDaemon::start();
    daemon.engine.suppress_events();
    let [gone, ended, started, _] = four_containers(&daemon).await;
    daemon.clock.advance(Duration::from_secs(60));
    daemon.until_gone(&gone).await;
    daemon.until_status(&ended, Status::Stopped).await;
    daemon.until_status(&started, Status::Running).await;
}

#[tokio::test]
async fn changes_during_an_engine_outage_are_detected_afterwards() {
    let daemon = TestDaemon::start();
    let containers = [
        daemon.create().await,
        daemon.create().await,
        daemon.create_stopped().await,
    ];
    let [gone, ended, started] = &containers;
    daemon.engine.disconnect();
    daemon.engine.remove_externally(id(gone));
    daemon.engine.stop_externally(id(ended));
    daemon.engine.start_externally(id(started));
    daemon.engine.reconnect();
    daemon.until_gone(gone).await;
    daemon.until_status(ended, Status::Stopped).await;
    daemon.until_status(started, Status::Running).await;
}

#[tokio::test]
async fn change_after_the_final_inspect_of_an_operation_is_detected() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    daemon.engine.suppress_events();
    let stop = daemon.engine.hold(Point::Before(Action::Stop));
    daemon.client.stop(&container.container_id).await.unwrap();
    with_timeout(stop.reached()).await;
    let inspect = daemon.engine.hold(Point::After(Action::Inspect));
    stop.release();
    with_timeout(inspect.reached()).await;
    // The stop has inspected the stopped container, but has not recorded the result.
    daemon.engine.start_externally(id(&container));
    audit(&daemon).await;
    inspect.release();
    daemon.until_status(&container, Status::Running).await;
}

#[tokio::test]
async fn container_with_a_forged_label_is_not_touched() {
    let daemon = TestDaemon::start();
    let container = daemon.create().await;
    let forged = "0123456789abcdef0123456789abcdef".parse().unwrap();
    let foreign = daemon.engine.create_externally("forged", Some(forged));
    daemon.engine.start_externally(foreign);
    daemon.clock.advance(Duration::from_secs(3600));
    assert_eq!(audit(&daemon).await.len(), 1);
    assert!(daemon.client.container("forged").await.is_err());
    assert_eq!(daemon.changes(), [Action::Create, Action::Start]);
    assert_eq!(daemon.engine.containers().len(), 2);
    assert_eq!(daemon.get(&container).await.status, Status::Running);
}

/// Creates four containers and changes three at the engine: removed, stopped, started, unchanged.
async fn four_containers(daemon: &TestDaemon) -> [Container; 4] {
    let (gone, ended) = (daemon.create().await, daemon.create().await);
    let (started, kept) = (daemon.create_stopped().await, daemon.create().await);
    daemon.engine.remove_externally(id(&gone));
    daemon.engine.stop_externally(id(&ended));
    daemon.engine.start_externally(id(&started));
    [gone, ended, started, kept]
}

async fn audit(daemon: &TestDaemon) -> Vec<Container> {
    let query = ContainerQuery {
        audit: true,
        ..ContainerQuery::default()
    };
    daemon.client.containers(&query).await.unwrap()
}
