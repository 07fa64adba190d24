//! The program as a process, and how to wait for what it does.

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

/// Anything on a real engine is done within this time, even on a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// A state directory, and the daemon that uses it at the moment.
pub(crate) struct Daemon {
    child: Child,
    address: String,
    state: tempfile::TempDir,
    program: Program,
    /// Where the docker client finds the same engine, when that is not where everybody does.
    client_host: Option<String>,
    /// Whose containers there are, so that they are found whatever becomes of the registry.
    instance: String,
    /// Where the log of the program that runs now begins.
    log_begin: u64,
}

/// How the program is started.
#[derive(Default)]
struct Program {
    options: Vec<String>,
    /// What `DOCKER_HOST` says, when it says anything else than to everybody.
    engine: Option<String>,
    user: Option<u32>,
    /// What stands before the program on its command line, and takes its own place with it.
    wrapper: Vec<String>,
}

/// The user with the fewest rights.
const NOBODY: u32 = 65_534;

impl Daemon {
    /// A daemon with an empty registry, on a port of its own.
    pub(crate) async fn start(options: &[&str]) -> Self {
        let daemon = Self::launch(Program::new(options), None);
        daemon.is_ready().await;
        daemon
    }

    /// One that goes another way to the engine that everybody uses. It need not be there yet.
    pub(crate) fn start_at(engine: &str, options: &[&str]) -> Self {
        let program = Program {
            engine: Some(engine.to_owned()),
            ..Program::new(options)
        };
        Self::launch(program, None)
    }

    /// The same, without any rights.
    pub(crate) fn start_as_nobody(engine: &str) -> Self {
        let program = Program {
            engine: Some(engine.to_owned()),
            user: Some(NOBODY),
            ..Program::default()
        };
        Self::launch(program, None)
    }

    /// One over an engine of the test's own.
    pub(crate) fn start_over(engine: &str, options: &[&str]) -> Self {
        let program = Program {
            engine: Some(engine.to_owned()),
            ..Program::new(options)
        };
        Self::launch(program, Some(engine.to_owned()))
    }

    fn launch(program: Program, client_host: Option<String>) -> Self {
        let state = tempfile::tempdir().expect("there is room for a state directory");
        Self::launch_in(state, program, client_host)
    }

    /// One in this directory, through a command that becomes it.
    pub(crate) async fn start_in(state: tempfile::TempDir, wrapper: &[String], options: &[&str]) -> Self {
        let program = Program {
            wrapper: wrapper.to_vec(),
            ..Program::new(options)
        };
        let daemon = Self::launch_in(state, program, None);
        daemon.is_ready().await;
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

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A file in its state directory, as the program itself sees it: the directory may be another one to it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid()));
        let path = self.state.path().strip_prefix("/").expect("it is absolute");
        root.join(path).join(name)
    }

    /// Where its registry is.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    /// Starts the program again, after it has ended, and lets it ask another engine; the usual one where none is named.
    pub(crate) fn restart_at(&mut self, engine: Option<String>) {
        self.program.engine = engine;
        self.log_begin = log_length(&self.state);
        (self.child, self.address) = launch(&self.state, &self.program);
    }

    /// Waits until it ends by itself, and gives its exit code.
    pub(crate) async fn ends(&mut self) -> Option<i32> {
        let child = std::cell::RefCell::new(&mut self.child);
        let ended = eventually("the daemon ends by itself", async || {
            child.borrow_mut().try_wait().expect("it was started")
        });
        ended.await.code()
    }

    /// Whether it has ended by now.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it was started").is_some()
    }

    /// Ends it without any warning, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was started");
    }

    /// Asks it to stop, and gives its exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().expect("it was started").code()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status()
            .expect("kill is installed");
        assert!(sent.success(), "it runs");
    }

    /// Starts the program again over the same registry, after it has ended.
    pub(crate) async fn restart(&mut self) {
        self.log_begin = log_length(&self.state);
        (self.child, self.address) = launch(&self.state, &self.program);
        self.is_ready().await;
    }

    /// The same with other options.
    pub(crate) async fn restart_with(&mut self, options: &[&str]) {
        self.program = Program::new(options);
        self.restart().await;
    }

    /// What the program that runs now has logged so far.
    pub(crate) fn log(&self) -> String {
        log_since(&self.state, self.log_begin).unwrap_or_default()
    }

    /// Starts the program a second time over the same registry, and gives its exit code and what it said.
    pub(crate) fn start_another(&self) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_sd-daemon"))
            .args(["--listen", "127.0.0.1:0", "--state-dir"])
            .arg(self.state.path())
            .output()
            .expect("the program was built");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn client(&self) -> Client {
        let client = Client::new(&format!("http://{}", self.address)).expect("the address is one");
        client.with_credentials("admin", "spindocker")
    }

    pub(crate) async fn create(&self) -> Container {
        self.client()
            .create(&CreateContainer::of_image(image()))
            .await
            .expect("it is created")
    }

    pub(crate) async fn list(&self) -> Vec<Container> {
        self.client()
            .containers(&ContainerQuery::default())
            .await
            .expect("reads always work")
    }

    pub(crate) async fn show(&self, reference: &str) -> Container {
        self.client().container(reference).await.expect("it is there")
    }

    /// Waits until a container has a status, and gives it.
    pub(crate) async fn becomes(&self, id: &str, status: Status) -> Container {
        let what = format!("container {id} becomes {status}");
        eventually(&what, async || {
            Some(self.show(id).await).filter(|shown| shown.status == status)
        })
        .await
    }

    /// Waits until nothing is under way, and checks that the daemon and the engine agree: the same
    /// containers, and each of them in the same state.
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

    /// What Docker shows of the containers of this registry, in our words.
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

    /// Whose containers its own are.
    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// Looks inside a copy of the registry: SQLite does not follow the way to a directory that only the program sees.
    fn read_instance(&self) -> String {
        let copy = tempfile::tempdir().expect("there is room for a copy");
        for name in ["registry.sqlite3", "registry.sqlite3-wal"] {
            std::fs::copy(self.file(name), copy.path().join(name)).expect("it is there");
        }
        let registry =
            rusqlite::Connection::open(copy.path().join("registry.sqlite3")).expect("it is a copy");
        registry
            .query_row("select id from instance", [], |row| row.get(0))
            .expect("there is one")
    }

    /// Waits until it has met its engine, and containers can reach it.
    pub(crate) async fn is_ready(&self) {
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
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        // An engine of the test's own is taken away with everything that it has.
        if self.client_host.is_none() {
            remove_containers_of(&self.instance);
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(Self::log_file(&self.state)).unwrap_or_default();
            // Shown with the failure, and only then.
            #[expect(clippy::print_stderr, reason = "this is where a failed test is explained")]
            {
                eprintln!("the daemon's log:\n{log}");
            }
        }
    }
}

/// Takes away what a daemon leaves running: those of its own image a test process removes at its end, others not.
fn remove_containers_of(instance: &str) {
    let filter = format!("label=spin-docker.instance={instance}");
    let listed = Command::new("docker")
        .args(["ps", "--all", "--quiet", "--filter", &filter])
        .output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let ids = listed.unwrap_or_default();
    if !ids.trim().is_empty() {
        // What cannot be removed is found at the end of script/test.
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
        // Where it was built not everybody may look.
        let program = state.path().join("sd-daemon");
        // Not by this process: a program that another test is just starting would have the file open for a moment,
        // and what is open for writing cannot be run.
        let copied = Command::new("cp").args([Path::new(built), &program]).status();
        assert!(copied.expect("cp is installed").success(), "there is room for it");
        std::os::unix::fs::chown(state.path(), Some(user), Some(user)).expect("it is allowed to root");
        let mut command = Command::new(program);
        command.uid(user).gid(user);
        command
    }
}

/// Starts the program and reads its address from its log.
#[expect(
    clippy::zombie_processes,
    reason = "`Daemon` waits for it; a test that fails here ends anyway"
)]
fn launch(state: &tempfile::TempDir, program: &Program) -> (Child, String) {
    let log = File::options()
        .create(true)
        .append(true)
        .open(Daemon::log_file(state))
        .expect("it can be written");
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
        .expect("the program was built");
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        if let Some(address) = address_in_log(state, begin) {
            return (child, address);
        }
        assert!(std::time::Instant::now() < deadline, "the daemon does not serve");
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

/// Waits until a look gives something. The test fails when that takes too long.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    within(PATIENCE, what, look).await
}

/// The same, with more to say when it fails.
async fn eventually_or<T>(what: &str, instead: impl Fn() -> String, look: impl AsyncFn() -> Option<T>) -> T {
    let found = look_until(PATIENCE, look).await;
    found.unwrap_or_else(|| {
        panic!(
            "not within {} s: {what}; instead: {}",
            PATIENCE.as_secs(),
            instead()
        )
    })
}

/// Waits until a look gives something, for a limited time.
pub(crate) async fn within<T>(limit: Duration, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let found = look_until(limit, look).await;
    found.unwrap_or_else(|| panic!("not within {} s: {what}", limit.as_secs()))
}

async fn look_until<T>(limit: Duration, look: impl AsyncFn() -> Option<T>) -> Option<T> {
    let looks = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(limit, looks).await.ok()
}

/// Runs a shell command inside a container and says whether it succeeded.
pub(crate) fn runs_inside(id: &str, command: &str) -> bool {
    let mut inside = Command::new("docker");
    inside
        .args(["exec", id, "/bin/sh", "-c", command])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    inside.status().expect("the docker client is installed").success()
}

/// Reports connections from inside a container, as an image would.
pub(crate) fn check_in_from_inside(id: &str, connections: u32) -> bool {
    let report =
        format!("/bin/busybox wget -O - --post-data active-connections={connections} $SD_CHECK_IN_URL");
    runs_inside(id, &report)
}
