//! A Docker engine of a test's own, in a network of its own: it may be held, killed and started again.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::docker::{docker, image, random};

/// How long an engine may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// Takes everything of an engine away: what it runs, what it has mounted, its network, its files. It begins when its
/// standard input ends, and so even when the test was killed.
const UNDERTAKER: &str = r#"
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
    /// Not one that is removed by itself: the undertaker does that last.
    directory: std::path::PathBuf,
    namespace: String,
    options: Vec<&'static str>,
    dockerd: Child,
    undertaker: Child,
}

impl PrivateEngine {
    /// An engine with the image of the tests. `options` are dockerd's.
    pub(crate) fn start(options: &[&'static str]) -> Self {
        let namespace = format!("spin-docker-{}", &random()[..8]);
        let directory = std::env::temp_dir().join(&namespace);
        fs::create_dir(&directory).expect("the name is new");
        let undertaker = Command::new("sh")
            .args(["-c", UNDERTAKER])
            .arg(&directory)
            .arg(&namespace)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Whatever ends the test does not end this.
            .process_group(0)
            .spawn()
            .expect("there is a shell");
        run(Command::new("ip").args(["netns", "add", &namespace]));
        run(Command::new("ip").args(["-netns", &namespace, "link", "set", "lo", "up"]));
        let dockerd = launch(&directory, &namespace, options);
        let mut engine = Self {
            directory,
            namespace,
            options: options.to_vec(),
            dockerd,
            undertaker,
        };
        engine.answers();
        engine.load(image());
        engine
    }

    /// Where it is, as `DOCKER_HOST` says it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.directory.display())
    }

    /// Holds everything that it does, and waits until it does nothing: each of its threads goes on until the
    /// kernel has come by.
    pub(crate) fn hold(&self) {
        self.signal("STOP");
        let deadline = Instant::now() + PATIENCE;
        while !self.is_held() {
            assert!(Instant::now() < deadline, "the engine cannot be held");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn is_held(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.dockerd.id())).expect("it runs");
        threads.flatten().all(|thread| {
            // A thread that has ended does nothing either.
            fs::read_to_string(thread.path().join("stat")).map_or(true, |status| has_state(&status, 'T'))
        })
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    /// Ends it without any warning, and the containerd that belongs to it. What runs in containers runs on.
    pub(crate) fn kill(&mut self) {
        self.dockerd.kill().expect("it runs");
        self.dockerd.wait().expect("it was started");
        let containerd = fs::read_to_string(self.directory.join("exec/containerd/containerd.pid"));
        let containerd = containerd.expect("dockerd has one");
        let containerd = containerd.trim();
        // The kernel ends it too when its parent ends, and may have been quicker.
        drop(
            Command::new("kill")
                .args(["-KILL", containerd])
                .stderr(Stdio::null())
                .status(),
        );
        let deadline = Instant::now() + PATIENCE;
        while is_alive(containerd) {
            assert!(Instant::now() < deadline, "containerd does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Starts it again, after it has ended, and waits until it answers.
    pub(crate) fn restart(&mut self) {
        self.dockerd = launch(&self.directory, &self.namespace, &self.options);
        self.answers();
    }

    fn signal(&self, name: &str) {
        run(Command::new("kill").args([&format!("-{name}"), &self.dockerd.id().to_string()]));
    }

    /// Waits until it answers. One that finds something of the last one still there may end at once.
    fn answers(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let host = self.host();
        while !client(&host)
            .arg("version")
            .output()
            .is_ok_and(|said| said.status.success())
        {
            if let Ok(Some(_)) = self.dockerd.try_wait() {
                self.dockerd = launch(&self.directory, &self.namespace, &self.options);
            }
            let log = || fs::read_to_string(self.directory.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "the engine does not answer: {}", log());
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
        drop(self.undertaker.stdin.take());
        drop(self.undertaker.wait());
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
        .stderr(log.expect("it can be written"))
        .spawn()
        .expect("nsenter is installed")
}

/// Whether there is such a process, and not only its last trace.
fn is_alive(process: &str) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|status| !has_state(&status, 'Z'))
}

/// Reads a line of `/proc`: the state follows the name, which is in parentheses.
fn has_state(status: &str, state: char) -> bool {
    status
        .rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with(state))
}

fn run(command: &mut Command) {
    assert!(
        command.status().expect("it is installed").success(),
        "{command:?}"
    );
}
