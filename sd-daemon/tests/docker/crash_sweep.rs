//! SIGKILL at each system call that writes to the disk, to Docker or to a client. After every kill the registry opens, the
//! daemon and Docker agree, and acknowledged changes are present.
//!
//! By default some of the calls are tested. `SD_CRASH_SWEEP=full` tests all of them and takes several minutes.

use sd_client::api::{Container, CreateContainer, RemoveMode, Status};
use sd_client::{Client, Error};

use crate::daemon::{Daemon, eventually};
use crate::docker::image;
use crate::strace::Injection;

/// The system calls that write the registry to the disk. Only its thread makes them.
const DISK_CALLS: &str = "pwrite64,fsync,fdatasync,ftruncate";
/// The system calls that send to Docker and to clients.
const SOCKET_CALLS: &str = "write,writev,sendto,connect,shutdown";

/// The numbers of the calls that are tested by default: the first ones, where an intent is written and sent, and later
/// ones.
const SAMPLE: [u32; 4] = [1, 2, 5, 12];
/// More calls of one kind than any operation makes.
const MAX_CALLS: u32 = 60;

fn call_numbers() -> Vec<u32> {
    match std::env::var("SD_CRASH_SWEEP").as_deref() {
        Ok("full") => (1..=MAX_CALLS).collect(),
        _ => SAMPLE.to_vec(),
    }
}

/// Sends a request to a daemon that is killed at a system call, and restarts it. Returns the response if there was one, and
/// whether the daemon was killed at that call.
async fn killed_at<T>(
    daemon: &mut Daemon,
    calls: &str,
    moment: u32,
    request: impl AsyncFnOnce(Client) -> Result<T, Error>,
) -> (Option<T>, bool) {
    let injection = Injection::into(daemon.pid(), calls, &format!("signal=KILL:when={moment}"));
    let answer = request(daemon.client()).await;
    drop(injection);
    let (acknowledged, was_killed) = match answer {
        Ok(answer) => (Some(answer), daemon.has_exited()),
        Err(Error::Unreachable { .. } | Error::Decode { .. }) => {
            // The connection closes before the process has exited.
            daemon.wait_for_exit().await;
            (None, true)
        }
        Err(error) => panic!("killed at call {moment} of {calls}: unexpected response: {error}"),
    };
    if !was_killed {
        daemon.kill();
    }
    daemon.restart().await;
    (acknowledged, was_killed)
}

/// Kills at one call after the other, until there are no more calls. A single miss does not end the sweep, because threads
/// share the work differently each time.
async fn sweep(mut round: impl AsyncFnMut(&str, u32) -> bool) {
    let mut hits = 0;
    for calls in [DISK_CALLS, SOCKET_CALLS] {
        let mut misses = 0;
        for moment in call_numbers() {
            if round(calls, moment).await {
                (hits, misses) = (hits + 1, 0);
            } else {
                misses += 1;
            }
            if misses == 3 {
                break;
            }
        }
    }
    assert!(
        hits >= 3,
        "the daemon was killed only {hits} times: the traced system calls are no longer used"
    );
}

fn is_among(id: &str, containers: &[Container]) -> bool {
    containers.iter().any(|container| container.container_id == id)
}

/// Waits until a container is stopped, or the daemon is gone.
async fn wait_until_stopped(client: &Client, id: &str) {
    eventually("the stop completes", async || match client.container(id).await {
        Ok(shown) => (shown.status == Status::Stopped).then_some(()),
        Err(_) => Some(()),
    })
    .await;
}

#[tokio::test]
async fn create_survives_a_kill_at_any_system_call() {
    let mut daemon = Daemon::start(&[]).await;
    sweep(async |calls, moment| {
        let key = crate::docker::random();
        let wanted = CreateContainer::of_image(image());
        let create = async |client: Client| client.create_once(&wanted, &key).await;
        let (created, was_killed) = killed_at(&mut daemon, calls, moment, create).await;
        let found = daemon.agrees_with_docker().await;
        assert!(found.len() <= 1, "call {moment} of {calls}: {found:?}");
        let again = daemon
            .client()
            .create_once(&wanted, &key)
            .await
            .expect("the create succeeds");
        if let Some(created) = created {
            assert!(
                is_among(&created.container_id, &found),
                "call {moment} of {calls}"
            );
            assert_eq!(again.container_id, created.container_id);
        }
        let found = daemon.agrees_with_docker().await;
        assert_eq!(found.len(), 1, "call {moment} of {calls}");
        let id = again.container_id;
        daemon
            .client()
            .remove(&id, RemoveMode::Force)
            .await
            .expect("the delete succeeds");
        was_killed
    })
    .await;
}

#[tokio::test]
async fn start_survives_a_kill_at_any_system_call() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    sweep(async |calls, moment| {
        daemon.client().stop(&id).await.expect("the stop succeeds");
        daemon.becomes(&id, Status::Stopped).await;
        let start = async |client: Client| client.start(&id).await;
        let (started, was_killed) = killed_at(&mut daemon, calls, moment, start).await;
        let found = daemon.agrees_with_docker().await;
        assert!(is_among(&id, &found), "call {moment} of {calls}");
        if started.is_some() {
            assert_eq!(found[0].status, Status::Running, "call {moment} of {calls}");
        }
        was_killed
    })
    .await;
}

#[tokio::test]
async fn stop_survives_a_kill_at_any_system_call() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    sweep(async |calls, moment| {
        daemon.client().start(&id).await.expect("the start succeeds");
        let stop = async |client: Client| {
            let stopped = client.stop(&id).await?;
            wait_until_stopped(&client, &id).await;
            Ok(stopped)
        };
        let (stopped, was_killed) = killed_at(&mut daemon, calls, moment, stop).await;
        let found = daemon.agrees_with_docker().await;
        assert!(is_among(&id, &found), "call {moment} of {calls}");
        if stopped.is_some() {
            assert_eq!(found[0].status, Status::Stopped, "call {moment} of {calls}");
        }
        was_killed
    })
    .await;
}

#[tokio::test]
async fn delete_survives_a_kill_at_any_system_call() {
    let mut daemon = Daemon::start(&[]).await;
    sweep(async |calls, moment| {
        let id = daemon.create().await.container_id;
        let remove = async |client: Client| client.remove(&id, RemoveMode::Graceful).await;
        let (removed, was_killed) = killed_at(&mut daemon, calls, moment, remove).await;
        let found = daemon.agrees_with_docker().await;
        if removed.is_some() {
            assert!(!is_among(&id, &found), "call {moment} of {calls}");
        }
        was_killed
    })
    .await;
}
