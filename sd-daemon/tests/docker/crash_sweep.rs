//! kill -9 at one call to the kernel after the other: what is written to the disk, and what is said to Docker and to
//! clients. Wherever it hits, the registry opens, the daemon and Docker agree, and what was acknowledged is so.
//!
//! The calls of a few points are enough to find what is broken for good; `SD_CRASH_SWEEP=full` kills at every one of
//! them and takes some minutes.

use sd_client::api::{Container, CreateContainer, RemoveMode, Status};
use sd_client::{Client, Error};

use crate::daemon::{Daemon, eventually};
use crate::docker::image;
use crate::strace::Injection;

/// How the registry gets to the disk. Its thread makes them all.
const TO_THE_DISK: &str = "pwrite64,fsync,fdatasync,ftruncate";
/// How anything gets to Docker and to clients.
const TO_OTHERS: &str = "write,writev,sendto,connect,shutdown";

/// The calls at which it is killed: the first ones, where an intent is written and sent, and some of those after.
const SOME: [u32; 4] = [1, 2, 5, 12];
/// More calls of one kind than any operation makes.
const MOST: u32 = 60;

fn moments() -> Vec<u32> {
    match std::env::var("SD_CRASH_SWEEP").as_deref() {
        Ok("full") => (1..=MOST).collect(),
        _ => SOME.to_vec(),
    }
}

/// Lets a request be made to a daemon that is killed at a call, and starts that again. Gives what was acknowledged,
/// and whether it was killed at all.
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
        Ok(answer) => (Some(answer), daemon.has_ended()),
        Err(Error::Unreachable { .. } | Error::Decode { .. }) => {
            // The connection ends before the process has.
            daemon.ends().await;
            (None, true)
        }
        Err(error) => panic!("killed at call {moment} of {calls}, it answered: {error}"),
    };
    if !was_killed {
        daemon.kill();
    }
    daemon.restart().await;
    (acknowledged, was_killed)
}

/// Kills at one moment after the other, as long as there are calls to kill at. Threads share the work differently
/// each time, so that one miss means little.
async fn sweep(mut round: impl AsyncFnMut(&str, u32) -> bool) {
    let mut hits = 0;
    for calls in [TO_THE_DISK, TO_OTHERS] {
        let mut misses = 0;
        for moment in moments() {
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
        "it was killed {hits} times: the calls have other names by now"
    );
}

fn is_among(id: &str, containers: &[Container]) -> bool {
    containers.iter().any(|container| container.container_id == id)
}

/// Waits until a container is at rest, or the daemon is gone.
async fn is_at_rest(client: &Client, id: &str) {
    eventually("the stop ends", async || match client.container(id).await {
        Ok(shown) => (shown.status == Status::Stopped).then_some(()),
        Err(_) => Some(()),
    })
    .await;
}

#[tokio::test]
async fn a_create() {
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
            .expect("it is created");
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
            .expect("it is removed");
        was_killed
    })
    .await;
}

#[tokio::test]
async fn a_start() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    sweep(async |calls, moment| {
        daemon.client().stop(&id).await.expect("it stops");
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
async fn a_stop() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    sweep(async |calls, moment| {
        daemon.client().start(&id).await.expect("it starts");
        let stop = async |client: Client| {
            let stopped = client.stop(&id).await?;
            is_at_rest(&client, &id).await;
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
async fn a_delete() {
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
