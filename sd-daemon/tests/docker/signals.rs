//! SIGTERM while idle and during operations: the daemon exits within its limit, containers keep running, and operations in
//! progress are completed, if necessary after the next start.

use std::time::Duration;

use sd_client::api::{CreateContainer, Status};

use crate::daemon::{Daemon, eventually};
use crate::docker::{docker, image};

/// A container that ignores SIGTERM. Docker kills it after ten seconds.
async fn create_ignoring_sigterm(daemon: &Daemon) -> String {
    let command = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"];
    let wanted = CreateContainer {
        cmd: command.map(str::to_owned).to_vec(),
        ..CreateContainer::of_image(image())
    };
    daemon
        .client()
        .create(&wanted)
        .await
        .expect("the create succeeds")
        .container_id
}

fn docker_status(id: &str) -> String {
    docker(&["inspect", "--format", "{{.State.Status}}", id])
}

#[tokio::test]
async fn sigterm_while_idle_leaves_containers_running() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(docker_status(&id), "running");
    daemon.restart().await;
    assert_eq!(daemon.agrees_with_docker().await[0].status, Status::Running);
}

#[tokio::test]
async fn sigterm_during_a_stop_waits_for_the_stop() {
    let mut daemon = Daemon::start(&[]).await;
    let id = create_ignoring_sigterm(&daemon).await;
    assert_eq!(
        daemon
            .client()
            .stop(&id)
            .await
            .expect("the request succeeds")
            .status,
        Status::Stopping
    );
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(docker_status(&id), "exited", "the stop was completed");
    daemon.restart().await;
    assert_eq!(daemon.agrees_with_docker().await[0].status, Status::Stopped);
}

#[tokio::test]
async fn second_sigterm_exits_immediately() {
    let mut daemon = Daemon::start(&[]).await;
    let id = create_ignoring_sigterm(&daemon).await;
    daemon.client().stop(&id).await.expect("the request succeeds");
    daemon.signal("TERM");
    eventually("the first signal is handled", async || {
        daemon
            .log()
            .contains("stopping; containers keep running")
            .then_some(())
    })
    .await;
    assert_eq!(daemon.terminate(), Some(1));
    assert_eq!(
        docker_status(&id),
        "running",
        "the daemon did not wait for the stop"
    );
    daemon.restart().await;
    daemon.becomes(&id, Status::Stopped).await;
    daemon.agrees_with_docker().await;
}

#[tokio::test]
async fn sigterm_during_a_create_completes_or_undoes_it() {
    for millis in [0, 20, 80] {
        let mut daemon = Daemon::start(&[]).await;
        let client = daemon.client();
        let wanted = CreateContainer::of_image(image());
        let create = client.create(&wanted);
        let ended = async {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            daemon.signal("TERM");
        };
        let (created, ()) = tokio::join!(create, ended);
        assert_eq!(daemon.wait_for_exit().await, Some(0));
        daemon.restart().await;
        let found = daemon.agrees_with_docker().await;
        if let Ok(created) = created {
            assert_eq!(
                found.len(),
                1,
                "the create was acknowledged, SIGTERM after {millis} ms"
            );
            assert_eq!(found[0].container_id, created.container_id);
        }
    }
}
