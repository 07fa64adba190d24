//! What others do on the host, with docker alone, is seen soon.

use std::time::Duration;

use sd_client::api::{Container, RemoveMode, Status, StopReason};

use crate::daemon::{Daemon, within};
use crate::docker::docker;

/// Sooner than everything is looked at anyhow.
const SOON: Duration = Duration::from_secs(15);

async fn soon(daemon: &Daemon, id: &str, what: &str, is_so: impl Fn(&Container) -> bool) -> Container {
    within(SOON, what, async || Some(daemon.show(id).await).filter(&is_so)).await
}

#[tokio::test]
async fn a_stop_a_kill_and_a_start_are_followed() {
    let daemon = Daemon::start(&[]).await;
    let created = daemon.create().await;
    let id = &created.container_id;
    docker(&["stop", id]);
    let stopped = soon(&daemon, id, "stopped", |shown| shown.status == Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::External));
    assert!(stopped.ports.is_empty());
    docker(&["start", id]);
    soon(&daemon, id, "running", |shown| shown.status == Status::Running).await;
    docker(&["kill", id]);
    let killed = soon(&daemon, id, "killed", |shown| shown.status == Status::Stopped).await;
    assert_eq!(
        (killed.stop_reason, killed.ports.len()),
        (Some(StopReason::External), 0)
    );
    docker(&["start", id]);
    let started = soon(&daemon, id, "running", |shown| shown.status == Status::Running).await;
    assert!(started.stops_at > created.stops_at, "a new run has a fresh clock");
}

#[tokio::test]
async fn a_restart_gives_new_ports() {
    let daemon = Daemon::start(&[]).await;
    let created = daemon.create().await;
    let id = &created.container_id;
    docker(&["restart", id]);
    let port = docker(&["port", id, "8000/tcp"]);
    let port: u16 = port
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("it is published");
    soon(&daemon, id, "the new port", |shown| shown.app_port == Some(port)).await;
}

#[tokio::test]
async fn a_pause_and_a_rename_are_followed() {
    let daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    docker(&["pause", &id]);
    soon(&daemon, &id, "paused", |shown| shown.status == Status::Paused).await;
    docker(&["unpause", &id]);
    soon(&daemon, &id, "running", |shown| shown.status == Status::Running).await;
    let name = format!("renamed-{}", &id[..12]);
    docker(&["rename", &id, &name]);
    soon(&daemon, &id, "renamed", |shown| shown.name == format!("/{name}")).await;
}

#[tokio::test]
async fn a_removal_is_followed_and_a_delete_after_it_is_no_error_of_ours() {
    let daemon = Daemon::start(&[]).await;
    let followed = daemon.create().await.container_id;
    let deleted = daemon.create().await.container_id;
    docker(&["rm", "--force", &followed, &deleted]);
    if let Err(error) = daemon.client().remove(&deleted, RemoveMode::Graceful).await {
        assert_eq!(
            error.problem().map(|problem| problem.status),
            Some(404),
            "{error}"
        );
    }
    within(SOON, "both are gone", async || {
        daemon.list().await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_happened_while_the_daemon_was_away_is_seen_when_it_is_back() {
    let mut daemon = Daemon::start(&[]).await;
    let stopped = daemon.create().await.container_id;
    let removed = daemon.create().await.container_id;
    let kept = daemon.create().await.container_id;
    daemon.kill();
    docker(&["stop", &stopped]);
    docker(&["rm", "--force", &removed]);
    daemon.restart().await;
    soon(&daemon, &stopped, "stopped", |shown| {
        shown.status == Status::Stopped
    })
    .await;
    soon(&daemon, &kept, "running", |shown| shown.status == Status::Running).await;
    let containers = daemon.agrees_with_docker().await;
    assert_eq!(containers.len(), 2);
}

/// Docker shows a container until it is removed completely, and refuses to start it meanwhile.
#[tokio::test]
async fn a_start_while_somebody_removes_the_container_finds_none() {
    let daemon = Daemon::start(&[]).await;
    for millis in (15..=75).step_by(15) {
        let id = daemon.create().await.container_id;
        daemon.client().stop(&id).await.expect("it runs");
        daemon.becomes(&id, Status::Stopped).await;
        let removal = tokio::process::Command::new("docker")
            .args(["rm", "--force", "--volumes", &id])
            .output();
        let start = async {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            daemon.client().start(&id).await
        };
        let (removed, started) = tokio::join!(removal, start);
        assert!(removed.expect("the docker client is installed").status.success());
        if let Err(error) = started {
            let status = error.problem().map(|problem| problem.status);
            assert_eq!(status, Some(404), "after {millis} ms: {error}");
        }
    }
}
