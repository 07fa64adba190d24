//! Many containers, as far as the prober can tell: a process in a network namespace and in a control group
//! that has the name of a container. No engine is needed for that.
//!
//! Everything ends with this process, in whichever way that ends. The processes read from a pipe of which
//! this one has the other end; with them go the namespaces, and the interfaces in them. The control groups
//! are removed by a process that waits for the end of the same pipe.

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

/// Connections of one container, at most.
const QUEUE: i32 = 20_000;

/// Containers that are set up at the same time.
const AT_ONCE: usize = 32;

/// Keeps IPv6 from talking by itself, as Docker does, and lets very many connections wait.
const PREPARE: &str =
    "for which in all default; do echo 1 >/proc/sys/net/ipv6/conf/$which/disable_ipv6 || :; done 2>/dev/null
    echo 65535 >/proc/sys/net/core/somaxconn";

/// The ends of each link, inside and outside. They know each other from the beginning: the kernel's table of
/// neighbours that it has to ask for is too small for a crowd.
const INSIDE: &str = "02:00:00:00:00:01";
const OUTSIDE: &str = "02:00:00:00:00:02";

/// Tells that all is done, and lasts for as long as this process.
const STAY: &str = "echo ready; exec cat";

/// Containers, and a network from which clients come.
pub(crate) struct Crowd {
    members: Vec<Member>,
    outside: Child,
    groups: PathBuf,
    /// Everything ends when it is dropped.
    alive: Option<PipeWriter>,
    undertaker: Child,
}

/// One container.
pub(crate) struct Member {
    process: Child,
    target: Target,
    /// What the clients are connected to.
    _listener: TcpListener,
    address: Ipv4Addr,
    clients: Vec<TcpStream>,
}

impl Crowd {
    /// Sets up so many containers, without connections.
    pub(crate) fn gather(count: u32) -> anyhow::Result<Self> {
        let groups = hierarchy()?.join(format!("spin-docker-bench-{}", std::process::id()));
        let (end, alive) = std::io::pipe()?;
        let undertaker = wait_to_remove(&groups, &end)?;
        fs::create_dir(&groups).context("failed to make a control group")?;
        let mut outside = in_network(&format!("{PREPARE}\n{STAY}"), &end)?;
        is_ready(&mut outside)?;
        let mut crowd = Self {
            members: Vec::new(),
            outside,
            groups,
            alive: Some(alive),
            undertaker,
        };
        let numbers: Vec<u32> = (0..count).collect();
        for some in numbers.chunks(AT_ONCE) {
            let begin = |number| begin(number, crowd.outside.id(), &end);
            let processes: Result<Vec<_>, _> = some.iter().copied().map(begin).collect();
            for (number, process) in some.iter().zip(processes?) {
                let member = Member::new(*number, process, &crowd.groups)?;
                crowd.members.push(member);
            }
        }
        crowd.connect_networks()?;
        Ok(crowd)
    }

    pub(crate) fn members(&mut self) -> &mut [Member] {
        &mut self.members
    }

    /// What is looked at.
    pub(crate) fn targets(&self) -> Vec<Target> {
        self.members.iter().map(|member| member.target.clone()).collect()
    }

    /// Opens so many more connections to each of these containers, all from outside. Nobody accepts them: the
    /// kernel has by itself, and they take only one file here.
    pub(crate) fn connect(&mut self, which: Range<usize>, connections: usize) -> anyhow::Result<()> {
        let members = &mut self.members[which];
        inside(self.outside.id(), || {
            for member in members {
                for _ in 0..connections {
                    member.clients.push(TcpStream::connect((member.address, PORT))?);
                }
            }
            Ok(())
        })
    }

    /// Lets the other ends of all interfaces be reached, and reach.
    fn connect_networks(&self) -> anyhow::Result<()> {
        let lines = (0..).zip(&self.members).map(|(number, member)| {
            let client = client(number);
            let address = member.address;
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

impl Member {
    fn new(number: u32, mut process: Child, groups: &Path) -> anyhow::Result<Self> {
        is_ready(&mut process)?;
        let id: ContainerId = format!("{number:064x}").parse()?;
        let group = groups.join(id.to_string());
        fs::create_dir(&group).context("failed to make a control group")?;
        fs::write(group.join("cgroup.procs"), process.id().to_string())
            .context("failed to move a process into a control group")?;
        let target = Target {
            id,
            run: RunId::new("the only one"),
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

    /// Says something in each of these connections, and waits until it has come.
    pub(crate) fn talk(&mut self, which: Range<usize>) -> anyhow::Result<()> {
        let come = |process| counter(process, "snmp", "Tcp", "InSegs");
        let expected = come(self.process()) + u64::try_from(which.len())?;
        for client in &mut self.clients[which] {
            client.write_all(b"?")?;
        }
        while come(self.process()) < expected {
            std::thread::yield_now();
        }
        Ok(())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.alive.take());
        let members = self.members.iter_mut().map(|member| &mut member.process);
        for process in members.chain([&mut self.outside, &mut self.undertaker]) {
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

/// Begins a container with an interface whose other end is outside.
fn begin(number: u32, outside: u32, end: &PipeReader) -> anyhow::Result<Child> {
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

/// Runs a script in a network of its own, with a standard input that ends with this process.
fn in_network(script: &str, end: &PipeReader) -> anyhow::Result<Child> {
    Command::new("unshare")
        .args(["--net", "sh", "-ec", script])
        .stdin(end.try_clone()?)
        .stdout(Stdio::piped())
        .spawn()
        .context("`unshare` of util-linux is needed")
}

fn is_ready(process: &mut Child) -> anyhow::Result<()> {
    let mut said = [0; 6];
    let output = process
        .stdout
        .take()
        .context("it is piped")?
        .read_exact(&mut said);
    output.context("failed to set up a network: `ip` of iproute2 is needed, and the rights of root")
}

/// Where control groups can be made that account for processor time.
fn hierarchy() -> anyhow::Result<&'static Path> {
    let mut places = ["/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"]
        .into_iter()
        .map(Path::new);
    let found = places.find(|place| place.join("cgroup.procs").exists());
    found.context("no control groups are mounted where they usually are")
}

/// A process that waits until this one has ended, even by a signal, and then removes its control groups. It
/// has a group of processes of its own, so that Ctrl-C does not reach it.
fn wait_to_remove(groups: &Path, end: &PipeReader) -> anyhow::Result<Child> {
    let script = "cat; tries=100
        while [ -e \"$0\" ] && [ $tries -gt 0 ]; do
            find \"$0\" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
            tries=$((tries - 1))
        done";
    let undertaker = Command::new("sh")
        .args(["-c", script])
        .arg(groups)
        .stdin(end.try_clone()?)
        .stdout(Stdio::null())
        .process_group(0)
        .spawn();
    undertaker.context("there is no shell")
}
