//! A container to look at, and what the test does inside its network.

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sd_daemon::domain::{ContainerId, ProcessId, RunId, Traffic, TrafficSample};
use sd_daemon::prober::host::{HostProber, ProcessorTime};
use sd_daemon::prober::{ProbeError, Prober, Target};

use crate::docker::{docker, image, random};
use crate::network;

/// What is waited for comes within this time, even on a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ports of the image.
pub(crate) const PORT: u16 = 8_000;
pub(crate) const ANOTHER_PORT: u16 = 8_001;

/// A running container; gone when the test ends.
pub(crate) struct Container {
    id: String,
}

impl Container {
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// Starts one with options of `docker run` and a command.
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

    /// As it is now.
    pub(crate) fn target(&self) -> Target {
        Target {
            id: self.id(),
            run: RunId::new(&self.inspect("{{.State.StartedAt}}")),
            process: ProcessId::new(self.process()).expect("it runs"),
            ports: vec![PORT, ANOTHER_PORT],
        }
    }

    pub(crate) fn id(&self) -> ContainerId {
        self.id.parse().expect("the engine's ids are ids")
    }

    pub(crate) fn address(&self) -> IpAddr {
        let address = self.inspect("{{.NetworkSettings.Networks.bridge.IPAddress}}");
        address.parse().expect("it has an address")
    }

    /// The host, as the container sees it.
    pub(crate) fn host(&self) -> IpAddr {
        let address = self.inspect("{{.NetworkSettings.Networks.bridge.Gateway}}");
        address.parse().expect("it has a gateway")
    }

    /// Does something inside its network.
    pub(crate) fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        network::inside(self.process(), act)
    }

    /// A server inside, at any of its addresses.
    pub(crate) fn listen(&self, port: u16) -> Server {
        self.listen_at(SocketAddr::from(([0, 0, 0, 0], port)))
    }

    /// A server inside, at this address.
    pub(crate) fn listen_at(&self, at: SocketAddr) -> Server {
        Server {
            listener: self.inside(|| TcpListener::bind(at).expect("nobody else listens there")),
            address: SocketAddr::new(self.address(), at.port()),
        }
    }

    /// A counter of TCP inside its network.
    pub(crate) fn tcp_counter(&self, name: &str) -> u64 {
        network::counter(self.process(), "netstat", "TcpExt", name)
    }

    fn process(&self) -> u32 {
        self.inspect("{{.State.Pid}}").parse().expect("it is a number")
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
        self.accept(TcpStream::connect(self.address).expect("the container is reached"))
    }

    /// Accepts a connection that somebody made.
    pub(crate) fn accept(&self, client: TcpStream) -> Connection {
        let (server, _) = self.listener.accept().expect("somebody has connected");
        Connection { client, server }
    }
}

pub(crate) fn prober() -> HostProber {
    HostProber::new(ProcessorTime::Ignored).expect("tests run as root")
}

/// Looks at one container.
pub(crate) async fn look(prober: &HostProber, target: &Target) -> Result<TrafficSample, ProbeError> {
    let mut samples = prober.look(vec![target.clone()]).await;
    assert_eq!(samples.len(), 1);
    samples.remove(0)
}

/// Looks at one container that can be seen.
pub(crate) async fn see(prober: &HostProber, target: &Target) -> TrafficSample {
    look(prober, target).await.expect("it can be seen")
}

/// Looks again and again, until there is something, and gives that.
pub(crate) async fn look_until<T>(
    prober: &HostProber,
    target: &Target,
    mut find: impl FnMut(TrafficSample) -> Option<T>,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sample = see(prober, target).await;
        let shown = format!("{sample:?}");
        if let Some(found) = find(sample) {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "not in time; the last look saw {shown}"
        );
        std::thread::yield_now();
    }
}

/// Looks until a connection has ended.
pub(crate) async fn see_the_end(prober: &HostProber, target: &Target) -> Traffic {
    look_until(prober, target, |mut sample| sample.ended.pop()).await
}
