//! A registry that cannot be used: the program says what is wrong and what to do, in one sentence, and touches
//! nothing.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use sd_daemon::clock::SystemClock;
use sd_daemon::registry::{Registry, StateDirectory};

/// What SQLite reads and writes at once.
const PAGE: u64 = 4096;

/// A registry with more in it than fits into a few pages.
pub(crate) async fn filled() -> tempfile::TempDir {
    let state = tempfile::tempdir().expect("there is room for a state directory");
    let directory = StateDirectory::claim(state.path()).expect("it is new");
    let registry = Registry::open(directory, Arc::new(SystemClock::new())).expect("it begins");
    registry.close().await.expect("it is written");
    let connection = rusqlite::Connection::open(file(state.path())).expect("it is there");
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
        .expect("it is filled");
    state
}

pub(crate) fn file(state: &Path) -> PathBuf {
    state.join("registry.sqlite3")
}

/// Starts the program, which must end by itself, and gives the one sentence that it ends with.
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
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let (before, sentence) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    assert!(sentence.starts_with("sd-daemon: "), "{said}");
    assert!(
        before
            .lines()
            .all(|line| line.contains("INFO") || line.contains("WARN")),
        "only the log comes before: {said}"
    );
    sentence.to_owned()
}

fn flip(path: &Path, offset: u64, bit: u8) {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .expect("it is there");
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).expect("it is long enough");
    byte[0] ^= 1 << bit;
    file.write_all_at(&byte, offset).expect("it can be written");
}

fn cut(path: &Path, length: u64) {
    let file = fs::File::options().write(true).open(path).expect("it is there");
    file.set_len(length).expect("it can be cut");
}

/// A way to spoil a registry, and what is said of it.
type Damage = (&'static str, fn(&Path));

const DAMAGES: &[Damage] = &[
    ("it is empty", |path| cut(path, 0)),
    ("is damaged", |path| cut(path, 100)),
    ("is damaged", |path| {
        cut(path, fs::metadata(path).expect("it is there").len() / 2);
    }),
    ("is damaged", |path| {
        cut(path, fs::metadata(path).expect("it is there").len() - PAGE);
    }),
    ("file is not a database", |path| {
        fs::write(path, "not a registry ".repeat(1000)).expect("it is written");
    }),
    ("it is a directory", |path| {
        fs::remove_file(path).expect("it is there");
        fs::create_dir(path).expect("it is gone");
    }),
    ("it is no registry of sd-daemon", |path| {
        fs::remove_file(path).expect("it is there");
        let other = rusqlite::Connection::open(path).expect("it is new");
        other
            .execute_batch("create table note (text)")
            .expect("it is written");
    }),
    ("written by a newer sd-daemon (format 999", |path| {
        let newer = rusqlite::Connection::open(path).expect("it is there");
        newer
            .pragma_update(None, "user_version", 999)
            .expect("it is written");
    }),
    ("it is missing, and", |path| {
        fs::rename(path, path.with_file_name("registry.sqlite3-wal")).expect("it is there");
    }),
    ("column operation", |path| {
        let edited = rusqlite::Connection::open(path).expect("it is there");
        edited
            .execute_batch("update idempotency_key set operation = 'nonsense' where key = 'key7'")
            .expect("it is written");
    }),
];

#[tokio::test]
async fn every_damage_is_refused_in_one_sentence_and_nothing_is_changed() {
    let whole = filled().await;
    for (expected, damage) in DAMAGES {
        let state = tempfile::tempdir().expect("there is room for a state directory");
        let path = file(state.path());
        fs::copy(file(whole.path()), &path).expect("there is room for a copy");
        damage(&path);
        let before = fs::read(&path).ok();
        let said = refusal(state.path());
        assert!(said.contains(expected), "{expected:?} is not in: {said}");
        assert!(said.contains("registry.sqlite3"), "it names the file: {said}");
        let says_what_to_do = ["sd-daemon recover", "install that version again"];
        assert!(
            says_what_to_do.iter().any(|advice| said.contains(advice)),
            "{said}"
        );
        assert_eq!(fs::read(&path).ok(), before, "{expected}");
    }
}

/// The head of a page says what the rest of it means. None of these pages is needed to open the file.
#[tokio::test]
async fn a_flipped_bit_is_found_in_whichever_page_it_is() {
    let state = filled().await;
    let path = file(state.path());
    let pages = fs::metadata(&path).expect("it is there").len() / PAGE;
    for page in (1..pages).step_by(usize::try_from(pages / 12).expect("there are few")) {
        flip(&path, page * PAGE, 2);
        let said = refusal(state.path());
        assert!(said.contains("is damaged"), "page {page}: {said}");
        flip(&path, page * PAGE, 2);
    }
}

/// An id with another bit is an id too: of no container that there is, or worse, of another one.
#[tokio::test]
async fn a_flipped_bit_in_an_id_is_found_wherever_the_id_is_written() {
    let state = filled().await;
    let path = file(state.path());
    let connection = rusqlite::Connection::open(&path).expect("it is there");
    // Nothing is left in the file of what it held before.
    connection.execute_batch("vacuum").expect("there is room");
    drop(connection);
    let (bytes, id) = (fs::read(&path).expect("it is there"), format!("{:064x}", 77));
    let places: Vec<_> = (0..bytes.len())
        .filter(|place| bytes[*place..].starts_with(id.as_bytes()))
        .collect();
    // The row and its index, and events with theirs.
    assert!(places.len() > 4, "{places:?}");
    for place in places {
        let digit = u64::try_from(place).expect("the file is small");
        flip(&path, digit, 0);
        let said = refusal(state.path());
        assert!(said.contains("is damaged"), "byte {digit}: {said}");
        flip(&path, digit, 0);
    }
}

#[tokio::test]
async fn a_file_system_that_is_read_only_is_no_damage() {
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
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("Read-only file system") && said.contains("--state-dir"),
        "{said}"
    );
    assert!(!said.contains("damaged") && said.lines().count() == 1, "{said}");
}
