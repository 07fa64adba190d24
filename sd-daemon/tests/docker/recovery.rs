//! `sd-daemon recover` on damaged, deleted and old registries.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use sd_client::api::Status;
use sd_daemon::clock::SystemClock;
use sd_daemon::registry::{Registry, StateDirectory};

use crate::daemon::Daemon;
use crate::docker::docker;
use crate::registry_damage::{file, filled, refusal};

/// Runs `sd-daemon recover`, and returns its exit code and output.
fn recover(state: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sd-daemon"))
        .args(["recover", "--state-dir"])
        .arg(state)
        .args(arguments)
        .output()
        .expect("the program was built");
    let message = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&message).into_owned(),
    )
}

/// The files of a state directory with their contents.
fn files(state: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(state).expect("the file exists");
    let paths = entries.map(|entry| entry.expect("the directory entry is readable").path());
    let mut found: Vec<_> = paths
        .map(|path| (path.clone(), fs::read(path).expect("the file is readable")))
        .collect();
    found.sort();
    found
}

/// The number in the output that follows `what`.
fn number(message: &str, what: &str) -> usize {
    let (_, rest) = message
        .split_once(&format!("{what}: "))
        .expect("the output names it");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("the value is a number")
}

/// Overwrites three pages in the middle of the table of containers.
fn overwrite_pages(path: &Path) {
    let registry = rusqlite::Connection::open(path).expect("the registry opens");
    let mut statement = registry
        .prepare("select pageno from dbstat where name = 'container' and pagetype = 'leaf' order by path")
        .expect("the statement is valid");
    let pages = statement
        .query_map([], |row| row.get::<_, u64>(0))
        .expect("the query succeeds");
    let pages: Vec<_> = pages.map(|page| page.expect("the value is a number")).collect();
    drop(statement);
    drop(registry);
    let file = fs::File::options()
        .write(true)
        .open(path)
        .expect("the file exists");
    for page in &pages[pages.len() / 2..pages.len() / 2 + 3] {
        file.write_all_at(&[0xff; 4096], (page - 1) * 4096)
            .expect("the write succeeds");
    }
}

#[tokio::test]
async fn readable_rows_of_a_damaged_registry_are_recovered() {
    let state = filled().await;
    let path = file(state.path());
    overwrite_pages(&path);
    assert!(refusal(state.path()).contains("sd-daemon recover"));

    let before = files(state.path());
    let (code, message) = recover(state.path(), &[]);
    assert_eq!(code, Some(0), "{message}");
    assert!(
        message.contains("others are lost") && message.contains("Nothing was changed"),
        "{message}"
    );
    assert_eq!(files(state.path()), before, "a dry run changes nothing");

    let damaged = fs::read(&path).expect("the file exists");
    let (code, message) = recover(state.path(), &["--yes"]);
    assert_eq!(code, Some(0), "{message}");
    let kept = number(&message, "containers");
    assert!(
        (100..200).contains(&kept),
        "most rows are in undamaged pages: {message}"
    );
    assert_eq!(number(&message, "events"), 3000, "events are in other pages");
    let aside: Vec<_> = files(state.path())
        .into_iter()
        .filter(|(path, _)| path.to_string_lossy().contains("registry.sqlite3.before-"))
        .collect();
    let [(aside, content)] = &aside[..] else {
        panic!("expected one replaced registry: {aside:?}");
    };
    assert_eq!(*content, damaged);
    assert!(message.contains(&aside.display().to_string()), "{message}");

    let directory = StateDirectory::claim(state.path()).expect("the directory is not locked");
    let registry = Registry::open(directory, Arc::new(SystemClock::new())).expect("the registry opens");
    assert_eq!(registry.snapshot().records().count(), kept);
    assert_eq!(registry.history().after(0, usize::MAX).len(), 3000);
}

#[tokio::test]
async fn invalid_rows_are_skipped_and_counted() {
    let state = filled().await;
    let registry = rusqlite::Connection::open(file(state.path())).expect("the registry opens");
    registry
        .execute_batch("update container set name = 'no name at all' where rowid = 7")
        .expect("the schema accepts the name");
    drop(registry);
    assert!(refusal(state.path()).contains("column name"));
    let (code, message) = recover(state.path(), &["--yes"]);
    assert_eq!(code, Some(0), "{message}");
    assert!(message.contains("containers: 199, 1 invalid"), "{message}");
}

#[tokio::test]
async fn recovery_is_refused_while_a_daemon_runs() {
    let daemon = Daemon::start(&[]).await;
    let (code, message) = recover(daemon.state(), &["--yes"]);
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("another sd-daemon uses it"), "{message}");
}

#[tokio::test]
async fn deleted_registry_is_restored_from_the_rescued_copy() {
    is_restored_after(|state| fs::remove_file(file(state)).expect("the file exists")).await;
}

#[tokio::test]
async fn registry_in_a_deleted_directory_is_restored() {
    is_restored_after(|state| fs::remove_dir_all(state).expect("the file exists")).await;
}

async fn is_restored_after(delete: impl FnOnce(&Path)) {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    let started = docker(&["inspect", "--format", "{{.State.StartedAt}}", &id]);
    delete(daemon.state());
    assert_eq!(daemon.wait_for_exit().await, Some(1));
    // The log names the copy as well, unless the log was deleted too.
    let left = fs::read_dir(daemon.state()).expect("the directory exists again");
    let rescued = left
        .map(|file| file.expect("the directory entry is readable").path())
        .find(|path| path.to_string_lossy().contains(".rescued-"));
    let rescued = rescued.expect("the content was rescued").display().to_string();
    let log = daemon.log();
    assert!(
        log.is_empty() || log.contains(&format!("--from {rescued} ")),
        "{log}"
    );

    let (code, message) = recover(daemon.state(), &["--from", &rescued, "--yes"]);
    assert_eq!(code, Some(0), "{message}");
    assert!(message.contains("containers: 1\n"), "{message}");
    daemon.restart().await;
    let found = daemon.agrees_with_docker().await;
    assert_eq!((found.len(), found[0].container_id.as_str()), (1, id.as_str()));
    assert_eq!(
        docker(&["inspect", "--format", "{{.State.StartedAt}}", &id]),
        started
    );
}

/// In an old copy, the creation of a container that was delivered since can still be open. Cleaning up that creation would
/// remove the container.
#[tokio::test]
async fn open_creation_in_an_old_copy_removes_no_container() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    assert_eq!(daemon.terminate(), Some(0));
    let copy = daemon.state().join("copy.sqlite3");
    fs::copy(file(daemon.state()), &copy).expect("the file can be written");
    let old = rusqlite::Connection::open(&copy).expect("the registry opens");
    old.execute_batch(
        "insert into creation (operation, image, opened_at) select operation, image, created_at from container;
         delete from container;",
    )
    .expect("the rows are replaced");
    drop(old);

    let copy = copy.display().to_string();
    let (code, message) = recover(daemon.state(), &["--from", &copy, "--yes"]);
    assert_eq!(code, Some(0), "{message}");
    let remove = format!("docker rm --force --volumes {}", &id[..12]);
    assert!(
        message.contains(&remove),
        "the output names the container: {message}"
    );
    daemon.restart().await;
    assert!(daemon.list().await.is_empty());
    assert_eq!(
        docker(&["inspect", "--format", "{{.State.Status}}", &id]),
        Status::Running.to_string()
    );
}

#[tokio::test]
async fn containers_of_an_unreadable_registry_are_listed() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    daemon.kill();
    fs::write(file(daemon.state()), "nothing of it is left").expect("the write succeeds");
    let (code, message) = recover(daemon.state(), &["--yes"]);
    assert_eq!(code, Some(1), "{message}");
    assert!(
        message.contains("failed to recover") && message.contains(&id[..12]),
        "{message}"
    );
    let kept = fs::read_to_string(file(daemon.state())).expect("the file exists");
    assert_eq!(kept, "nothing of it is left");
}
