//! Changes made on the host with `docker` are followed.

use std::time::Duration;

use sd_client::api::{Container, RemoveMode, Status, StopReason};

use crate::daemon::{Daemon, within};
use crate::docker::docker;

/// Shorter than the interval of the periodic reconcile, so that only events can explain the change.
const EVENT_LIMIT: Duration = Duration::from_secs(15);

async fn follows(
    daemon: &Daemon,
    id: &str,
    what: &str,
    has_changed: impl Fn(&Container) -> bool,
) -> Container {
    within(EVENT_LIMIT, what, async || {
        Some(daemon.show(id).await).filter(&has_changed)
    })
    .await
}

#[tokio::test]
async fn external_stop_kill_and_start_are_followed() {
    let daemon = Daemon::start(&[]).await;
    let created = daemon.create().await;
    let id = &created.container_id;
    docker(&["stop", id]);
    let stopped = follows(&daemon, id, "stopped", |shown| shown.status == Status::Stopped).await;
    assert_eq!(stopped.stop_reason, Some(StopReason::External));
    assert!(stopped.ports.is_empty());
    docker(&["start", id]);
    follows(&daemon, id, "running", |shown| shown.status == Status::Running).await;
    docker(&["kill", id]);
    let killed = follows(&daemon, id, "killed", |shown| shown.status == Status::Stopped).await;
    assert_eq!(
        (killed.stop_reason, killed.ports.len()),
        (Some(StopReason::External), 0)
    );
    docker(&["start", id]);
    let started = follows(&daemon, id, "running", |shown| shown.status == Status::Running).await;
    assert!(
        started.stops_at > created.stops_at,
        "a new run gets a new deadline"
    );
}

#[tokio::test]
async fn external_restart_updates_the_ports() {
    let daemon = Daemon::start(&[]).await;
    let created = daemon.create().await;
    let id = &created.container_id;
    docker(&["restart", id]);
    let port = docker(&["port", id, "8000/tcp"]);
    let port: u16 = port
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("the port is published");
    follows(&daemon, id, "the new port", |shown| shown.app_port == Some(port)).await;
}

#[tokio::test]
async fn external_pause_and_rename_are_followed() {
    let daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    docker(&["pause", &id]);
    follows(&daemon, &id, "paused", |shown| shown.status == Status::Paused).await;
    docker(&["unpause", &id]);
    follows(&daemon, &id, "running", |shown| shown.status == Status::Running).await;
    let name = format!("renamed-{}", &id[..12]);
    docker(&["rename", &id, &name]);
    follows(&daemon, &id, "renamed", |shown| shown.name == format!("/{name}")).await;
}

#[tokio::test]
async fn external_removal_is_followed_and_delete_succeeds() {
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
    within(EVENT_LIMIT, "both containers are gone", async || {
        daemon.list().await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn changes_while_the_daemon_is_down_are_followed() {
    let mut daemon = Daemon::start(&[]).await;
    let stopped = daemon.create().await.container_id;
    let removed = daemon.create().await.container_id;
    let kept = daemon.create().await.container_id;
    daemon.kill();
    docker(&["stop", &stopped]);
    docker(&["rm", "--force", &removed]);
    daemon.restart().await;
    follows(&daemon, &stopped, "stopped", |shown| {
        shown.status == Status::Stopped
    })
    .await;
    follows(&daemon, &kept, "running", |shown| shown.status == Status::Running).await;
    let containers = daemon.agrees_with_docker().await;
    assert_eq!(containers.len(), 2);
}

/// Docker lists a container until its removal is complete, and refuses to start it meanwhile. The start is sent at several
/// moments of the removal.
#[tokio::test]
async fn start_during_an_external_removal_returns_404() {
    let daemon = Daemon::start(&[]).await;
    for millis in (15..=75).step_by(15) {
        let id = daemon.create().await.container_id;
        daemon.client().stop(&id).await.expect("the daemon is running");
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
