//! Simulated containers without an engine: processes in network namespaces and in control groups with the names of
//! containers. The prober cannot distinguish them from real ones.
//!
//! Everything is removed when this process exits, even by a signal. The simulated processes read from a pipe whose other
//! end this process holds; their namespaces and interfaces disappear with them. Another process waits for the end of the
//! same pipe and removes the control groups.

use std::fs;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use sd_daemon::domain::{ContainerId, ProcessId, RunId};
use sd_daemon::prober::Target;

use crate::network::{counter, inside};

/// The port of each container.
pub(crate) const PORT: u16 = 8_000;

/// The maximum number of connections of one container.
const QUEUE: i32 = 20_000;

/// The number of containers that are set up at the same time.
const AT_ONCE: usize = 32;

/// Disables IPv6, whose own packets would count as traffic, as Docker does, and allows long accept queues.
const PREPARE: &str =
    "for which in all default; do echo 1 >/proc/sys/net/ipv6/conf/$which/disable_ipv6 || :; done 2>/dev/null
    echo 65535 >/proc/sys/net/core/somaxconn";

/// The hardware addresses of each link's ends, inside and outside. They are configured statically, because the kernel's
/// table of discovered neighbours is too small.
const INSIDE: &str = "02:00:00:00:00:01";
const OUTSIDE: &str = "02:00:00:00:00:02";

/// Reports that the setup is complete, and runs until this process exits.
const STAY: &str = "echo ready; exec cat";

/// Simulated containers and a network for their clients.
pub(crate) struct Simulation {
    containers: Vec<SimulatedContainer>,
    outside: Child,
    groups: PathBuf,
    /// All processes exit when it is dropped.
    alive: Option<PipeWriter>,
    /// Removes the control groups.
    cleanup: Child,
}

/// A simulated container.
pub(crate) struct SimulatedContainer {
    process: Child,
    target: Target,
    /// The socket that clients connect to.
    _listener: TcpListener,
    address: Ipv4Addr,
    clients: Vec<TcpStream>,
}

impl Simulation {
    /// Sets up containers without connections.
    pub(crate) fn start(count: u32) -> anyhow::Result<Self> {
        let groups = hierarchy()?.join(format!("spin-docker-bench-{}", std::process::id()));
        let (end, alive) = std::io::pipe()?;
        let cleanup = remove_groups_at_exit(&groups, &end)?;
        fs::create_dir(&groups).context("failed to create a control group")?;
        let mut outside = in_network(&format!("{PREPARE}\n{STAY}"), &end)?;
        is_ready(&mut outside)?;
        let mut simulation = Self {
            containers: Vec::new(),
            outside,
            groups,
            alive: Some(alive),
            cleanup,
        };
        let numbers: Vec<u32> = (0..count).collect();
        for batch in numbers.chunks(AT_ONCE) {
            let start = |number| start_container(number, simulation.outside.id(), &end);
            let processes: Result<Vec<_>, _> = batch.iter().copied().map(start).collect();
            for (number, process) in batch.iter().zip(processes?) {
                let container = SimulatedContainer::new(*number, process, &simulation.groups)?;
                simulation.containers.push(container);
            }
        }
        simulation.connect_networks()?;
        Ok(simulation)
    }

    pub(crate) fn containers(&mut self) -> &mut [SimulatedContainer] {
        &mut self.containers
    }

    /// The targets for the prober.
    pub(crate) fn targets(&self) -> Vec<Target> {
        self.containers
            .iter()
            .map(|container| container.target.clone())
            .collect()
    }

    /// Opens connections from outside to each of these containers. They stay in the accept queue, so that each needs one
    /// file only.
    pub(crate) fn connect(&mut self, which: Range<usize>, connections: usize) -> anyhow::Result<()> {
        let containers = &mut self.containers[which];
        inside(self.outside.id(), || {
            for container in containers {
                for _ in 0..connections {
                    container
                        .clients
                        .push(TcpStream::connect((container.address, PORT))?);
                }
            }
            Ok(())
        })
    }

    /// Configures the outer ends of all links.
    fn connect_networks(&self) -> anyhow::Result<()> {
        let lines = (0..).zip(&self.containers).map(|(number, container)| {
            let client = client(number);
            let address = container.address;
            format!(
                "address add {client}/31 dev c{number}
link set c{number} up
neighbour add {address} lladdr {INSIDE} nud permanent dev c{number}
"
            )
        });
        let lines: String = lines.collect();
        inside(self.outside.id(), || {
            let mut ip = Command::new("ip")
                .args(["-batch", "-"])
                .stdin(Stdio::piped())
                .spawn()
                .context("`ip` of iproute2 is needed")?;
            let mut input = ip.stdin.take().context("it is piped")?;
            input.write_all(lines.as_bytes())?;
            drop(input);
            ensure!(ip.wait()?.success(), "`ip` failed");
            Ok(())
        })
    }
}

impl SimulatedContainer {
    fn new(number: u32, mut process: Child, groups: &Path) -> anyhow::Result<Self> {
        is_ready(&mut process)?;
        let id: ContainerId = format!("{number:064x}").parse()?;
        let group = groups.join(id.to_string());
        fs::create_dir(&group).context("failed to create a control group")?;
        fs::write(group.join("cgroup.procs"), process.id().to_string())
            .context("failed to move a process into a control group")?;
        let target = Target {
            id,
            run: RunId::new("the only run"),
            process: ProcessId::new(process.id()).context("a process has a number")?,
            ports: vec![PORT],
        };
        let listener = inside(process.id(), || TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)))?;
        rustix::net::listen(&listener, QUEUE)?;
        Ok(Self {
            _listener: listener,
            process,
            target,
            address: address(number),
            clients: Vec::new(),
        })
    }

    pub(crate) fn process(&self) -> u32 {
        self.process.id()
    }

    /// Sends a byte on each of these connections and waits until the kernel received it.
    pub(crate) fn send(&mut self, which: Range<usize>) -> anyhow::Result<()> {
        let received = |process| counter(process, "snmp", "Tcp", "InSegs");
        let expected = received(self.process()) + u64::try_from(which.len())?;
        for client in &mut self.clients[which] {
            client.write_all(b"?")?;
        }
        while received(self.process()) < expected {
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        drop(self.alive.take());
        let containers = self.containers.iter_mut().map(|container| &mut container.process);
        for process in containers.chain([&mut self.outside, &mut self.cleanup]) {
            let _ = process.wait();
        }
    }
}

/// The address of a container.
fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(client(number)) + 1)
}

/// The address of its clients.
fn client(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + 2 * number)
}

/// Starts a container with an interface whose other end is outside.
fn start_container(number: u32, outside: u32, end: &PipeReader) -> anyhow::Result<Child> {
    let (address, client) = (address(number), client(number));
    let script = format!(
        "{PREPARE}
ip -batch - <<END
link add eth0 address {INSIDE} type veth peer name c{number} address {OUTSIDE} netns {outside}
address add {address}/31 dev eth0
link set eth0 up
neighbour add {client} lladdr {OUTSIDE} nud permanent dev eth0
END
{STAY}"
    );
    in_network(&script, end)
}

/// Runs a script in a new network namespace. Its standard input ends when this process exits.
fn in_network(script: &str, end: &PipeReader) -> anyhow::Result<Child> {
    Command::new("unshare")
        .args(["--net", "sh", "-ec", script])
        .stdin(end.try_clone()?)
        .stdout(Stdio::piped())
        .spawn()
        .context("`unshare` of util-linux is needed")
}

fn is_ready(process: &mut Child) -> anyhow::Result<()> {
    let mut ready = [0; 6];
    let output = process
        .stdout
        .take()
        .context("it is piped")?
        .read_exact(&mut ready);
    output.context("failed to set up a network: `ip` of iproute2 is needed, and the rights of root")
}

/// The control group hierarchy that measures processor time.
fn hierarchy() -> anyhow::Result<&'static Path> {
    let mut places = ["/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"]
        .into_iter()
        .map(Path::new);
    let found = places.find(|place| place.join("cgroup.procs").exists());
    found.context("no control groups are mounted where they usually are")
}

/// Starts a process that removes the control groups after this process has exited, even by a signal. It has its own
/// process group, so that Ctrl-C does not reach it.
fn remove_groups_at_exit(groups: &Path, end: &PipeReader) -> anyhow::Result<Child> {
    let script = "cat; tries=100
        while [ -e \"$0\" ] && [ $tries -gt 0 ]; do
            find \"$0\" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
            tries=$((tries - 1))
        done";
    let cleanup = Command::new("sh")
        .args(["-c", script])
        .arg(groups)
        .stdin(end.try_clone()?)
        .stdout(Stdio::null())
        .process_group(0)
        .spawn();
    cleanup.context("failed to start a shell")
}
