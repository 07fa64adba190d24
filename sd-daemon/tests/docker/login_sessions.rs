//! People at work: `psql` and `ssh` as they are used, with a session that stays open.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::daemon::eventually;

/// Password of the database, and only of databases of tests.
pub(crate) const PASSWORD: &str = "only-for-tests";

/// An open session to which lines can be sent, and which answers each.
pub(crate) struct Session {
    child: Child,
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    question: &'static str,
}

impl Session {
    /// A session of `psql` with the database behind a port of this host, which has answered once.
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

    /// A session of `ssh` with the server behind a port of this host, which has answered once. The client
    /// asks every few seconds whether the server is still there, as careful people let it.
    pub(crate) async fn ssh(port: u16, key: &Path) -> Self {
        let reachable = format!("ssh on port {port} lets in");
        eventually(&reachable, async || {
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

    async fn open(mut program: tokio::process::Command, question: &'static str) -> Self {
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the program is installed");
        let input = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut session = Self {
            child,
            input,
            answers,
            question,
        };
        session.works().await;
        session
    }

    /// Asks something, and waits for the answer.
    pub(crate) async fn works(&mut self) {
        self.input
            .write_all(self.question.as_bytes())
            .await
            .expect("the session is open");
        self.input.flush().await.expect("the session is open");
        let answer = tokio::time::timeout(Duration::from_secs(30), self.answers.next_line()).await;
        let answer = answer
            .expect("an answer comes in time")
            .expect("the session is open");
        let answer = answer.expect("the session has not ended");
        assert!(answer.starts_with("42"), "{answer}");
    }

    /// Whether the program still runs.
    pub(crate) fn is_open(&mut self) -> bool {
        self.child.try_wait().expect("it was started").is_none()
    }
}

/// Waits until the database lets in.
async fn accepts_logins(port: u16) {
    eventually("the database lets in", async || {
        // An answer, whatever it is, comes from a database; what is published and not served is hung up.
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

/// A new key in a directory, and its public half.
pub(crate) fn new_key(directory: &Path) -> (std::path::PathBuf, String) {
    let key = directory.join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status()
        .expect("ssh-keygen is installed");
    assert!(made.success());
    let public = std::fs::read_to_string(directory.join("key.pub")).expect("it was made");
    (key, public.trim().to_owned())
}
