//! A container to probe, and servers inside its network.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sd_daemon::domain::{ContainerId, ProcessId, RunId, Traffic, TrafficSample};
use sd_daemon::prober::host::{HostProber, ProcessorTime};
use sd_daemon::prober::{ProbeError, Prober, Target};

use crate::docker::{docker, image, random};
use crate::network;

/// Longer than any wait takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The ports of the image.
pub(crate) const PORT: u16 = 8_000;
pub(crate) const OTHER_PORT: u16 = 8_001;

/// A running container. Dropping it removes it.
pub(crate) struct Container {
    id: String,
}

impl Container {
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// Starts a container with options of `docker run` and a command.
    pub(crate) fn start_with(options: &[&str], command: &[&str]) -> Self {
        let name = format!("spin-docker-test-{}", &random()[..12]);
        let mut arguments = vec!["run", "--detach", "--name", &name];
        arguments.extend(options.iter().chain(&[image()]).chain(command));
        Self {
            id: docker(&arguments),
        }
    }

    pub(crate) fn restart(&self) {
        docker(&["restart", "--time", "0", &self.id]);
    }

    pub(crate) fn kill(&self) {
        self.signal("KILL");
    }

    pub(crate) fn signal(&self, signal: &str) {
        docker(&["kill", "--signal", signal, &self.id]);
    }

    /// The container in its current run.
    pub(crate) fn target(&self) -> Target {
        Target {
            id: self.id(),
            run: RunId::new(&self.inspect("{{.State.StartedAt}}")),
            process: ProcessId::new(self.process()).expect("the container runs"),
            ports: vec![PORT, OTHER_PORT],
        }
    }

    pub(crate) fn id(&self) -> ContainerId {
        self.id.parse().expect("Docker returns valid ids")
    }

    pub(crate) fn address(&self) -> IpAddr {
        let address = self.inspect("{{.NetworkSettings.Networks.bridge.IPAddress}}");
        address.parse().expect("the container has an address")
    }

    /// The address of the host on the container network.
    pub(crate) fn host(&self) -> IpAddr {
        let address = self.inspect("{{.NetworkSettings.Networks.bridge.Gateway}}");
        address.parse().expect("the network has a gateway")
    }

    /// Runs a function inside its network.
    pub(crate) fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        network::inside(self.process(), act)
    }

    /// A server inside, on every address.
    pub(crate) fn listen(&self, port: u16) -> Server {
        self.listen_at(SocketAddr::from(([0, 0, 0, 0], port)))
    }

    /// A server inside, on one address.
    pub(crate) fn listen_at(&self, at: SocketAddr) -> Server {
        Server {
            listener: self.inside(|| TcpListener::bind(at).expect("the port is free")),
            address: SocketAddr::new(self.address(), at.port()),
        }
    }

    /// A TCP counter of its network.
    pub(crate) fn tcp_counter(&self, name: &str) -> u64 {
        network::counter(self.process(), "netstat", "TcpExt", name)
    }

    fn process(&self) -> u32 {
        self.inspect("{{.State.Pid}}")
            .parse()
            .expect("the process id is a number")
    }

    fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, &self.id])
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        docker(&["rm", "--force", "--volumes", &self.id]);
    }
}

/// A server inside a container.
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

/// Both ends of a connection, the server's inside a container.
pub(crate) struct Connection {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
}

impl Server {
    /// Connects a client on the host.
    pub(crate) fn connect(&self) -> Connection {
        self.accept(TcpStream::connect(self.address).expect("the container is reachable"))
    }

    /// Accepts a connection.
    pub(crate) fn accept(&self, client: TcpStream) -> Connection {
        let (server, _) = self.listener.accept().expect("a client has connected");
        Connection { client, server }
    }
}

pub(crate) fn prober() -> HostProber {
    HostProber::new(ProcessorTime::Ignored).expect("tests run as root")
}

/// Probes one container.
pub(crate) async fn probe(prober: &HostProber, target: &Target) -> Result<TrafficSample, ProbeError> {
    let mut samples = prober.probe(vec![target.clone()]).await;
    assert_eq!(samples.len(), 1);
    samples.remove(0)
}

/// Probes one container that can be probed.
pub(crate) async fn take_sample(prober: &HostProber, target: &Target) -> TrafficSample {
    probe(prober, target).await.expect("the probe succeeds")
}

/// Probes repeatedly until a sample has the wanted value.
pub(crate) async fn probe_until<T>(
    prober: &HostProber,
    target: &Target,
    mut find: impl FnMut(TrafficSample) -> Option<T>,
) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        let sample = take_sample(prober, target).await;
        let shown = format!("{sample:?}");
        if let Some(found) = find(sample) {
            return found;
        }
        assert!(Instant::now() < deadline, "too late; the last sample was {shown}");
        std::thread::yield_now();
    }
}

/// Probes until a connection has ended.
pub(crate) async fn ended_connection(prober: &HostProber, target: &Target) -> Traffic {
    probe_until(prober, target, |mut sample| sample.ended.pop()).await
}
