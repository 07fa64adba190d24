//! The program as a process, and connections to it from any address of this machine.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Anything here is done within this time, even on a machine with other things to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(20);
/// `admin` with the default password.
pub(crate) const CREDENTIALS: &str = "authorization: Basic YWRtaW46c3BpbmRvY2tlcg==\r\n";

/// A daemon without an engine.
pub(crate) struct Program {
    child: Child,
    state: tempfile::TempDir,
}

impl Program {
    /// A daemon on ports of its own.
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut command = command();
        command.args(options);
        Self::start_as(command)
    }

    /// The same with few file descriptors.
    pub(crate) fn start_with_descriptors(count: u32) -> Self {
        let mut shell = Command::new("sh");
        let begin = format!("ulimit -n {count} && exec \"$0\" \"$@\"");
        shell.args(["-c", &begin, env!("CARGO_BIN_EXE_sd-daemon")]);
        shell.args(["--listen", "127.0.0.1:0", "--check-in-listen", "127.0.0.1:0"]);
        shell.args(["--log-format", "json"]);
        Self::start_as(shell)
    }

    /// Starts a program that is the daemon, with a state directory and a file for its log.
    pub(crate) fn start_as(mut command: Command) -> Self {
        let state = tempfile::tempdir().unwrap();
        let log = File::create(state.path().join("log")).unwrap();
        command.env("SD_DAEMON_STATE_DIR", state.path().join("state"));
        command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        let child = command.stderr(log).spawn().unwrap();
        let mut program = Self { child, state };
        wait_until("it serves", || {
            assert_eq!(program.child.try_wait().unwrap(), None, "{}", program.log());
            program.find_in_log("serving the API").is_some()
                && program.find_in_log("serving check-ins").is_some()
        });
        program
    }

    pub(crate) fn api(&self) -> SocketAddr {
        self.find_in_log("serving the API").unwrap()
    }

    /// Where containers check in.
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

    /// What the kernel says of the process.
    pub(crate) fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    /// Memory that it really has, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        number_after(&self.proc("status"), "VmRSS:")
    }

    /// Processor time that it has used, in hundredths of a second.
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
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The program with settings that no test wants otherwise.
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

/// The number behind a name, such as in `/proc/self/io`.
pub(crate) fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Waits for something that is looked at.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(TICK);
    }
}

/// The size of a file, or nothing where there is none.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// A connection from an address of this machine.
pub(crate) async fn connect(from: impl Into<IpAddr>, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.into(), 0))?;
    socket.connect(to).await
}

/// Sends some text on a new connection and reads until it is closed.
pub(crate) async fn exchange(from: [u8; 4], to: SocketAddr, text: String) -> std::io::Result<String> {
    let mut stream = connect(from, to).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Waits for an answer. In a crowd, whoever takes a second to ask is hung up on, and that may be this on a busy machine.
pub(crate) async fn is_answered(from: [u8; 4], to: SocketAddr, path: &str) {
    let answered = async {
        while status(&exchange(from, to, get(path)).await) != Some(200) {
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
}

/// A request that ends its connection.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{CREDENTIALS}\r\n")
}

/// The status of an answer, or nothing where there is none.
pub(crate) fn status(answer: &std::io::Result<String>) -> Option<u16> {
    let answer = answer.as_ref().ok()?;
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

/// Waits until a connection is closed by the other end, whatever comes before that.
pub(crate) async fn until_closed(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end as well.
    let closed = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut text)).await;
    assert!(closed.is_ok(), "it stays open");
    String::from_utf8_lossy(&text).into_owned()
}
