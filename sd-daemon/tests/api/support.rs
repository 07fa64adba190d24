//! A whole daemon in the test's own process: the real router on a real port, a real registry in a
//! temporary directory, an engine in memory, and a clock that stands still until the test moves it.
//!
//! A test arranges, makes one request, and looks at one answer. What happens by itself is waited for,
//! never slept for: see [`TestDaemon::until`].

mod answer;
mod process;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use sd_client::Client;
use sd_client::api::{Activity, Container, CreateContainer, Status};
use sd_daemon::clock::{Clock, ManualClock};
use sd_daemon::domain::{
    ContainerId, ContainerPort, Image, OperationId, Policy, TimeLimit, Timestamp, TrafficSample, UseRule,
};
use sd_daemon::engine::Engine;
use sd_daemon::engine::fake::{Action, Call, FakeEngine};
use sd_daemon::http::{self, ApiAccess, Credentials};
use sd_daemon::prober::ProbeError;
use sd_daemon::prober::fake::FakeProber;
use sd_daemon::registry::{Registry, Snapshot, StateDirectory};
use sd_daemon::server;
use sd_daemon::service::{Capacity, CheckInAddress, Parts, Service, Signals, Switch};
use sd_daemon::tasks;
use sd_daemon::webhook::{Receiver, Webhook};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) use answer::{Answer, kind};
use process::Process;

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_772_373_731_250);
/// [`START`] on the wire.
pub(crate) const START_TEXT: &str = "2026-03-01T14:02:11.250Z";
/// Polls without what is waited for, after which the time is moved a little.
const LOOKS_BEFORE_A_NUDGE: u32 = 100;
/// As long as a task pauses at the least.
const NUDGE: Duration = Duration::from_millis(200);
/// The idle timeout of containers that have none of their own.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(9000);
/// How long nothing is stopped for idleness after a start of the daemon.
pub(crate) const GRACE: Duration = Duration::from_secs(600);
/// How often containers are looked at from the host.
pub(crate) const PROBE_INTERVAL: Duration = Duration::from_secs(15);
/// How long before a stop it is announced.
pub(crate) const WARNING: Duration = Duration::from_secs(300);
/// For how long a container can say that it is busy.
pub(crate) const BUSY_LIMIT: Duration = Duration::from_secs(14_400);
/// How many containers there may be.
pub(crate) const MOST_CONTAINERS: u32 = 2000;
/// An image that exposes ssh and one other port.
pub(crate) const IMAGE: &str = "sd-postgres";

const USER: &str = "admin";
const PASSWORD: &str = "spindocker";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether anything runs by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tasks {
    Running,
    Missing,
}

/// Where nothing tells that something has changed, it is looked at again after this long.
pub(crate) const TICK: Duration = Duration::from_millis(20);

/// A running daemon, and everything around it.
pub(crate) struct TestDaemon {
    pub(crate) engine: FakeEngine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
    http: reqwest::Client,
    api: SocketAddr,
    check_in: SocketAddr,
    /// What the API is made of, as the program itself has it.
    pub(crate) service: Service,
    registry: Registry,
    directory: TempDir,
    process: Process,
    shutdown: CancellationToken,
    setup: Setup,
}

/// The settings of a daemon, and what it sees from the host.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) policy: Policy,
    pub(crate) signals: Signals,
    pub(crate) capacity: Capacity,
    pub(crate) prober: FakeProber,
    pub(crate) webhook: Option<Receiver>,
    pub(crate) access: ApiAccess,
    pub(crate) limits: server::ConnectionLimits,
    pub(crate) report_rate: http::ReportRate,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: Policy {
                default_timeout: TimeLimit::After(IDLE_TIMEOUT),
                default_lifetime: TimeLimit::Never,
                default_rest: TimeLimit::Never,
                image_rules: [].into(),
                restart_grace: GRACE,
                resumed_at: Timestamp::from_millis(0),
                warn_before: WARNING,
            },
            signals: Signals {
                check_in: Switch::On,
                connections: Switch::On,
                use_rule: UseRule {
                    bytes_per_minute: 1,
                    cpu_millicores: None,
                },
                ignored_sources: Vec::new(),
                busy_limit: BUSY_LIMIT,
            },
            capacity: Capacity {
                containers: MOST_CONTAINERS,
                memory_bytes: None,
            },
            prober: FakeProber::default(),
            webhook: None,
            access: ApiAccess {
                credentials: Credentials::new(USER, PASSWORD),
                hosts: Vec::new(),
                proxies: Vec::new(),
            },
            // Tests make many requests at once, and on a busy machine they take their time over each.
            limits: server::ConnectionLimits {
                unauthenticated: 64,
                ..server::ConnectionLimits::default()
            },
            report_rate: http::ReportRate::default(),
        }
    }
}

impl TestDaemon {
    /// A daemon whose engine has three images and no container.
    pub(crate) fn start() -> Self {
        Self::with(Tasks::Running, Setup::default())
    }

    /// The same with other settings.
    pub(crate) fn with_setup(setup: Setup) -> Self {
        Self::with(Tasks::Running, setup)
    }

    /// The same, but nothing runs by itself: what the engine is asked, a request has caused.
    pub(crate) fn without_tasks() -> Self {
        Self::with(Tasks::Missing, Setup::default())
    }

    fn with(tasks: Tasks, setup: Setup) -> Self {
        let engine = FakeEngine::new();
        let image = |ports: &[u16], app_port| Image {
            exposed: ports.iter().copied().map(ContainerPort::tcp).collect(),
            app_port,
            ..Image::default()
        };
        engine.add_image("sd-postgres:latest", image(&[22, 5432], None));
        engine.add_image("sd-web:1.2", image(&[22, 80, 8080], Some(8080)));
        engine.add_image("sd-quiet:latest", image(&[], None));
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::claim(directory.path()).unwrap();
        Self::over(
            tasks,
            setup,
            engine,
            Arc::new(ManualClock::at(START)),
            directory,
            state,
        )
    }

    /// The same daemon again, after it was killed in the middle of whatever it was doing.
    pub(crate) async fn kill_and_restart(self) -> Self {
        self.kill().await.restart().await
    }

    /// What is left when the daemon is killed.
    pub(crate) async fn kill(self) -> KilledDaemon {
        let Self {
            engine,
            clock,
            directory,
            process,
            setup,
            ..
        } = self;
        process.kill().await;
        KilledDaemon {
            engine,
            clock,
            directory,
            setup,
        }
    }

    fn over(
        tasks: Tasks,
        setup: Setup,
        engine: FakeEngine,
        clock: Arc<ManualClock>,
        directory: TempDir,
        state: StateDirectory,
    ) -> Self {
        let shared_clock: Arc<dyn Clock> = clock.clone();
        let registry = Registry::open(state, Arc::clone(&shared_clock)).unwrap();
        let service = Service::new(Parts {
            engine: Arc::new(engine.clone()),
            registry: registry.clone(),
            clock: Arc::clone(&shared_clock),
            prober: Arc::new(setup.prober.clone()),
            policy: setup.policy.clone(),
            signals: setup.signals.clone(),
            capacity: setup.capacity,
        });
        let (process, shutdown) = (Process::new(), CancellationToken::new());
        let (api_listener, api) = listen();
        let (check_in_listener, check_in) = listen();
        service.set_check_in(CheckInAddress::Available(http::check_in_url(check_in)));
        if let Some(receiver) = &setup.webhook {
            let webhook = Webhook::new(receiver, service.clone(), Arc::clone(&shared_clock)).unwrap();
            process.run(webhook.run(shutdown.clone()));
        }
        let serve = |listener, router| {
            let (limits, shutdown) = (setup.limits.clone(), shutdown.clone());
            process.run(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                server::serve_with_limits(limits, listener, router, shutdown).await;
            });
        };
        serve(
            api_listener,
            http::api(service.clone(), setup.access.clone(), shutdown.clone()),
        );
        serve(
            check_in_listener,
            http::check_in(service.clone(), &setup.access.hosts, setup.report_rate),
        );
        if tasks == Tasks::Running {
            process.run(tasks::follow_events(
                service.clone(),
                engine.events(),
                shutdown.clone(),
            ));
            process.run(tasks::enforce_deadlines(
                service.clone(),
                Arc::clone(&shared_clock),
                shutdown.clone(),
            ));
            if setup.signals.need_prober() {
                process.run(tasks::probe_activity(
                    service.clone(),
                    Arc::clone(&shared_clock),
                    PROBE_INTERVAL,
                    shutdown.clone(),
                ));
            }
            process.run(tasks::reconcile(service.clone(), shared_clock, shutdown.clone()));
        }
        let client = Client::new(&format!("http://{api}"))
            .unwrap()
            .with_credentials(USER, PASSWORD);
        let http = http_client(IpAddr::from([127, 0, 0, 1]));
        Self {
            engine,
            clock,
            client,
            http,
            api,
            check_in,
            service,
            registry,
            directory,
            process,
            shutdown,
            setup,
        }
    }

    /// Tells the daemon to end, as SIGTERM does.
    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
    }

    /// A new container of [`IMAGE`].
    pub(crate) async fn create(&self) -> Container {
        self.client
            .create(&CreateContainer::of_image(IMAGE))
            .await
            .unwrap()
    }

    /// A new container of [`IMAGE`] with this name.
    pub(crate) async fn create_named(&self, name: &str) -> Container {
        let wanted = CreateContainer {
            name: Some(name.to_owned()),
            ..CreateContainer::of_image(IMAGE)
        };
        self.client.create(&wanted).await.unwrap()
    }

    /// A container of [`IMAGE`] that has been stopped.
    pub(crate) async fn create_stopped(&self) -> Container {
        let container = self.create().await;
        self.client.stop(&container.container_id).await.unwrap();
        self.until_status(&container, Status::Stopped).await
    }

    /// A request with the right credentials.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.anonymous(method, path).basic_auth(USER, Some(PASSWORD))
    }

    /// A request with the right credentials, from another address of this machine.
    pub(crate) fn request_from(&self, source: IpAddr, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = http_client(source).request(method, format!("http://{}{path}", self.api));
        request.basic_auth(USER, Some(PASSWORD))
    }

    /// Requests without credentials, from another address of this machine.
    pub(crate) fn anonymous_from(
        &self,
        source: [u8; 4],
    ) -> impl Fn(Method, &str) -> reqwest::RequestBuilder + use<> {
        let (client, api) = (http_client(source.into()), self.api);
        move |method, path| client.request(method, format!("http://{api}{path}"))
    }

    /// Where the API is, for those who speak to it without a client.
    pub(crate) fn api(&self) -> SocketAddr {
        self.api
    }

    /// The registry, as an operator finds it beside the running daemon.
    pub(crate) fn registry_file(&self) -> std::path::PathBuf {
        self.directory.path().join("registry.sqlite3")
    }

    /// A request without credentials.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.api))
    }

    /// A request to the listener for containers.
    pub(crate) fn to_check_in_listener(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.check_in))
    }

    /// Where containers check in.
    pub(crate) fn check_in_url(&self) -> String {
        format!("http://{}/v1/check-in", self.check_in)
    }

    /// A check-in by whoever has this address.
    pub(crate) fn check_in_from(&self, address: IpAddr) -> reqwest::RequestBuilder {
        http_client(address).post(self.check_in_url())
    }

    /// A check-in of a running container: the answer's status.
    pub(crate) async fn check_in(&self, container: &Container, connections: u32) -> u16 {
        let report = [("active-connections", connections)];
        Answer::to(self.check_in_from(self.address_of(container)).form(&report))
            .await
            .status
    }

    /// Where a running container is on its network.
    pub(crate) fn address_of(&self, container: &Container) -> IpAddr {
        let snapshot = self.registry.snapshot();
        snapshot.get(id(container)).unwrap().addresses()[0]
    }

    /// A container as it is now.
    pub(crate) async fn look(&self, container: &Container) -> Container {
        self.client.container(&container.container_id).await.unwrap()
    }

    /// The token that a container was given.
    pub(crate) fn token_of(&self, container: &Container) -> String {
        let snapshot = self.registry.snapshot();
        let operation = snapshot.get(id(container)).unwrap().operation();
        let calls = self.engine.calls().into_iter();
        let mut specs = calls.filter_map(|call| match call {
            Call::Create(spec) if spec.operation == operation => Some(spec),
            _ => None,
        });
        let variables = specs.next().unwrap().environment;
        let mut tokens = variables
            .iter()
            .filter_map(|variable| variable.strip_prefix("SD_CHECK_IN_TOKEN="));
        tokens.next().unwrap().to_owned()
    }

    /// The daemon's time, as it is on the wire.
    pub(crate) fn now(&self) -> sd_client::api::Timestamp {
        std::time::SystemTime::from(self.clock.now()).into()
    }

    /// Lets every look at a container from the host see this from here on.
    pub(crate) fn shows(&self, container: &Container, sample: Result<TrafficSample, ProbeError>) {
        self.setup.prober.show_only(id(container), sample);
    }

    /// Who uses a container, as the daemon knows it now.
    pub(crate) async fn activity(&self, container: &Container) -> Activity {
        self.client.activity(&container.container_id).await.unwrap()
    }

    /// Waits until something is known of who uses a container.
    pub(crate) async fn until_activity(
        &self,
        container: &Container,
        is_wanted: impl Fn(&Activity) -> bool,
    ) -> Activity {
        let reached = async {
            loop {
                let seen = self.activity(container).await;
                if is_wanted(&seen) {
                    return seen;
                }
                // What is seen from the host is not in the registry, and nothing tells of it.
                tokio::time::sleep(TICK).await;
            }
        };
        if let Ok(seen) = tokio::time::timeout(PATIENCE, reached).await {
            return seen;
        }
        panic!("it never gets there: {:?}", self.activity(container).await)
    }

    /// Waits until a container has been looked at from the host at this moment.
    ///
    /// A task that paused just when the time was moved waits for a little more of it: it gets that, but only
    /// when it is needed, because the time is asserted elsewhere.
    pub(crate) async fn until_looked_at(&self, container: &Container) -> Activity {
        let now = self.now();
        let looks = std::cell::Cell::new(0);
        self.until_activity(container, |seen| {
            looks.set(looks.get() + 1);
            if u32::is_multiple_of(looks.get(), LOOKS_BEFORE_A_NUDGE) {
                self.clock.advance(NUDGE);
            }
            seen.connections
                .as_ref()
                .is_some_and(|connections| connections.seen_at >= now)
        })
        .await
    }

    /// Every request about containers that cannot be answered without the engine.
    pub(crate) fn what_needs_the_engine(
        &self,
        running: &Container,
        stopped: &Container,
    ) -> [reqwest::RequestBuilder; 6] {
        [
            self.request(Method::GET, "/v1/containers?audit=true"),
            self.request(Method::POST, "/v1/containers")
                .form(&[("image", "sd-postgres")]),
            self.request(Method::PATCH, &running.uri)
                .form(&[("status", "stopped")]),
            self.request(Method::PATCH, &stopped.uri)
                .form(&[("status", "running")]),
            self.request(Method::DELETE, &running.uri),
            self.request(Method::DELETE, &format!("{}?force=true", stopped.uri)),
        ]
    }

    /// Waits until the registry shows something.
    pub(crate) async fn until_registry(&self, is_wanted: impl FnMut(&Arc<Snapshot>) -> bool) {
        let mut snapshots = self.registry.subscribe();
        let reached = tokio::time::timeout(PATIENCE, snapshots.wait_for(is_wanted)).await;
        assert!(
            reached.is_ok(),
            "the registry never gets there: {:?}",
            self.registry.snapshot()
        );
    }

    /// Waits until a container is as wanted.
    pub(crate) async fn until(
        &self,
        container: &Container,
        is_wanted: impl Fn(&Container) -> bool,
    ) -> Container {
        let mut snapshots = self.registry.subscribe();
        let reached = async {
            loop {
                snapshots.mark_unchanged();
                let seen = self.look(container).await;
                if is_wanted(&seen) {
                    return seen;
                }
                // Deadlines may move without a change in the registry.
                drop(tokio::time::timeout(TICK, snapshots.changed()).await);
            }
        };
        if let Ok(seen) = tokio::time::timeout(PATIENCE, reached).await {
            return seen;
        }
        panic!("it never gets there: {:?}", self.look(container).await)
    }

    /// Waits until a container has this status.
    pub(crate) async fn until_status(&self, container: &Container, status: Status) -> Container {
        self.until(container, |seen| seen.status == status).await
    }

    /// Waits until a container is gone.
    pub(crate) async fn until_gone(&self, container: &Container) {
        self.until_registry(|snapshot| snapshot.get(id(container)).is_none())
            .await;
    }

    /// Lets time pass, a second after the other, until the registry shows something.
    pub(crate) async fn as_time_passes(&self, mut is_wanted: impl FnMut(&Arc<Snapshot>) -> bool) {
        let mut snapshots = self.registry.subscribe();
        let reached = async {
            while !is_wanted(&snapshots.borrow_and_update().clone()) {
                self.clock.advance(Duration::from_secs(1));
                // Whatever this second has set off shows soon, or the next one comes.
                drop(tokio::time::timeout(TICK, snapshots.changed()).await);
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(
            reached.is_ok(),
            "the registry never gets there: {:?}",
            self.registry.snapshot()
        );
    }

    /// The creates that have no container yet.
    pub(crate) fn open_creations(&self) -> Vec<OperationId> {
        self.registry
            .snapshot()
            .creations()
            .map(|creation| creation.operation)
            .collect()
    }

    /// How often something was asked of the engine.
    pub(crate) fn calls_of(&self, action: Action) -> usize {
        self.engine
            .calls()
            .iter()
            .filter(|call| call.action() == action)
            .count()
    }

    /// What the daemon changed at the engine, in order.
    pub(crate) fn changes(&self) -> Vec<Action> {
        let actions = self.engine.calls().into_iter().map(|call| call.action());
        actions
            .filter(|action| {
                matches!(
                    action,
                    Action::Create | Action::Start | Action::Stop | Action::Remove
                )
            })
            .collect()
    }
}

/// What outlives a daemon: its state directory, the engine and time.
pub(crate) struct KilledDaemon {
    pub(crate) engine: FakeEngine,
    pub(crate) clock: Arc<ManualClock>,
    directory: TempDir,
    pub(crate) setup: Setup,
}

impl KilledDaemon {
    /// Starts a daemon over what is left of the last one.
    pub(crate) async fn restart(self) -> TestDaemon {
        let Self {
            engine,
            clock,
            directory,
            setup,
        } = self;
        let state = tokio::time::timeout(PATIENCE, claim(directory.path()))
            .await
            .unwrap();
        TestDaemon::over(Tasks::Running, setup, engine, clock, directory, state)
    }
}

impl KilledDaemon {
    /// The machine is booted anew, and its clock shows this at the next start.
    pub(crate) fn set_clock(&mut self, now: Timestamp) {
        self.clock = Arc::new(ManualClock::at(now));
    }

    /// Somebody sets the date before the next start, while the machine goes on.
    pub(crate) fn set_date(&mut self, date: Timestamp) {
        self.clock = Arc::new(self.clock.with_wall_clock_set_to(date));
    }
}

/// Claims the directory as soon as the registry's thread has let go of it.
async fn claim(path: &Path) -> StateDirectory {
    loop {
        if let Ok(directory) = StateDirectory::claim(path) {
            return directory;
        }
        tokio::task::yield_now().await;
    }
}

/// The id of a container, as the engine takes it.
pub(crate) fn id(container: &Container) -> ContainerId {
    container.container_id.parse().unwrap()
}

/// Fails a test that would otherwise wait for ever.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

fn listen() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A client that calls from an address of this machine.
pub(crate) fn http_client(from: IpAddr) -> reqwest::Client {
    // Nothing here is encrypted, and the client wants to be able to all the same.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = reqwest::Client::builder()
        .local_address(from)
        .no_proxy()
        .tls_certs_only([]);
    builder.timeout(PATIENCE).build().unwrap()
}
