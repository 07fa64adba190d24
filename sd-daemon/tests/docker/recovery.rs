//! `sd-daemon recover`, as an operator uses it.

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

/// Runs it, and gives its exit code and what it printed.
fn recover(state: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sd-daemon"))
        .args(["recover", "--state-dir"])
        .arg(state)
        .args(arguments)
        .output()
        .expect("the program was built");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// The files in a state directory, and what is in them.
fn files(state: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(state).expect("it is there");
    let paths = entries.map(|entry| entry.expect("it is read").path());
    let mut found: Vec<_> = paths
        .map(|path| (path.clone(), fs::read(path).expect("it is ours")))
        .collect();
    found.sort();
    found
}

/// The number that is printed behind a word.
fn number(said: &str, what: &str) -> usize {
    let (_, rest) = said.split_once(&format!("{what}: ")).expect("it is told");
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("it is a number")
}

/// Makes three pages in the middle of the containers unreadable.
fn tear(path: &Path) {
    let registry = rusqlite::Connection::open(path).expect("it is there");
    let mut statement = registry
        .prepare("select pageno from dbstat where name = 'container' and pagetype = 'leaf' order by path")
        .expect("it is asked for");
    let pages = statement
        .query_map([], |row| row.get::<_, u64>(0))
        .expect("it is answered");
    let pages: Vec<_> = pages.map(|page| page.expect("it is a number")).collect();
    drop(statement);
    drop(registry);
    let file = fs::File::options().write(true).open(path).expect("it is there");
    for page in &pages[pages.len() / 2..pages.len() / 2 + 3] {
        file.write_all_at(&[0xff; 4096], (page - 1) * 4096)
            .expect("it is written");
    }
}

#[tokio::test]
async fn what_can_be_read_of_a_damaged_registry_is_kept_and_so_is_the_damaged_file() {
    let state = filled().await;
    let path = file(state.path());
    tear(&path);
    assert!(refusal(state.path()).contains("sd-daemon recover"));

    let before = files(state.path());
    let (code, said) = recover(state.path(), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("others are lost") && said.contains("Nothing was changed"),
        "{said}"
    );
    assert_eq!(files(state.path()), before, "it only looked");

    let damaged = fs::read(&path).expect("it is there");
    let (code, said) = recover(state.path(), &["--yes"]);
    assert_eq!(code, Some(0), "{said}");
    let kept = number(&said, "containers");
    assert!(
        (100..200).contains(&kept),
        "most of them are in other pages: {said}"
    );
    assert_eq!(number(&said, "events"), 3000, "they are in pages of their own");
    let aside: Vec<_> = files(state.path())
        .into_iter()
        .filter(|(path, _)| path.to_string_lossy().contains("registry.sqlite3.before-"))
        .collect();
    let [(aside, content)] = &aside[..] else {
        panic!("one file is put aside: {aside:?}");
    };
    assert_eq!(*content, damaged);
    assert!(said.contains(&aside.display().to_string()), "{said}");

    let directory = StateDirectory::claim(state.path()).expect("nobody has it");
    let registry = Registry::open(directory, Arc::new(SystemClock::new())).expect("it is whole");
    assert_eq!(registry.snapshot().records().count(), kept);
    assert_eq!(registry.history().after(0, usize::MAX).len(), 3000);
}

#[tokio::test]
async fn rows_that_make_no_sense_are_left_out_and_counted() {
    let state = filled().await;
    let registry = rusqlite::Connection::open(file(state.path())).expect("it is there");
    registry
        .execute_batch("update container set name = 'no name at all' where rowid = 7")
        .expect("the schema knows no better");
    drop(registry);
    assert!(refusal(state.path()).contains("column name"));
    let (code, said) = recover(state.path(), &["--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("containers: 199, 1 make no sense"), "{said}");
}

#[tokio::test]
async fn a_daemon_that_runs_is_not_recovered_under_its_feet() {
    let daemon = Daemon::start(&[]).await;
    let (code, said) = recover(daemon.state(), &["--yes"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another sd-daemon uses it"), "{said}");
}

#[tokio::test]
async fn a_registry_that_was_taken_away_is_put_back_and_its_containers_never_stopped() {
    is_put_back_after(|state| fs::remove_file(file(state)).expect("it is there")).await;
}

#[tokio::test]
async fn so_is_one_whose_directory_was_taken_away() {
    is_put_back_after(|state| fs::remove_dir_all(state).expect("it is there")).await;
}

async fn is_put_back_after(take_away: impl FnOnce(&Path)) {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    let started = docker(&["inspect", "--format", "{{.State.StartedAt}}", &id]);
    take_away(daemon.state());
    assert_eq!(daemon.ends().await, Some(1));
    // The log names it as well, unless that was taken away too.
    let left = fs::read_dir(daemon.state()).expect("it is there again");
    let rescued = left
        .map(|file| file.expect("it can be read").path())
        .find(|path| path.to_string_lossy().contains(".rescued-"));
    let rescued = rescued.expect("what it held is saved").display().to_string();
    let log = daemon.log();
    assert!(
        log.is_empty() || log.contains(&format!("--from {rescued} ")),
        "{log}"
    );

    let (code, said) = recover(daemon.state(), &["--from", &rescued, "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("containers: 1\n"), "{said}");
    daemon.restart().await;
    let found = daemon.agrees_with_docker().await;
    assert_eq!((found.len(), found[0].container_id.as_str()), (1, id.as_str()));
    assert_eq!(
        docker(&["inspect", "--format", "{{.State.StartedAt}}", &id]),
        started
    );
}

/// An old copy may say that a container is being made which has long been somebody's. Following it would remove it.
#[tokio::test]
async fn an_old_copy_gives_no_right_to_remove_what_it_says_is_being_made() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    assert_eq!(daemon.terminate(), Some(0));
    let copy = daemon.state().join("copy.sqlite3");
    fs::copy(file(daemon.state()), &copy).expect("there is room");
    let old = rusqlite::Connection::open(&copy).expect("it is there");
    old.execute_batch(
        "insert into creation (operation, image, opened_at) select operation, image, created_at from container;
         delete from container;",
    )
    .expect("it is made older");
    drop(old);

    let copy = copy.display().to_string();
    let (code, said) = recover(daemon.state(), &["--from", &copy, "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    let remove = format!("docker rm --force --volumes {}", &id[..12]);
    assert!(said.contains(&remove), "the operator is told of it: {said}");
    daemon.restart().await;
    assert!(daemon.list().await.is_empty());
    assert_eq!(
        docker(&["inspect", "--format", "{{.State.Status}}", &id]),
        Status::Running.to_string()
    );
}

#[tokio::test]
async fn a_registry_of_which_nothing_is_left_still_tells_which_containers_there_are() {
    let mut daemon = Daemon::start(&[]).await;
    let id = daemon.create().await.container_id;
    daemon.kill();
    fs::write(file(daemon.state()), "nothing of it is left").expect("it is written");
    let (code, said) = recover(daemon.state(), &["--yes"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("failed to recover") && said.contains(&id[..12]),
        "{said}"
    );
    let kept = fs::read_to_string(file(daemon.state())).expect("it is there");
    assert_eq!(kept, "nothing of it is left");
}
