//! The password: its file, guessing it, and the places where it must not appear.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tokio::task::JoinSet;

use crate::program::{Program, command, exchange, status};

const PASSWORD: &str = "correct-horse-battery-staple";
/// `admin:` and [`PASSWORD`].
const RIGHT: &str = "YWRtaW46Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ==";
/// `admin:wrong-horse`.
const WRONG: &str = "YWRtaW46d3JvbmctaG9yc2U=";
const HERE: [u8; 4] = [127, 0, 0, 1];

fn file_with(directory: &Path, mode: u32, content: &str) -> PathBuf {
    let path = directory.join("password");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn login(credentials: &str) -> String {
    format!(
        "GET /v1/containers HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Basic {credentials}\r\n\r\n"
    )
}

/// Runs `sd-daemon hash-password` with this standard input.
fn hash(password: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sd-daemon"))
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), password.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Starts a daemon whose password file contains a hash.
fn start_hashed(directory: &Path, log: &str) -> Program {
    let hashed = hash(&format!("{PASSWORD}\n"));
    assert!(hashed.status.success(), "{hashed:?}");
    let text = String::from_utf8(hashed.stdout).unwrap();
    assert!(
        text.starts_with("$argon2id$v=19$") && !text.contains(PASSWORD),
        "{text}"
    );
    let mut command = command();
    command
        .env("RUST_LOG", log)
        .arg("--password-file")
        .arg(file_with(directory, 0o600, &text));
    Program::start_as(command)
}

#[test]
fn hash_password_rejects_empty_and_oversized_input() {
    for (input, reason) in [
        ("\n", "no password on standard input"),
        (&"a".repeat(20_000), "the password is too long"),
    ] {
        let output = hash(input);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(reason),
            "{output:?}"
        );
    }
}

#[tokio::test]
async fn failed_logins_use_little_memory_and_block_no_valid_login() {
    let directory = tempfile::tempdir().unwrap();
    let program = start_hashed(directory.path(), "info");
    let api = program.api();
    let right = exchange(HERE, api, login(RIGHT)).await;
    assert_eq!(status(&right), Some(200), "{right:?}");
    let memory = program.memory();

    let mut attack = JoinSet::new();
    // Few enough for each address that no connection is evicted as stalled.
    for number in 0..300_u16 {
        let [_, low] = (number % 50).to_be_bytes();
        attack.spawn(async move { exchange([127, 4, 0, low + 1], api, login(WRONG)).await });
    }
    // Credentials that were verified a moment ago need no hash.
    let right = exchange(HERE, api, login(RIGHT)).await;
    assert_eq!(status(&right), Some(200), "{right:?}");
    let mut most = 0;
    while let Some(answer) = attack.join_next().await {
        most = most.max(program.memory());
        let answer = answer.unwrap();
        assert!(matches!(status(&answer), Some(401 | 429)), "{answer:?}");
    }
    // Two concurrent hashes take 38 MiB; three hundred would take more than five GiB.
    let grown = most.saturating_sub(memory);
    assert!(grown < 96 * 1024, "memory grew by {grown} KiB");
}

#[tokio::test]
async fn secrets_are_absent_from_log_arguments_and_environment() {
    let directory = tempfile::tempdir().unwrap();
    let program = start_hashed(directory.path(), "trace");
    for credentials in [RIGHT, WRONG, "bm90LWFuLXBhaXI="] {
        let answer = exchange(HERE, program.api(), login(credentials)).await;
        assert!(matches!(status(&answer), Some(200 | 401)), "{answer:?}");
    }
    let hash = std::fs::read_to_string(directory.path().join("password")).unwrap();
    let (_, digest) = hash.trim().rsplit_once('$').unwrap();
    let log = program.log();
    assert!(log.contains("responded"), "the log level includes requests");
    for (place, text) in [
        ("log", log),
        ("cmdline", program.proc("cmdline")),
        ("environ", program.proc("environ")),
    ] {
        for secret in [PASSWORD, RIGHT, "wrong-horse", WRONG, digest] {
            assert!(!text.contains(secret), "{secret} is in the {place}");
        }
    }
}

/// Whether another user of the host can read a file.
fn is_readable_by_others(path: &Path) -> bool {
    let mut other = Command::new("setpriv");
    other
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "cat"])
        .arg(path);
    let output = other
        .stdin(Stdio::null())
        .output()
        .expect("setpriv is part of Debian");
    output.status.success()
}

#[tokio::test]
async fn state_is_unreadable_for_other_users_of_the_host() {
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open.clone()).unwrap();
    let state = directory.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, open).unwrap();
    let control = state.join("control");
    std::fs::write(&control, "public").unwrap();
    assert!(
        is_readable_by_others(&control),
        "the check can read a public file"
    );

    let mut shell = Command::new("sh");
    // The daemon sets its own umask.
    shell.args([
        "-c",
        "umask 0; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_sd-daemon"),
    ]);
    shell.args([
        "--listen",
        "127.0.0.1:0",
        "--check-in-listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ]);
    shell.arg("--state-dir").arg(&state);
    let program = Program::start_as(shell);
    let mut files = 0;
    for file in std::fs::read_dir(&state).unwrap() {
        let path = file.unwrap().path();
        if path != control {
            files += 1;
            assert!(!is_readable_by_others(&path), "{}", path.display());
        }
    }
    assert!(files >= 2, "the state directory has a lock and a registry");
    drop(program);

    let fresh = directory.path().join("fresh").join("state");
    let mut command = command();
    command.arg("--state-dir").arg(&fresh);
    let program = Program::start_as(command);
    let mode = std::fs::metadata(&fresh).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(program);
}

/// The error for options with which the daemon does not start. Checks that it exits with 2 and has no state directory.
fn refusal(options: &[&str]) -> String {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let state = tempfile::tempdir().unwrap();
    // A daemon that accepts the options would serve until the timeout.
    let output = Command::new("timeout")
        .args(["60", env!("CARGO_BIN_EXE_sd-daemon"), "--state-dir"])
        .arg(state.path().join("state"))
        .args(
            options
                .iter()
                .map(|option| option.replace("PORT", &port.to_string())),
        )
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        !state.path().join("state").exists(),
        "the state directory was not created"
    );
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn insecure_settings_are_rejected_before_anything_opens() {
    let directory = tempfile::tempdir().unwrap();
    let password = file_with(directory.path(), 0o600, PASSWORD);
    let password = password.to_str().unwrap();
    for listen in ["0.0.0.0:PORT", "[::]:PORT", "192.0.2.1:PORT"] {
        let text = refusal(&["--listen", listen]);
        assert!(
            text.contains("password_file") && text.contains("127.0.0.1"),
            "{text}"
        );
        let text = refusal(&["--listen", listen, "--insecure-http"]);
        assert!(
            text.contains("password_file") && text.contains("127.0.0.1"),
            "{text}"
        );
        let text = refusal(&["--listen", listen, "--password-file", password]);
        assert!(text.contains("insecure_http") && text.contains("TLS"), "{text}");
    }
    let hashed = hash("spindocker\n");
    for known in ["spindocker\n", &String::from_utf8(hashed.stdout).unwrap()] {
        file_with(directory.path(), 0o600, known);
        let text = refusal(&[
            "--listen",
            "0.0.0.0:PORT",
            "--insecure-http",
            "--password-file",
            password,
        ]);
        assert!(text.contains("default password"), "{text}");
    }
    for mode in [0o640, 0o604, 0o620, 0o602] {
        file_with(directory.path(), mode, PASSWORD);
        let text = refusal(&["--listen", "127.0.0.1:PORT", "--password-file", password]);
        assert!(text.contains("chmod 600"), "{mode:o}: {text}");
    }
    file_with(directory.path(), 0o600, PASSWORD);
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(password, &link).unwrap();
    let text = refusal(&[
        "--listen",
        "127.0.0.1:PORT",
        "--password-file",
        link.to_str().unwrap(),
    ]);
    assert!(text.contains("symbolic link"), "{text}");
    std::os::unix::fs::chown(password, Some(65534), None).unwrap();
    let text = refusal(&["--listen", "127.0.0.1:PORT", "--password-file", password]);
    assert!(text.contains("another user"), "{text}");
}
