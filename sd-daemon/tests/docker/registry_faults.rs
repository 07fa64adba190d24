//! Disk faults under a running daemon. Acknowledged changes are durable, changes that cannot be made durable are refused,
//! and no container is stopped or removed because of the fault.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use sd_client::api::{CreateContainer, ExtendContainer, RemoveMode, Status};
use sd_client::{Client, Error};

use crate::daemon::{Daemon, eventually};
use crate::docker::{docker, image};
use crate::registry_damage::{file, refusal};
use crate::strace::Injection;

/// Extends a deadline: a change that makes no engine call.
async fn extend(client: &Client, id: &str) -> Option<u16> {
    let minute = "60s".parse().expect("the duration is valid");
    status(client.extend(id, &ExtendContainer::by(minute)).await)
}

/// The state of a container according to Docker.
fn docker_state(id: &str) -> String {
    docker(&[
        "inspect",
        "--format",
        "{{.State.Status}} {{.State.StartedAt}}",
        id,
    ])
}

/// The status code of a rejected request.
fn status<T>(answer: Result<T, Error>) -> Option<u16> {
    match answer {
        Err(Error::Problem(problem)) => Some(problem.status),
        _ => None,
    }
}

/// A small tmpfs mounted at a directory, in a mount namespace of its own. It exists as long as the namespace.
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
            // The process that holds the namespace exits with this process, because its input ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare is installed");
        let output = keeper.stdout.take().expect("the stream is piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the process writes a line");
        assert_eq!(line, "mounted\n");
        Self { keeper }
    }

    /// The command that runs a program in the mount namespace.
    fn enter_command(&self) -> Vec<String> {
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
async fn full_disk_rejects_changes_with_507_until_space_is_free() {
    let state = tempfile::tempdir().expect("a temporary directory can be created");
    let disk = SmallDisk::at(state.path());
    let mut daemon = Daemon::start_in(state, &disk.enter_command(), &[]).await;
    let id = daemon.create().await.container_id;
    let before = docker_state(&id);

    let filler = daemon.file("filler");
    let fill = || {
        let mut filler = fs::File::options()
            .create(true)
            .append(true)
            .open(&filler)
            .expect("the file is readable");
        while std::io::Write::write_all(&mut filler, &[0; 512]).is_ok() {}
    };
    // Also uses up the free space inside the existing files of the registry.
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
    assert_eq!(daemon.show(&id).await.status, Status::Running, "reads succeed");
    assert_eq!(status(daemon.client().ready().await), Some(503));
    assert_eq!(
        docker_state(&id),
        before,
        "no engine call was made for a refused change"
    );

    fs::remove_file(&filler).expect("the file exists");
    daemon
        .client()
        .ready()
        .await
        .expect("the disk has free space again");
    daemon
        .client()
        .stop(&id)
        .await
        .expect("the disk has free space again");
    daemon.becomes(&id, Status::Stopped).await;
    let second = daemon.create().await.container_id;
    daemon.kill();
    daemon.restart().await;
    let found = daemon.agrees_with_docker().await;
    assert_eq!(
        found.len(),
        2,
        "{second} was acknowledged after the disk had free space again"
    );
}

/// Makes every sync of the disk fail, sends a request, and expects the daemon to refuse it and to exit.
async fn fails_with_disk_errors(daemon: &mut Daemon, request: impl AsyncFnOnce(Client) -> Option<u16>) {
    let disk = Injection::into(daemon.pid(), "fdatasync,fsync", "error=EIO");
    let status = request(daemon.client()).await;
    assert_eq!(status, Some(503), "the change is not acknowledged");
    assert_eq!(
        daemon.wait_for_exit().await,
        Some(1),
        "the state on disk is unknown"
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
async fn disk_error_refuses_changes_and_touches_no_container() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    let before = docker_state(&id);

    fails_with_disk_errors(&mut daemon, async |client| extend(&client, &id).await).await;
    assert_eq!(docker_state(&id), before, "the container keeps running");
    daemon.restart().await;
    daemon.agrees_with_docker().await;

    fails_with_disk_errors(&mut daemon, async |client| status(client.stop(&id).await)).await;
    assert_eq!(docker_state(&id), before, "the container was not stopped");
    daemon.restart().await;
    daemon.agrees_with_docker().await;

    fails_with_disk_errors(&mut daemon, async |client| {
        status(client.create(&CreateContainer::of_image(image())).await)
    })
    .await;
    daemon.restart().await;
    let found = daemon.agrees_with_docker().await;
    let ids: Vec<_> = found
        .iter()
        .map(|container| container.container_id.as_str())
        .collect();
    assert_eq!(
        ids,
        [id.as_str()],
        "the second container was never created, or is removed"
    );
}

/// The registry is deleted, or replaced by a copy.
#[tokio::test]
async fn deleted_registry_is_detected_before_the_next_change() {
    for replacement in [None, Some("registry.sqlite3.copy")] {
        let mut daemon = Daemon::start(&[]).await;
        let id = daemon.create().await.container_id;
        let path = file(daemon.state());
        let before = docker_state(&id);
        match replacement {
            None => fs::remove_file(&path).expect("the file exists"),
            Some(name) => {
                let copy = path.with_file_name(name);
                fs::copy(&path, &copy).expect("the file can be written");
                fs::rename(&copy, &path).expect("the file exists");
            }
        }
        // A periodic check may detect the deletion before the request does.
        let answer = status(daemon.client().stop(&id).await);
        assert!(matches!(answer, None | Some(503)), "{answer:?}");
        assert_eq!(daemon.wait_for_exit().await, Some(1));
        let log = daemon.log();
        let sentence = log.lines().last().unwrap_or_default();
        assert!(
            sentence.contains("was deleted or replaced while it was in use"),
            "{sentence}"
        );
        assert!(sentence.contains("sd-daemon recover --from"), "{sentence}");
        assert_eq!(docker_state(&id), before, "the container was not stopped");
        if replacement.is_none() {
            let message = refusal(daemon.state());
            assert!(
                message.contains("it is missing, although"),
                "no new registry is created: {message}"
            );
        }
    }
}

#[tokio::test]
async fn deleted_registry_is_detected_by_an_idle_daemon() {
    let mut daemon = Daemon::start(&[]).await;
    fs::remove_file(file(daemon.state())).expect("the file exists");
    assert_eq!(daemon.wait_for_exit().await, Some(1));
    assert!(
        daemon
            .log()
            .contains("was deleted or replaced while it was in use")
    );
}

#[tokio::test]
async fn clean_exit_leaves_one_complete_registry_file() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    assert_eq!(daemon.terminate(), Some(0));
    let names: Vec<_> = fs::read_dir(daemon.state())
        .expect("the file exists")
        .map(|entry| {
            entry
                .expect("the directory entry is readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.starts_with("registry"))
        .collect();
    assert_eq!(names, ["registry.sqlite3"]);
    let copy = tempfile::NamedTempFile::new().expect("the file can be written");
    fs::copy(file(daemon.state()), copy.path()).expect("the file can be written");
    let registry = rusqlite::Connection::open(copy.path()).expect("the registry opens");
    let found: String = registry
        .query_row("select id from container", [], |row| row.get(0))
        .expect("the row is in the main file");
    assert_eq!(found, id);
}
