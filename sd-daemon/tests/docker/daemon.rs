//! The daemon as a process, and functions that wait for its state.
//!
//! Longer than 400 lines: every test uses it, and each part needs the fields of [`Daemon`].

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sd_client::Client;
use sd_client::api::{Container, ContainerQuery, CreateContainer, Status};

use crate::docker::{docker, image};

/// The limit of every wait. No operation takes as long, even on a busy machine.
const WAIT_LIMIT: Duration = Duration::from_secs(120);

/// A running daemon with its state directory.
pub(crate) struct Daemon {
    child: Child,
    address: String,
    state: tempfile::TempDir,
    program: Program,
    /// The `--host` of the docker client, if the daemon does not use the default engine.
    client_host: Option<String>,
    /// The id of the registry, to find its containers even if the registry is lost.
    instance: String,
    /// The offset in the log file at which the current process started.
    log_begin: u64,
}

/// How the daemon is started.
#[derive(Default)]
struct Program {
    options: Vec<String>,
    /// The value of `DOCKER_HOST`, if not the default.
    engine: Option<String>,
    user: Option<u32>,
    /// A command that runs the daemon by `exec`, such as `nsenter`.
    wrapper: Vec<String>,
}

/// The user id of `nobody`.
const NOBODY: u32 = 65_534;

impl Daemon {
    /// Starts a daemon with an empty registry on a free port, and waits until it is ready.
    pub(crate) async fn start(options: &[&str]) -> Self {
        let daemon = Self::launch(Program::new(options), None);
        daemon.wait_until_ready().await;
        daemon
    }

    /// Starts a daemon that reaches the default engine at another address, such as a proxy. Does not wait until it is ready.
    pub(crate) fn start_at(engine: &str, options: &[&str]) -> Self {
        let program = Program {
            engine: Some(engine.to_owned()),
            ..Program::new(options)
        };
        Self::launch(program, None)
    }

    /// Starts a daemon as the user `nobody`. Does not wait until it is ready.
    pub(crate) fn start_as_nobody(engine: &str) -> Self {
        let program = Program {
            engine: Some(engine.to_owned()),
            user: Some(NOBODY),
            ..Program::default()
        };
        Self::launch(program, None)
    }

    /// Starts a daemon on an engine of the test. Does not wait until it is ready.
    pub(crate) fn start_over(engine: &str, options: &[&str]) -> Self {
        let program = Program {
            engine: Some(engine.to_owned()),
            ..Program::new(options)
        };
        Self::launch(program, Some(engine.to_owned()))
    }

    fn launch(program: Program, client_host: Option<String>) -> Self {
        let state = tempfile::tempdir().expect("a temporary directory can be created");
        Self::launch_in(state, program, client_host)
    }

    /// Starts a daemon in a state directory, with a command in front of it, and waits until it is ready.
    pub(crate) async fn start_in(state: tempfile::TempDir, wrapper: &[String], options: &[&str]) -> Self {
        let program = Program {
            wrapper: wrapper.to_vec(),
            ..Program::new(options)
        };
        let daemon = Self::launch_in(state, program, None);
        daemon.wait_until_ready().await;
        daemon
    }

    fn launch_in(state: tempfile::TempDir, program: Program, client_host: Option<String>) -> Self {
        let log_begin = log_length(&state);
        let (child, address) = launch(&state, &program);
        let mut daemon = Self {
            child,
            address,
            state,
            program,
            client_host,
            instance: String::new(),
            log_begin,
        };
        daemon.instance = daemon.read_instance();
        daemon
    }

    /// The id of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A file of the state directory in the mount namespace of the daemon.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid()));
        let path = self.state.path().strip_prefix("/").expect("the path is absolute");
        root.join(path).join(name)
    }

    /// The state directory.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    /// Restarts the daemon after it has exited, with another engine, or with the default one if `engine` is `None`.
    pub(crate) fn restart_at(&mut self, engine: Option<String>) {
        self.program.engine = engine;
        self.log_begin = log_length(&self.state);
        (self.child, self.address) = launch(&self.state, &self.program);
    }

    /// Waits until the daemon exits, and returns its exit code.
    pub(crate) async fn wait_for_exit(&mut self) -> Option<i32> {
        let child = std::cell::RefCell::new(&mut self.child);
        let ended = eventually("the daemon exits", async || {
            child.borrow_mut().try_wait().expect("the process was started")
        });
        ended.await.code()
    }

    /// Whether the daemon has exited.
    pub(crate) fn has_exited(&mut self) -> bool {
        self.child.try_wait().expect("the process was started").is_some()
    }

    /// Kills the daemon with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the daemon is running");
        self.child.wait().expect("the process was started");
    }

    /// Sends SIGTERM, waits until the daemon exits, and returns its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().expect("the process was started").code()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status()
            .expect("kill is installed");
        assert!(sent.success(), "it runs");
    }

    /// Restarts the daemon on the same registry after it has exited.
    pub(crate) async fn restart(&mut self) {
        self.log_begin = log_length(&self.state);
        (self.child, self.address) = launch(&self.state, &self.program);
        self.wait_until_ready().await;
    }

    /// Restarts the daemon on the same registry with other options.
    pub(crate) async fn restart_with(&mut self, options: &[&str]) {
        self.program = Program::new(options);
        self.restart().await;
    }

    /// The log of the current process.
    pub(crate) fn log(&self) -> String {
        log_since(&self.state, self.log_begin).unwrap_or_default()
    }

    /// Starts a second daemon on the same state directory, and returns its exit code and output.
    pub(crate) fn start_another(&self) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_sd-daemon"))
            .args(["--listen", "127.0.0.1:0", "--state-dir"])
            .arg(self.state.path())
            .output()
            .expect("the daemon was built");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn client(&self) -> Client {
        let client = Client::new(&format!("http://{}", self.address)).expect("the address is valid");
        client.with_credentials("admin", "spindocker")
    }

    pub(crate) async fn create(&self) -> Container {
        self.client()
            .create(&CreateContainer::of_image(image()))
            .await
            .expect("the create succeeds")
    }

    pub(crate) async fn list(&self) -> Vec<Container> {
        self.client()
            .containers(&ContainerQuery::default())
            .await
            .expect("the read succeeds")
    }

    pub(crate) async fn show(&self, reference: &str) -> Container {
        self.client().container(reference).await.expect("the file exists")
    }

    /// Waits until a container has a status, and returns it.
    pub(crate) async fn becomes(&self, id: &str, status: Status) -> Container {
        let what = format!("container {id} becomes {status}");
        eventually(&what, async || {
            Some(self.show(id).await).filter(|shown| shown.status == status)
        })
        .await
    }

    /// Waits until the daemon and the engine list the same containers in the same states, and returns them.
    pub(crate) async fn agrees_with_docker(&self) -> Vec<Container> {
        let last = std::cell::RefCell::new((BTreeSet::new(), BTreeSet::new()));
        let agreed = eventually_or(
            "the daemon and Docker agree",
            || format!("{:#?}", last.borrow()),
            async || {
                let containers = self.list().await;
                let state =
                    |container: &Container| (container.container_id.clone(), container.status.to_string());
                let both = (containers.iter().map(state).collect(), self.docker_states());
                let do_agree = both.0 == both.1;
                last.replace(both);
                do_agree.then_some(containers)
            },
        );
        agreed.await
    }

    /// The containers of this registry in Docker, with their states in the terms of the API.
    fn docker_states(&self) -> BTreeSet<(String, String)> {
        let filter = format!("label=spin-docker.instance={}", self.instance());
        let format = "{{.ID}} {{.State}}";
        let host = self.client_host.as_ref();
        let host: Vec<&str> = host.map(|host| ["--host", host]).into_iter().flatten().collect();
        let ps = [
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            &filter,
            "--format",
            format,
        ];
        let listed = docker(&[&host[..], &ps].concat());
        let states = listed.lines().filter_map(|line| line.split_once(' '));
        states
            .map(|(id, state)| {
                (
                    id.to_owned(),
                    if state == "exited" { "stopped" } else { state }.to_owned(),
                )
            })
            .collect()
    }

    /// The id of the registry.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// Reads the id of the registry from a copy, because SQLite cannot open a file through `/proc/<pid>/root`.
    fn read_instance(&self) -> String {
        let copy = tempfile::tempdir().expect("a temporary directory can be created");
        for name in ["registry.sqlite3", "registry.sqlite3-wal"] {
            std::fs::copy(self.file(name), copy.path().join(name)).expect("the file exists");
        }
        let registry =
            rusqlite::Connection::open(copy.path().join("registry.sqlite3")).expect("the registry opens");
        registry
            .query_row("select id from instance", [], |row| row.get(0))
            .expect("there is one")
    }

    /// Waits until the daemon is ready and serves check-ins.
    pub(crate) async fn wait_until_ready(&self) {
        eventually("the daemon is ready", async || self.client().ready().await.ok()).await;
        eventually("the daemon serves check-ins", async || {
            self.log().contains("serving check-ins").then_some(())
        })
        .await;
    }

    fn log_file(state: &tempfile::TempDir) -> PathBuf {
        state.path().join("log")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // The process may have exited already.
        drop(self.child.kill());
        drop(self.child.wait());
        // An engine of the test is deleted with all its containers.
        if self.client_host.is_none() {
            remove_containers_of(&self.instance);
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(Self::log_file(&self.state)).unwrap_or_default();
            #[expect(clippy::print_stderr, reason = "the log explains the failure of a test")]
            {
                eprintln!("the daemon's log:\n{log}");
            }
        }
    }
}

/// Removes the remaining containers of a daemon. The test process removes only those of its own image at its end.
fn remove_containers_of(instance: &str) {
    let filter = format!("label=spin-docker.instance={instance}");
    let listed = Command::new("docker")
        .args(["ps", "--all", "--quiet", "--filter", &filter])
        .output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let ids = listed.unwrap_or_default();
    if !ids.trim().is_empty() {
        // script/test reports leftovers at its end.
        drop(
            Command::new("docker")
                .args(["rm", "--force", "--volumes"])
                .args(ids.split_whitespace())
                .output(),
        );
    }
}

impl Program {
    fn new(options: &[&str]) -> Self {
        Self {
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            ..Self::default()
        }
    }

    fn command(&self, state: &tempfile::TempDir) -> Command {
        let built = env!("CARGO_BIN_EXE_sd-daemon");
        let Some(user) = self.user else {
            let mut words = self.wrapper.iter().map(String::as_str).chain([built]);
            let mut command = Command::new(words.next().unwrap_or(built));
            command.args(words);
            return command;
        };
        // The build directory may not be accessible to the user.
        let program = state.path().join("sd-daemon");
        // Copied by another process: if this one had the file open for writing while another test forks, the child
        // would inherit it, and executing the file would fail with ETXTBSY.
        let copied = Command::new("cp").args([Path::new(built), &program]).status();
        assert!(
            copied.expect("cp is installed").success(),
            "the daemon can be copied"
        );
        std::os::unix::fs::chown(state.path(), Some(user), Some(user)).expect("the tests run as root");
        let mut command = Command::new(program);
        command.uid(user).gid(user);
        command
    }
}

/// Starts the daemon, and waits for its address in the log.
#[expect(
    clippy::zombie_processes,
    reason = "`Daemon` waits for the process; if this function panics, the test ends anyway"
)]
fn launch(state: &tempfile::TempDir, program: &Program) -> (Child, String) {
    let log = File::options()
        .create(true)
        .append(true)
        .open(Daemon::log_file(state))
        .expect("the file can be written");
    let begin = log_length(state);
    let child = program
        .command(state)
        .args(["--listen", "127.0.0.1:0", "--log-format", "json", "--state-dir"])
        .arg(state.path())
        .args(&program.options)
        .envs(program.engine.as_ref().map(|host| ("DOCKER_HOST", host)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the daemon was built");
    let deadline = std::time::Instant::now() + WAIT_LIMIT;
    loop {
        if let Some(address) = address_in_log(state, begin) {
            return (child, address);
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the daemon does not serve the API"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn log_length(state: &tempfile::TempDir) -> u64 {
    std::fs::metadata(Daemon::log_file(state)).map_or(0, |log| log.len())
}

fn log_since(state: &tempfile::TempDir, begin: u64) -> Option<String> {
    let mut log = File::open(Daemon::log_file(state)).ok()?;
    log.seek(SeekFrom::Start(begin)).ok()?;
    let mut text = Vec::new();
    log.read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn address_in_log(state: &tempfile::TempDir, begin: u64) -> Option<String> {
    log_since(state, begin)?.lines().find_map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).ok()?;
        (entry["message"] == "serving the API").then(|| entry["address"].as_str().map(str::to_owned))?
    })
}

/// Polls until `probe` returns a value, and returns it. Panics after two minutes.
pub(crate) async fn eventually<T>(what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
    within(WAIT_LIMIT, what, probe).await
}

/// Like [`eventually`], and adds the last state to the panic message.
async fn eventually_or<T>(
    what: &str,
    last_state: impl Fn() -> String,
    probe: impl AsyncFn() -> Option<T>,
) -> T {
    let found = poll(WAIT_LIMIT, probe).await;
    found.unwrap_or_else(|| {
        panic!(
            "not within {} s: {what}; last state: {}",
            WAIT_LIMIT.as_secs(),
            last_state()
        )
    })
}

/// Polls until `probe` returns a value, and returns it. Panics after `limit`.
pub(crate) async fn within<T>(limit: Duration, what: &str, probe: impl AsyncFn() -> Option<T>) -> T {
    let found = poll(limit, probe).await;
    found.unwrap_or_else(|| panic!("not within {} s: {what}", limit.as_secs()))
}

async fn poll<T>(limit: Duration, probe: impl AsyncFn() -> Option<T>) -> Option<T> {
    let polling = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if let Some(found) = probe().await {
                return found;
            }
        }
    };
    tokio::time::timeout(limit, polling).await.ok()
}

/// Runs a shell command inside a container, and returns whether it succeeded.
pub(crate) fn runs_inside(id: &str, command: &str) -> bool {
    let mut inside = Command::new("docker");
    inside
        .args(["exec", id, "/bin/sh", "-c", command])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    inside.status().expect("the docker client is installed").success()
}

/// Sends a check-in from inside a container, and returns whether it was accepted.
pub(crate) fn check_in_from_inside(id: &str, connections: u32) -> bool {
    let report =
        format!("/bin/busybox wget -O - --post-data active-connections={connections} $SD_CHECK_IN_URL");
    runs_inside(id, &report)
}
