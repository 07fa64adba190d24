//! SIGKILL during a request. After a restart, acknowledged changes are present, unacknowledged ones are completed or undone,
//! and there are no orphaned containers.

use std::time::Duration;

use sd_client::api::{CreateContainer, RemoveMode, Status};

use crate::daemon::Daemon;
use crate::docker::image;

/// Delays until the kill in milliseconds: from before the intent is written to after the response is sent.
const MOMENTS: [u64; 8] = [0, 3, 10, 30, 80, 150, 250, 400];

/// Runs a request for a while, kills the daemon and restarts it. Returns the response if it came before the kill.
async fn interrupted<T>(
    daemon: &mut Daemon,
    millis: u64,
    request: impl Future<Output = Result<T, sd_client::Error>>,
) -> Option<T> {
    let answer = tokio::time::timeout(Duration::from_millis(millis), request).await;
    daemon.kill();
    daemon.restart().await;
    answer
        .ok()
        .map(|answer| answer.expect("a response before the kill is a success"))
}

#[tokio::test]
async fn kill_during_create_keeps_acknowledged_containers() {
    let mut daemon = Daemon::start(&[]).await;
    let mut acknowledged = Vec::new();
    for millis in MOMENTS {
        let client = daemon.client();
        let create = async { client.create(&CreateContainer::of_image(image())).await };
        let created = interrupted(&mut daemon, millis, create).await;
        acknowledged.extend(created.map(|container| container.container_id));
        let containers = daemon.agrees_with_docker().await;
        for id in &acknowledged {
            let is_running = |container: &&sd_client::api::Container| container.status == Status::Running;
            let found = containers
                .iter()
                .filter(is_running)
                .any(|container| container.container_id == *id);
            assert!(found, "{id} was acknowledged");
        }
    }
}

#[tokio::test]
async fn kill_during_create_with_a_key_yields_one_container() {
    let mut daemon = Daemon::start(&[]).await;
    for millis in MOMENTS {
        let key = crate::docker::random();
        let client = daemon.client();
        let wanted = CreateContainer::of_image(image());
        let first = interrupted(&mut daemon, millis, async {
            client.create_once(&wanted, &key).await
        })
        .await;
        let again = daemon
            .client()
            .create_once(&wanted, &key)
            .await
            .expect("the create succeeds");
        if let Some(first) = first {
            assert_eq!(again.container_id, first.container_id);
        }
        let containers = daemon.agrees_with_docker().await;
        assert_eq!(containers.len(), 1, "killed after {millis} ms");
        daemon
            .client()
            .remove(&again.container_id, RemoveMode::Force)
            .await
            .expect("the delete succeeds");
    }
}

#[tokio::test]
async fn kill_during_stop_keeps_an_acknowledged_stop() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    for millis in MOMENTS {
        let client = daemon.client();
        let acknowledged = interrupted(&mut daemon, millis, async { client.stop(&id).await }).await;
        daemon.agrees_with_docker().await;
        if acknowledged.is_some() {
            assert_eq!(
                daemon.show(&id).await.status,
                Status::Stopped,
                "killed after {millis} ms"
            );
        }
        daemon.client().start(&id).await.expect("the start succeeds");
    }
}

#[tokio::test]
async fn kill_during_delete_keeps_an_acknowledged_delete() {
    let mut daemon = Daemon::start(&[]).await;
    for millis in MOMENTS {
        let id = daemon.create().await.container_id;
        let client = daemon.client();
        let remove = async { client.remove(&id, RemoveMode::Graceful).await };
        let acknowledged = interrupted(&mut daemon, millis, remove).await;
        let containers = daemon.agrees_with_docker().await;
        if acknowledged.is_some() {
            assert!(
                containers.iter().all(|container| container.container_id != id),
                "{id} was removed"
            );
        }
    }
}
