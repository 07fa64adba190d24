//! The engine hangs, is killed, or is missing when the daemon starts. Reads continue, no container is considered
//! stopped, changes are refused with a reason, and the daemon recovers by itself.

use std::time::{Duration, Instant};

use sd_client::api::{Container, CreateContainer, RemoveMode, Status};

use crate::daemon::{Daemon, eventually};
use crate::docker::image;
use crate::fault_proxy::FaultProxy;
use crate::private_engine::PrivateEngine;

/// The variable with the duration of a hang in seconds.
const HANG: &str = "SPIN_DOCKER_TEST_HANG";

/// The duration of a hang without the variable.
const SHORT_HANG: u64 = 6;
/// The limit of a read on a busy machine. A read that waits for the engine takes as long as the hang.
const READ_LIMIT: Duration = Duration::from_secs(2);

/// The default address is in the network namespace of the private engine.
const OPTIONS: [&str; 2] = ["--check-in-listen", "127.0.0.1:0"];

async fn over(engine: &PrivateEngine) -> Daemon {
    let daemon = Daemon::start_over(&engine.host(), &OPTIONS);
    daemon.wait_until_ready().await;
    daemon
}

/// Creates two running containers and a stopped one.
async fn three_containers(daemon: &Daemon) -> Vec<Container> {
    let brief = CreateContainer {
        cmd: vec!["/bin/true".to_owned()],
        ..CreateContainer::of_image(image())
    };
    let stopped = daemon.client().create(&brief).await.expect("create succeeds");
    daemon.becomes(&stopped.container_id, Status::Stopped).await;
    for _ in 0..2 {
        daemon.create().await;
    }
    daemon.agrees_with_docker().await
}

/// Makes every kind of read and returns the duration of the slowest.
async fn slowest_read(daemon: &Daemon, known: &[Container]) -> Duration {
    let mut slowest = Duration::ZERO;
    let mut begin = Instant::now();
    let mut lap = || slowest = slowest.max(std::mem::replace(&mut begin, Instant::now()).elapsed());
    assert_eq!(daemon.list().await, known, "unknown is not stopped");
    lap();
    assert_eq!(daemon.show(&known[0].container_id).await, known[0]);
    lap();
    let activity = daemon.client().activity(&known[0].container_id).await;
    activity.expect("reads succeed");
    lap();
    slowest
}

/// Waits until the daemon probes all running containers, and so has opened all files that it needs.
async fn wait_until_probed(daemon: &Daemon, known: &[Container]) {
    for id in running(known) {
        eventually("the container is probed", async || {
            let activity = daemon.client().activity(&id).await;
            activity.expect("reads succeed").connections
        })
        .await;
    }
}

/// A failure is attributed to the engine.
fn assert_engine_failure<T>(answer: Result<T, sd_client::Error>) {
    if let Err(error) = answer {
        let status = error.problem().map(|problem| problem.status);
        assert!(matches!(status, Some(503 | 504)), "{error}");
        assert!(error.to_string().contains("container engine"), "{error}");
    }
}

#[tokio::test]
async fn hanging_engine_blocks_no_read_and_changes_nothing() {
    let engine = PrivateEngine::start(&[]);
    let daemon = over(&engine).await;
    let known = three_containers(&daemon).await;
    let seconds = std::env::var(HANG).map_or(SHORT_HANG, |text| {
        text.parse().expect("the variable has a number of seconds")
    });
    wait_until_probed(&daemon, &known).await;
    let (files, threads) = (daemon.open_files(), daemon.threads());

    engine.suspend();
    let client = daemon.client();
    let (wanted, [first, second]) = (CreateContainer::of_image(image()), running(&known));
    let changes = async {
        let (created, stopped, removed) = tokio::join!(
            client.create(&wanted),
            client.stop(&first),
            client.remove(&second, RemoveMode::Graceful)
        );
        assert_engine_failure(created);
        assert_engine_failure(stopped);
        assert_engine_failure(removed);
    };
    let reads = async {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut slowest = Duration::ZERO;
        while Instant::now() < end {
            slowest = slowest.max(slowest_read(&daemon, &known).await);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        engine.resume();
        slowest
    };
    let (slowest, ()) = tokio::join!(reads, changes);
    assert!(slowest < READ_LIMIT, "a read took {slowest:?}");
    // Its connections would count as open files of the daemon.
    drop(client);

    daemon.agrees_with_docker().await;
    daemon.wait_until_ready().await;
    daemon.create().await;
    eventually("files and threads are released", async || {
        (daemon.open_files() <= files + 2 && daemon.threads() <= threads + 4).then_some(())
    })
    .await;
}

fn running(known: &[Container]) -> [String; 2] {
    let running = known
        .iter()
        .filter(|container| container.status == Status::Running);
    let ids: Vec<_> = running.map(|container| container.container_id.clone()).collect();
    ids.try_into().expect("two containers run")
}

/// Kills and restarts an engine. Returns the containers before and after.
async fn after_a_kill(options: &[&'static str]) -> (Vec<Container>, Vec<Container>) {
    let mut engine = PrivateEngine::start(options);
    let daemon = over(&engine).await;
    let known = three_containers(&daemon).await;
    engine.kill();
    assert_engine_failure(daemon.client().create(&CreateContainer::of_image(image())).await);
    assert_eq!(daemon.list().await, known, "unknown is not stopped");
    engine.restart();
    let right = tokio::time::timeout(Duration::from_secs(30), daemon.agrees_with_docker()).await;
    let right = right.expect("the daemon agrees with the engine in time");
    // All operations work again.
    let [first, _] = running(&known);
    assert_eq!(
        daemon
            .client()
            .start(&first)
            .await
            .expect("start succeeds")
            .status,
        Status::Running
    );
    daemon
        .client()
        .remove(&first, RemoveMode::Force)
        .await
        .expect("remove succeeds");
    assert_eq!(daemon.agrees_with_docker().await.len(), 2);
    (known, right)
}

#[tokio::test]
async fn killed_engine_with_stopped_containers_is_followed() {
    let (_, right) = after_a_kill(&[]).await;
    assert!(
        right.iter().all(|container| container.status == Status::Stopped),
        "{right:#?}"
    );
    assert!(
        right.iter().all(|container| container.ports.is_empty()),
        "{right:#?}"
    );
}

#[tokio::test]
async fn killed_engine_with_live_restore_changes_nothing() {
    let (known, right) = after_a_kill(&["--live-restore"]).await;
    assert_eq!(right, known);
}

async fn assert_waits_for_its_engine(daemon: &Daemon, reason: &str) {
    assert!(daemon.list().await.is_empty());
    for refused in [
        daemon
            .client()
            .create(&CreateContainer::of_image(image()))
            .await
            .map(drop),
        daemon.client().images().await.map(drop),
        daemon.client().ready().await,
    ] {
        let error = refused.expect_err("the engine is unavailable");
        assert_eq!(
            error.problem().map(|problem| problem.status),
            Some(503),
            "{error}"
        );
    }
    let error = daemon
        .client()
        .images()
        .await
        .expect_err("the engine is unavailable")
        .to_string();
    assert!(
        error.contains(reason) && error.contains("start it and check that the daemon may use its socket"),
        "{error}"
    );
}

#[tokio::test]
async fn daemon_waits_for_a_missing_engine() {
    let directory = tempfile::tempdir().expect("a temporary directory can be created");
    let host = format!("unix://{}/docker.sock", directory.path().display());
    let daemon = Daemon::start_at(&host, &[]);
    assert_waits_for_its_engine(&daemon, "there is no socket at").await;
    // A killed engine leaves a socket without a listener.
    let socket = directory.path().join("docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("the directory is new"));
    assert_waits_for_its_engine(&daemon, "Connection refused").await;
    std::fs::remove_file(&socket).expect("the socket exists");
    let _proxy = FaultProxy::start_in(directory);
    daemon.wait_until_ready().await;
    daemon.create().await;
    assert_eq!(daemon.agrees_with_docker().await.len(), 1);
}

#[tokio::test]
async fn daemon_waits_for_permission_to_use_the_socket() {
    let proxy = FaultProxy::start();
    proxy.permit(0o600);
    let daemon = Daemon::start_as_nobody(&proxy.host());
    assert_waits_for_its_engine(&daemon, "Permission denied").await;
    proxy.permit(0o666);
    daemon.wait_until_ready().await;
    daemon.create().await;
    assert_eq!(daemon.agrees_with_docker().await.len(), 1);
}
