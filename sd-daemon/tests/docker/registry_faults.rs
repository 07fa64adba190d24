//! The disk fails under a running daemon. What it acknowledged is durable, what it cannot make durable it
//! refuses, and no container is touched because of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use sd_client::api::{CreateContainer, ExtendContainer, RemoveMode, Status};
use sd_client::{Client, Error};

use crate::daemon::{Daemon, eventually};
use crate::docker::{docker, image};
use crate::registry_damage::{file, refusal};
use crate::strace::Injection;

/// A push of the deadline: a change that asks nothing of Docker.
async fn extend(client: &Client, id: &str) -> Option<u16> {
    let minute = "60s".parse().expect("it is a span");
    status(client.extend(id, &ExtendContainer::by(minute)).await)
}

/// What Docker says of a container, which is not asked through the daemon.
fn docker_state(id: &str) -> String {
    docker(&[
        "inspect",
        "--format",
        "{{.State.Status}} {{.State.StartedAt}}",
        id,
    ])
}

/// The status that a refusal came with.
fn status<T>(answer: Result<T, Error>) -> Option<u16> {
    match answer {
        Err(Error::Problem(problem)) => Some(problem.status),
        _ => None,
    }
}

/// A small disk of its own at a directory. Only what runs in its name space sees it, and it is gone with that.
struct SmallDisk {
    keeper: Child,
}

impl SmallDisk {
    fn at(directory: &std::path::Path) -> Self {
        let mut keeper = Command::new("unshare")
            .args(["--mount", "sh", "-c"])
            .arg("mount -t tmpfs -o size=1m,mode=700 tmpfs \"$1\" && echo mounted && exec cat")
            .arg("sh")
            .arg(directory)
            // It ends with this process, in whichever way that ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare is installed");
        let output = keeper.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it says something");
        assert_eq!(line, "mounted\n");
        Self { keeper }
    }

    /// What makes a program run where the disk is.
    fn entrance(&self) -> Vec<String> {
        let pid = self.keeper.id().to_string();
        ["nsenter", "--mount", "--target", &pid]
            .map(str::to_owned)
            .to_vec()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.keeper.kill());
        drop(self.keeper.wait());
    }
}

#[tokio::test]
async fn a_full_disk_is_refused_with_507_and_works_again_when_there_is_room() {
    let state = tempfile::tempdir().expect("there is room for a state directory");
    let disk = SmallDisk::at(state.path());
    let mut daemon = Daemon::start_in(state, &disk.entrance(), &[]).await;
    let id = daemon.create().await.container_id;
    let before = docker_state(&id);

    let filler = daemon.file("filler");
    let fill = || {
        let mut filler = fs::File::options()
            .create(true)
            .append(true)
            .open(&filler)
            .expect("it is ours");
        while std::io::Write::write_all(&mut filler, &[0; 512]).is_ok() {}
    };
    // What was free in the files that were there already is used up as well.
    let refused = eventually("the disk is full", async || {
        fill();
        extend(&daemon.client(), &id).await
    });
    assert_eq!(refused.await, 507);
    assert_eq!(status(daemon.client().stop(&id).await), Some(507));
    assert_eq!(
        status(daemon.client().remove(&id, RemoveMode::Force).await),
        Some(507)
    );
    let wanted = CreateContainer::of_image(image());
    assert_eq!(status(daemon.client().create(&wanted).await), Some(507));
    assert_eq!(daemon.show(&id).await.status, Status::Running, "reads go on");
    assert_eq!(status(daemon.client().ready().await), Some(503));
    assert_eq!(
        docker_state(&id),
        before,
        "nothing was done that could not be written down"
    );

    fs::remove_file(&filler).expect("it is there");
    daemon.client().ready().await.expect("there is room again");
    daemon.client().stop(&id).await.expect("there is room again");
    daemon.becomes(&id, Status::Stopped).await;
    let second = daemon.create().await.container_id;
    daemon.kill();
    daemon.restart().await;
    let found = daemon.agrees_with_docker().await;
    assert_eq!(
        found.len(),
        2,
        "{second} was acknowledged after the disk was full"
    );
}

/// A request that cannot be made durable, and what the daemon does then.
async fn fails_with_the_disk(daemon: &mut Daemon, request: impl AsyncFnOnce(Client) -> Option<u16>) {
    let disk = Injection::into(daemon.pid(), "fdatasync,fsync", "error=EIO");
    let status = request(daemon.client()).await;
    assert_eq!(status, Some(503), "it is not acknowledged");
    assert_eq!(
        daemon.ends().await,
        Some(1),
        "what is on the disk is not known any more"
    );
    drop(disk);
    let log = daemon.log();
    let sentence = log.lines().last().unwrap_or_default();
    assert!(
        sentence.starts_with("sd-daemon: the registry is unavailable"),
        "{sentence}"
    );
    assert!(
        sentence.contains("registry.sqlite3: disk I/O error"),
        "{sentence}"
    );
}

#[tokio::test]
async fn what_the_disk_does_not_take_is_not_acknowledged_and_removes_no_container() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    let before = docker_state(&id);

    fails_with_the_disk(&mut daemon, async |client| extend(&client, &id).await).await;
    assert_eq!(docker_state(&id), before, "it runs on without the daemon");
    daemon.restart().await;
    daemon.agrees_with_docker().await;

    fails_with_the_disk(&mut daemon, async |client| status(client.stop(&id).await)).await;
    assert_eq!(docker_state(&id), before, "it was never told to stop");
    daemon.restart().await;
    daemon.agrees_with_docker().await;

    fails_with_the_disk(&mut daemon, async |client| {
        status(client.create(&CreateContainer::of_image(image())).await)
    })
    .await;
    daemon.restart().await;
    let found = daemon.agrees_with_docker().await;
    let ids: Vec<_> = found
        .iter()
        .map(|container| container.container_id.as_str())
        .collect();
    assert_eq!(ids, [id.as_str()], "the other one was never made, or is gone");
}

/// Both ways in which somebody takes the registry away: nothing is in its place, or something else.
#[tokio::test]
async fn a_registry_that_is_taken_away_is_noticed_before_anything_is_acknowledged() {
    for replacement in [None, Some("registry.sqlite3.copy")] {
        let mut daemon = Daemon::start(&[]).await;
        let id = daemon.create().await.container_id;
        let path = file(daemon.state());
        let before = docker_state(&id);
        match replacement {
            None => fs::remove_file(&path).expect("it is there"),
            Some(name) => {
                let copy = path.with_file_name(name);
                fs::copy(&path, &copy).expect("there is room");
                fs::rename(&copy, &path).expect("it is there");
            }
        }
        // It looks by itself now and then, and may have ended for that before it was asked.
        let answer = status(daemon.client().stop(&id).await);
        assert!(matches!(answer, None | Some(503)), "{answer:?}");
        assert_eq!(daemon.ends().await, Some(1));
        let log = daemon.log();
        let sentence = log.lines().last().unwrap_or_default();
        assert!(
            sentence.contains("was deleted or replaced while it was in use"),
            "{sentence}"
        );
        assert!(sentence.contains("sd-daemon recover --from"), "{sentence}");
        assert_eq!(docker_state(&id), before, "it was never told to stop");
        if replacement.is_none() {
            let said = refusal(daemon.state());
            assert!(said.contains("it is missing, and"), "no new one is begun: {said}");
        }
    }
}

/// Nobody asks for anything, and it is noticed all the same.
#[tokio::test]
async fn a_registry_that_is_taken_away_is_noticed_by_a_daemon_that_has_nothing_to_do() {
    let mut daemon = Daemon::start(&[]).await;
    fs::remove_file(file(daemon.state())).expect("it is there");
    assert_eq!(daemon.ends().await, Some(1));
    assert!(
        daemon
            .log()
            .contains("was deleted or replaced while it was in use")
    );
}

#[tokio::test]
async fn a_daemon_that_ended_leaves_one_file_that_is_complete() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    assert_eq!(daemon.terminate(), Some(0));
    let names: Vec<_> = fs::read_dir(daemon.state())
        .expect("it is there")
        .map(|entry| {
            entry
                .expect("it is read")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.starts_with("registry"))
        .collect();
    assert_eq!(names, ["registry.sqlite3"]);
    let copy = tempfile::NamedTempFile::new().expect("there is room");
    fs::copy(file(daemon.state()), copy.path()).expect("there is room");
    let registry = rusqlite::Connection::open(copy.path()).expect("it is there");
    let found: String = registry
        .query_row("select id from container", [], |row| row.get(0))
        .expect("it is in the file itself");
    assert_eq!(found, id);
}
