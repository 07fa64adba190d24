//! Damaged registries: the daemon refuses to start with one line that names the problem and the remedy, and leaves the file
//! unchanged.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use sd_daemon::clock::SystemClock;
use sd_daemon::registry::{Registry, StateDirectory};

/// The page size of SQLite in bytes.
const PAGE: u64 = 4096;

/// A state directory with a registry of many pages.
pub(crate) async fn filled() -> tempfile::TempDir {
    let state = tempfile::tempdir().expect("a temporary directory can be created");
    let directory = StateDirectory::claim(state.path()).expect("the directory is not locked");
    let registry = Registry::open(directory, Arc::new(SystemClock::new())).expect("the registry opens");
    registry.close().await.expect("the write succeeds");
    let connection = rusqlite::Connection::open(file(state.path())).expect("the registry opens");
    connection
        .execute_batch(
            "create temporary table number as
                 with recursive number(i) as (select 1 union all select i + 1 from number where i < 3000)
                 select i from number;
             insert into container
                 (id, operation, name, image, created_at, generation, state, since, cause, evidence, connections)
                 select printf('%064x', i), printf('%032x', i), 'name' || i, 'web:1', 1, 1, 'stopped', 1, 'exited',
                     'started=1/0', 0
                 from number where i <= 200;
             insert into history (at, container, name, image, what, why)
                 select i, printf('%064x', 1 + i % 200), 'name', 'web:1', 'stopped', 'it ended by itself' from number;
             insert into idempotency_key
                 select 'key' || i, 'request', printf('%032x', i), 1 from number where i <= 200;",
        )
        .expect("the inserts succeed");
    state
}

pub(crate) fn file(state: &Path) -> PathBuf {
    state.join("registry.sqlite3")
}

/// Starts the daemon, which must exit with an error, and returns the last line of its output.
pub(crate) fn refusal(state: &Path) -> String {
    let output = Command::new("timeout")
        .args([
            "60",
            env!("CARGO_BIN_EXE_sd-daemon"),
            "--listen",
            "127.0.0.1:0",
            "--state-dir",
        ])
        .arg(state)
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output()
        .expect("timeout is installed");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{message}");
    let (before, sentence) = message
        .trim_end()
        .rsplit_once('\n')
        .unwrap_or(("", message.trim_end()));
    assert!(sentence.starts_with("sd-daemon: "), "{message}");
    assert!(
        before
            .lines()
            .all(|line| line.contains("INFO") || line.contains("WARN")),
        "only log lines precede the error: {message}"
    );
    sentence.to_owned()
}

fn flip(path: &Path, offset: u64, bit: u8) {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .expect("the file exists");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset)
        .expect("the file is long enough");
    byte[0] ^= 1 << bit;
    file.write_all_at(&byte, offset).expect("the file can be written");
}

fn cut(path: &Path, length: u64) {
    let file = fs::File::options()
        .write(true)
        .open(path)
        .expect("the file exists");
    file.set_len(length).expect("the file can be truncated");
}

/// A part of the expected error, and the damage that causes it.
type Damage = (&'static str, fn(&Path));

const DAMAGES: &[Damage] = &[
    ("it is empty", |path| cut(path, 0)),
    ("is damaged", |path| cut(path, 100)),
    ("is damaged", |path| {
        cut(path, fs::metadata(path).expect("the file exists").len() / 2);
    }),
    ("is damaged", |path| {
        cut(path, fs::metadata(path).expect("the file exists").len() - PAGE);
    }),
    ("file is not a database", |path| {
        fs::write(path, "not a registry ".repeat(1000)).expect("the write succeeds");
    }),
    ("it is a directory", |path| {
        fs::remove_file(path).expect("the file exists");
        fs::create_dir(path).expect("the path is free");
    }),
    ("it is not a registry of sd-daemon", |path| {
        fs::remove_file(path).expect("the file exists");
        let other = rusqlite::Connection::open(path).expect("the directory is not locked");
        other
            .execute_batch("create table note (text)")
            .expect("the write succeeds");
    }),
    ("written by a newer sd-daemon (format 999", |path| {
        let newer = rusqlite::Connection::open(path).expect("the registry opens");
        newer
            .pragma_update(None, "user_version", 999)
            .expect("the write succeeds");
    }),
    ("it is missing, although", |path| {
        fs::rename(path, path.with_file_name("registry.sqlite3-wal")).expect("the file exists");
    }),
    ("column operation", |path| {
        let edited = rusqlite::Connection::open(path).expect("the registry opens");
        edited
            .execute_batch("update idempotency_key set operation = 'nonsense' where key = 'key7'")
            .expect("the write succeeds");
    }),
];

#[tokio::test]
async fn damaged_registry_is_refused_and_left_unchanged() {
    let intact = filled().await;
    for (expected, damage) in DAMAGES {
        let state = tempfile::tempdir().expect("a temporary directory can be created");
        let path = file(state.path());
        fs::copy(file(intact.path()), &path).expect("a temporary directory can be created");
        damage(&path);
        let before = fs::read(&path).ok();
        let message = refusal(state.path());
        assert!(message.contains(expected), "{expected:?} is not in: {message}");
        assert!(
            message.contains("registry.sqlite3"),
            "the error names the file: {message}"
        );
        let remedies = ["sd-daemon recover", "install that version again"];
        assert!(
            remedies.iter().any(|advice| message.contains(advice)),
            "{message}"
        );
        assert_eq!(fs::read(&path).ok(), before, "{expected}");
    }
}

/// Flips a bit of the page header. None of these pages is needed to open the file.
#[tokio::test]
async fn flipped_bit_is_detected_in_every_page() {
    let state = filled().await;
    let path = file(state.path());
    let pages = fs::metadata(&path).expect("the file exists").len() / PAGE;
    for page in (1..pages).step_by(usize::try_from(pages / 12).expect("the number is small")) {
        flip(&path, page * PAGE, 2);
        let message = refusal(state.path());
        assert!(message.contains("is damaged"), "page {page}: {message}");
        flip(&path, page * PAGE, 2);
    }
}

/// An id with a flipped bit is a valid id: of no container, or of another one.
#[tokio::test]
async fn flipped_bit_in_an_id_is_detected_in_rows_and_indexes() {
    let state = filled().await;
    let path = file(state.path());
    let connection = rusqlite::Connection::open(&path).expect("the registry opens");
    // Removes deleted content from the file.
    connection
        .execute_batch("vacuum")
        .expect("the file can be written");
    drop(connection);
    let (bytes, id) = (fs::read(&path).expect("the file exists"), format!("{:064x}", 77));
    let places: Vec<_> = (0..bytes.len())
        .filter(|place| bytes[*place..].starts_with(id.as_bytes()))
        .collect();
    // The row, its index, the events and their index.
    assert!(places.len() > 4, "{places:?}");
    for place in places {
        let digit = u64::try_from(place).expect("the file is small");
        flip(&path, digit, 0);
        let message = refusal(state.path());
        assert!(message.contains("is damaged"), "byte {digit}: {message}");
        flip(&path, digit, 0);
    }
}

#[tokio::test]
async fn read_only_file_system_is_not_reported_as_damage() {
    let state = filled().await;
    let output = Command::new("unshare")
        .args([
            "--mount",
            "sh",
            "-c",
            "mount --bind -o ro \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && \
               exec timeout 60 \"$2\" --listen 127.0.0.1:0 --state-dir \"$1\"",
            "sh",
        ])
        .arg(state.path())
        .arg(env!("CARGO_BIN_EXE_sd-daemon"))
        .output()
        .expect("unshare is installed");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.contains("Read-only file system") && message.contains("--state-dir"),
        "{message}"
    );
    assert!(
        !message.contains("damaged") && message.lines().count() == 1,
        "{message}"
    );
}
