//! The daemon as a process, and connections to it from any loopback address.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// The timeout of each step, long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);
/// `admin` with the default password.
pub(crate) const CREDENTIALS: &str = "authorization: Basic YWRtaW46c3BpbmRvY2tlcg==\r\n";

/// A running daemon without an engine.
pub(crate) struct Program {
    child: Child,
    state: tempfile::TempDir,
}

impl Program {
    /// Starts a daemon on free ports.
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut command = command();
        command.args(options);
        Self::start_as(command)
    }

    /// Starts a daemon with a soft limit of file descriptors.
    pub(crate) fn start_with_descriptors(count: u32) -> Self {
        let mut shell = Command::new("sh");
        let begin = format!("ulimit -n {count} && exec \"$0\" \"$@\"");
        shell.args(["-c", &begin, env!("CARGO_BIN_EXE_sd-daemon")]);
        shell.args(["--listen", "127.0.0.1:0", "--check-in-listen", "127.0.0.1:0"]);
        shell.args(["--log-format", "json"]);
        Self::start_as(shell)
    }

    /// Starts a daemon with its own state directory and log file, and waits until it serves.
    pub(crate) fn start_as(mut command: Command) -> Self {
        let state = tempfile::tempdir().unwrap();
        let log = File::create(state.path().join("log")).unwrap();
        command.env("SD_DAEMON_STATE_DIR", state.path().join("state"));
        command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        let child = command.stderr(log).spawn().unwrap();
        let mut program = Self { child, state };
        wait_until("the daemon serves", || {
            assert_eq!(program.child.try_wait().unwrap(), None, "{}", program.log());
            program.find_in_log("serving the API").is_some()
                && program.find_in_log("serving check-ins").is_some()
        });
        program
    }

    pub(crate) fn api(&self) -> SocketAddr {
        self.find_in_log("serving the API").unwrap()
    }

    /// The address for check-ins.
    pub(crate) fn check_in(&self) -> SocketAddr {
        self.find_in_log("serving check-ins").unwrap()
    }

    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.state.path().join("state")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.state.path().join("log")).unwrap()
    }

    pub(crate) fn find_in_log(&self, message: &str) -> Option<SocketAddr> {
        address_in(&self.log(), message)
    }

    /// A file of the process in `/proc`.
    pub(crate) fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        number_after(&self.proc("status"), "VmRSS:")
    }

    /// Used processor time in clock ticks.
    pub(crate) fn processor_ticks(&self) -> u64 {
        let stat = self.proc("stat");
        let after_name = stat.rsplit_once(')').unwrap().1;
        let fields: Vec<_> = after_name.split_whitespace().collect();
        fields[11..13]
            .iter()
            .map(|ticks| ticks.parse::<u64>().unwrap())
            .sum()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The daemon may have exited already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The command with the settings that all tests share.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sd-daemon"));
    command
        .args(["--listen", "127.0.0.1:0", "--check-in-listen", "127.0.0.1:0"])
        .args(["--log-format", "json"])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// The address in the first line of a log with this message.
pub(crate) fn address_in(log: &str, message: &str) -> Option<SocketAddr> {
    log.lines().find_map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = entry["message"] == message;
        is_it.then(|| entry["address"].as_str()?.parse().ok())?
    })
}

/// The number after a name, as in `/proc/self/io`.
pub(crate) fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Polls a condition until it is true.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "timed out: {what}");
        std::thread::sleep(TICK);
    }
}

/// The size of a file; zero if it does not exist.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// Connects from a loopback address.
pub(crate) async fn connect(from: impl Into<IpAddr>, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.into(), 0))?;
    socket.connect(to).await
}

/// Sends a text on a new connection and reads until the server closes it.
pub(crate) async fn exchange(from: [u8; 4], to: SocketAddr, text: String) -> std::io::Result<String> {
    let mut stream = connect(from, to).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Repeats a request until it succeeds. Under overload the daemon may evict a connection that stalls on a busy machine.
pub(crate) async fn is_answered(from: [u8; 4], to: SocketAddr, path: &str) {
    let answered = async {
        while status(&exchange(from, to, get(path)).await) != Some(200) {
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
}

/// A request that closes its connection.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{CREDENTIALS}\r\n")
}

/// The status of a response, if there is one.
pub(crate) fn status(answer: &std::io::Result<String>) -> Option<u16> {
    let answer = answer.as_ref().ok()?;
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Waits until the server closes a connection, and returns the text before that.
pub(crate) async fn until_closed(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset closes the connection as well.
    let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut text)).await;
    assert!(closed.is_ok(), "the connection stays open");
    String::from_utf8_lossy(&text).into_owned()
}
