//! The engine hangs, is killed, or is not there when the daemon starts. Reads go on, nothing is taken for dead, what
//! cannot be done is refused in a sentence, and afterwards everything is right without anybody's doing.

use std::time::{Duration, Instant};

use sd_client::api::{Container, CreateContainer, RemoveMode, Status};

use crate::daemon::{Daemon, eventually};
use crate::docker::image;
use crate::fault_proxy::FaultProxy;
use crate::private_engine::PrivateEngine;

/// For how long an engine hangs, in seconds.
const HANG: &str = "SPIN_DOCKER_TEST_HANG";

/// The longest hang of these tests that is waited for without being asked to.
const SHORT_HANG: u64 = 6;
/// What a read may take on a busy machine. One that waits for the engine takes as long as that hangs.
const QUICK: Duration = Duration::from_secs(2);

/// Check-ins would be listened for in a network that is not ours.
const OPTIONS: [&str; 2] = ["--check-in-listen", "127.0.0.1:0"];

async fn over(engine: &PrivateEngine) -> Daemon {
    let daemon = Daemon::start_over(&engine.host(), &OPTIONS);
    daemon.wait_until_ready().await;
    daemon
}

/// Two that run and one that is stopped.
async fn three_containers(daemon: &Daemon) -> Vec<Container> {
    let brief = CreateContainer {
        cmd: vec!["/bin/true".to_owned()],
        ..CreateContainer::of_image(image())
    };
    let stopped = daemon.client().create(&brief).await.expect("it is created");
    daemon.becomes(&stopped.container_id, Status::Stopped).await;
    for _ in 0..2 {
        daemon.create().await;
    }
    daemon.agrees_with_docker().await
}

/// Reads everything that can be read, and says how long the slowest read took.
async fn slowest_read(daemon: &Daemon, known: &[Container]) -> Duration {
    let mut slowest = Duration::ZERO;
    let mut begin = Instant::now();
    let mut lap = || slowest = slowest.max(std::mem::replace(&mut begin, Instant::now()).elapsed());
    assert_eq!(daemon.list().await, known, "what is unknown is not dead");
    lap();
    assert_eq!(daemon.show(&known[0].container_id).await, known[0]);
    lap();
    let activity = daemon.client().activity(&known[0].container_id).await;
    activity.expect("reads always work");
    lap();
    slowest
}

/// Waits until the daemon holds all that it holds for those that run.
async fn all_are_seen(daemon: &Daemon, known: &[Container]) {
    for id in running(known) {
        eventually("it is seen from the host", async || {
            let activity = daemon.client().activity(&id).await;
            activity.expect("reads always work").connections
        })
        .await;
    }
}

/// A failure is one of the engine's, said in a sentence.
fn assert_is_the_engines<T>(answer: Result<T, sd_client::Error>) {
    if let Err(error) = answer {
        let status = error.problem().map(|problem| problem.status);
        assert!(matches!(status, Some(503 | 504)), "{error}");
        assert!(error.to_string().contains("container engine"), "{error}");
    }
}

#[tokio::test]
async fn one_that_hangs_holds_up_no_read_and_changes_nothing() {
    let engine = PrivateEngine::start(&[]);
    let daemon = over(&engine).await;
    let known = three_containers(&daemon).await;
    let seconds = std::env::var(HANG).map_or(SHORT_HANG, |text| {
        text.parse().expect("it is a number of seconds")
    });
    all_are_seen(&daemon, &known).await;
    let (files, threads) = (daemon.open_files(), daemon.threads());

    engine.hold();
    let client = daemon.client();
    let (wanted, [first, second]) = (CreateContainer::of_image(image()), running(&known));
    let changes = async {
        let (created, stopped, removed) = tokio::join!(
            client.create(&wanted),
            client.stop(&first),
            client.remove(&second, RemoveMode::Graceful)
        );
        assert_is_the_engines(created);
        assert_is_the_engines(stopped);
        assert_is_the_engines(removed);
    };
    let reads = async {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut slowest = Duration::ZERO;
        while Instant::now() < end {
            slowest = slowest.max(slowest_read(&daemon, &known).await);
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        engine.go_on();
        slowest
    };
    let (slowest, ()) = tokio::join!(reads, changes);
    assert!(slowest < QUICK, "a read took {slowest:?}");
    // Its connections are nothing that the daemon has left.
    drop(client);

    daemon.agrees_with_docker().await;
    daemon.wait_until_ready().await;
    daemon.create().await;
    eventually("nothing that was begun is left", async || {
        (daemon.open_files() <= files + 2 && daemon.threads() <= threads + 4).then_some(())
    })
    .await;
}

fn running(known: &[Container]) -> [String; 2] {
    let running = known
        .iter()
        .filter(|container| container.status == Status::Running);
    let ids: Vec<_> = running.map(|container| container.container_id.clone()).collect();
    ids.try_into().expect("two run")
}

/// What is right again soon after an engine that was killed is back.
async fn after_a_kill(options: &[&'static str]) -> (Vec<Container>, Vec<Container>) {
    let mut engine = PrivateEngine::start(options);
    let daemon = over(&engine).await;
    let known = three_containers(&daemon).await;
    engine.kill();
    assert_is_the_engines(daemon.client().create(&CreateContainer::of_image(image())).await);
    assert_eq!(daemon.list().await, known, "what is unknown is not dead");
    engine.restart();
    let right = tokio::time::timeout(Duration::from_secs(30), daemon.agrees_with_docker()).await;
    let right = right.expect("it is right soon");
    // It goes on as if nothing had been.
    let [first, _] = running(&known);
    assert_eq!(
        daemon.client().start(&first).await.expect("it starts").status,
        Status::Running
    );
    daemon
        .client()
        .remove(&first, RemoveMode::Force)
        .await
        .expect("it is removed");
    assert_eq!(daemon.agrees_with_docker().await.len(), 2);
    (known, right)
}

#[tokio::test]
async fn one_that_is_killed_and_takes_its_containers_along_is_followed() {
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
async fn one_that_is_killed_and_keeps_its_containers_changes_nothing() {
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
        let error = refused.expect_err("there is no engine");
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
        .expect_err("there is no engine")
        .to_string();
    assert!(
        error.contains(reason) && error.contains("start it and check that the daemon may use its socket"),
        "{error}"
    );
}

#[tokio::test]
async fn one_that_is_not_there_is_waited_for() {
    let directory = tempfile::tempdir().expect("there is room for a socket");
    let host = format!("unix://{}/docker.sock", directory.path().display());
    let daemon = Daemon::start_at(&host, &[]);
    assert_waits_for_its_engine(&daemon, "there is no socket at").await;
    // A socket that nobody listens at is what an engine that was killed leaves.
    let socket = directory.path().join("docker.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("the directory is new"));
    assert_waits_for_its_engine(&daemon, "Connection refused").await;
    std::fs::remove_file(&socket).expect("it is there");
    let _proxy = FaultProxy::start_in(directory);
    daemon.wait_until_ready().await;
    daemon.create().await;
    assert_eq!(daemon.agrees_with_docker().await.len(), 1);
}

#[tokio::test]
async fn one_whose_socket_may_not_be_used_is_waited_for() {
    let proxy = FaultProxy::start();
    proxy.permit(0o600);
    let daemon = Daemon::start_as_nobody(&proxy.host());
    assert_waits_for_its_engine(&daemon, "Permission denied").await;
    proxy.permit(0o666);
    daemon.wait_until_ready().await;
    daemon.create().await;
    assert_eq!(daemon.agrees_with_docker().await.len(), 1);
}
