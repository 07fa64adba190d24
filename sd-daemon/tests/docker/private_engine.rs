//! A Docker engine for one test, in its own network namespace. Tests can suspend, kill and restart it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::docker::{docker, image, random};

/// The time limit of a start.
const LIMIT: Duration = Duration::from_secs(60);

/// Removes everything of an engine: processes, mounts, network namespace and files. It starts when its standard input is
/// closed, and so even if the test is killed.
const CLEANUP: &str = r#"
cat >/dev/null
of_engine() {
  for process in /proc/[0-9]*; do
    case "$(tr '\0' ' ' <"$process/cmdline")" in *"$0/"*) printf '%s\n' "${process#/proc/}" ;; esac
  done
}
containers=$(ls "$0/data/containers")
for process in $(of_engine); do kill -KILL "$process"; done
for container in $containers; do
  for process in $(grep -ls "$container" /proc/[0-9]*/cgroup); do
    process=${process#/proc/}
    kill -KILL "${process%/cgroup}"
  done
done
sleep 0.2
for container in $containers; do
  find /sys/fs/cgroup -depth -type d -path "*/docker/$container*" -exec rmdir {} +
done
awk -v engine="$0/" 'index($2, engine) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount --lazy
ip netns delete "$1"
rm -rf "$0"
"#;

pub(crate) struct PrivateEngine {
    /// Not a `TempDir`: the cleanup removes it last.
    directory: std::path::PathBuf,
    namespace: String,
    options: Vec<&'static str>,
    dockerd: Child,
    cleanup: Child,
}

impl PrivateEngine {
    /// Starts an engine with the test image and options of dockerd.
    pub(crate) fn start(options: &[&'static str]) -> Self {
        let namespace = format!("spin-docker-{}", &random()[..8]);
        let directory = std::env::temp_dir().join(&namespace);
        fs::create_dir(&directory).expect("the name is unused");
        let cleanup = Command::new("sh")
            .args(["-c", CLEANUP])
            .arg(&directory)
            .arg(&namespace)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Signals to the test do not reach it.
            .process_group(0)
            .spawn()
            .expect("sh is installed");
        run(Command::new("ip").args(["netns", "add", &namespace]));
        run(Command::new("ip").args(["-netns", &namespace, "link", "set", "lo", "up"]));
        let dockerd = launch(&directory, &namespace, options);
        let mut engine = Self {
            directory,
            namespace,
            options: options.to_vec(),
            dockerd,
            cleanup,
        };
        engine.wait_until_ready();
        engine.load(image());
        engine
    }

    /// The value for `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.directory.display())
    }

    /// Suspends the engine and waits until all its threads have stopped.
    pub(crate) fn suspend(&self) {
        self.signal("STOP");
        let deadline = Instant::now() + LIMIT;
        while !self.is_suspended() {
            assert!(Instant::now() < deadline, "the engine does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_suspended(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.dockerd.id())).expect("dockerd runs");
        threads.flatten().all(|thread| {
            // A thread without this file has exited.
            fs::read_to_string(thread.path().join("stat")).map_or(true, |status| has_state(&status, 'T'))
        })
    }

    /// Resumes the engine.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    /// Kills the engine and its containerd. The processes of containers continue to run.
    pub(crate) fn kill(&mut self) {
        self.dockerd.kill().expect("dockerd runs");
        self.dockerd.wait().expect("dockerd was started");
        let containerd = fs::read_to_string(self.directory.join("exec/containerd/containerd.pid"));
        let containerd = containerd.expect("dockerd has started containerd");
        let containerd = containerd.trim();
        // The kernel may have killed it already with its parent.
        drop(
            Command::new("kill")
                .args(["-KILL", containerd])
                .stderr(Stdio::null())
                .status(),
        );
        let deadline = Instant::now() + LIMIT;
        while is_alive(containerd) {
            assert!(Instant::now() < deadline, "containerd does not exit");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Starts a killed engine again and waits until it responds.
    pub(crate) fn restart(&mut self) {
        self.dockerd = launch(&self.directory, &self.namespace, &self.options);
        self.wait_until_ready();
    }

    fn signal(&self, name: &str) {
        run(Command::new("kill").args([&format!("-{name}"), &self.dockerd.id().to_string()]));
    }

    /// Waits until the engine responds. It is started again if it exits because of remains of the previous one.
    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + LIMIT;
        let host = self.host();
        while !client(&host)
            .arg("version")
            .output()
            .is_ok_and(|output| output.status.success())
        {
            if let Ok(Some(_)) = self.dockerd.try_wait() {
                self.dockerd = launch(&self.directory, &self.namespace, &self.options);
            }
            let log = || fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(
                Instant::now() < deadline,
                "the engine does not respond: {}",
                log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn load(&self, image: &str) {
        let archive = self.directory.join("image.tar").display().to_string();
        docker(&["save", "--output", &archive, image]);
        docker(&["--host", &self.host(), "load", "--quiet", "--input", &archive]);
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        drop(self.cleanup.stdin.take());
        drop(self.cleanup.wait());
        drop(self.dockerd.wait());
    }
}

fn client(host: &str) -> Command {
    let mut client = Command::new("docker");
    client.args(["--host", host]);
    client
}

fn launch(directory: &Path, namespace: &str, options: &[&str]) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(directory.join("log"));
    let at = |name: &str| directory.join(name).display().to_string();
    // `ip netns exec` would hide the control groups.
    Command::new("nsenter")
        .arg(format!("--net=/run/netns/{namespace}"))
        .args([
            "dockerd",
            "--data-root",
            &at("data"),
            "--exec-root",
            &at("exec"),
            "--pidfile",
            &at("pid"),
        ])
        .args(["--host", &format!("unix://{}", at("docker.sock"))])
        .args(options)
        .env(
            "PATH",
            format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default()),
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.expect("the log is writable"))
        .spawn()
        .expect("nsenter is installed")
}

/// Whether a process exists and is not a zombie.
fn is_alive(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|status| !has_state(&status, 'Z'))
}

/// Whether a line of `/proc/…/stat` has a state: it follows the name, which is in parentheses.
fn has_state(status: &str, state: char) -> bool {
    status
        .rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with(state))
}

fn run(command: &mut Command) {
    assert!(
        command.status().expect("the program is installed").success(),
        "{command:?}"
    );
}
