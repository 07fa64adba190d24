//! Interactive sessions of `psql` and `ssh` that stay open.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::daemon::eventually;

/// The password of the test database.
pub(crate) const PASSWORD: &str = "only-for-tests";

/// An open session that answers each command with a line.
pub(crate) struct Session {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    command: &'static str,
}

impl Session {
    /// Opens a session of `psql` on a port of this host, and runs one command.
    pub(crate) async fn psql(port: u16) -> Self {
        accepts_logins(port).await;
        let mut psql = tokio::process::Command::new("psql");
        psql.env("PGPASSWORD", PASSWORD)
            .args([
                "--no-psqlrc",
                "--quiet",
                "--tuples-only",
                "--no-align",
                "--host",
                "127.0.0.1",
            ])
            .args(["--username", "postgres", "--port", &port.to_string()]);
        Self::open(psql, "select 42;\n").await
    }

    /// Opens a session of `ssh` on a port of this host, and runs one command. The client sends keepalives, which must not
    /// count as activity.
    pub(crate) async fn ssh(port: u16, key: &Path) -> Self {
        let description = format!("ssh on port {port} accepts the login");
        eventually(&description, async || {
            let tried = ssh(port, key)
                .arg("true")
                .stdin(Stdio::null())
                .output()
                .expect("ssh is installed");
            tried.status.success().then_some(())
        })
        .await;
        let mut shell = tokio::process::Command::from(ssh(port, key));
        shell.args(["-o", "ServerAliveInterval=2", "/bin/sh"]);
        Self::open(shell, "echo 42, and the time is $(date)\n").await
    }

    async fn open(mut program: tokio::process::Command, command: &'static str) -> Self {
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the program is installed");
        let input = child.stdin.take().expect("the stream is piped");
        let output = BufReader::new(child.stdout.take().expect("the stream is piped")).lines();
        let mut session = Self {
            child,
            input,
            output,
            command,
        };
        session.run_command().await;
        session
    }

    /// Runs a command, and waits for its output.
    pub(crate) async fn run_command(&mut self) {
        self.input
            .write_all(self.command.as_bytes())
            .await
            .expect("the session is open");
        self.input.flush().await.expect("the session is open");
        let answer = tokio::time::timeout(Duration::from_secs(30), self.output.next_line()).await;
        let answer = answer
            .expect("the output comes in time")
            .expect("the session is open");
        let answer = answer.expect("the session has not ended");
        assert!(answer.starts_with("42"), "{answer}");
    }

    /// Whether the client is still running.
    pub(crate) fn is_open(&mut self) -> bool {
        self.child.try_wait().expect("the process was started").is_none()
    }
}

/// Waits until the database accepts logins.
async fn accepts_logins(port: u16) {
    eventually("the database accepts the login", async || {
        let tried = Command::new("psql")
            .env("PGPASSWORD", PASSWORD)
            .args([
                "--no-psqlrc",
                "--host",
                "127.0.0.1",
                "--username",
                "postgres",
                "--port",
                &port.to_string(),
            ])
            .args(["--command", "select 1"])
            .stdin(Stdio::null())
            .output()
            .expect("psql is installed");
        tried.status.success().then_some(())
    })
    .await;
}

fn ssh(port: u16, key: &Path) -> Command {
    let mut ssh = Command::new("ssh");
    ssh.args([
        "-F",
        "/dev/null",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=no",
    ])
    .args([
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR",
        "-o",
        "IdentitiesOnly=yes",
    ])
    .arg("-i")
    .arg(key)
    .args(["-p", &port.to_string(), "user@127.0.0.1"]);
    ssh
}

/// Creates a key pair. Returns the path of the private key and the public key.
pub(crate) fn new_key(directory: &Path) -> (std::path::PathBuf, String) {
    let key = directory.join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .expect("ssh-keygen is installed");
    assert!(made.success());
    let public = std::fs::read_to_string(directory.join("key.pub")).expect("the key was created");
    (key, public.trim().to_owned())
}
