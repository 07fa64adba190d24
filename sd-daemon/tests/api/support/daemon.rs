//! Starts, stops and kills the daemon under test.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use sd_client::Client;
use sd_daemon::clock::{Clock, ManualClock};
use sd_daemon::domain::{ContainerPort, Image, Timestamp};
use sd_daemon::engine::Engine;
use sd_daemon::engine::fake::FakeEngine;
use sd_daemon::http;
use sd_daemon::registry::{Registry, StateDirectory};
use sd_daemon::server;
use sd_daemon::service::{CheckInAddress, Parts, Service};
use sd_daemon::task_status::TaskStatuses;
use sd_daemon::tasks;
use sd_daemon::webhook::Webhook;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::process::Process;
use super::{PASSWORD, PROBE_INTERVAL, START, Setup, USER, http_client, with_timeout};

/// Whether the background tasks run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tasks {
    Running,
    Missing,
}

/// A running daemon with its engine, clock and clients.
pub(crate) struct TestDaemon {
    pub(crate) engine: FakeEngine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) client: Client,
    pub(super) http: reqwest::Client,
    pub(super) api: SocketAddr,
    pub(super) check_in: SocketAddr,
    /// The service behind the API.
    pub(crate) service: Service,
    pub(super) registry: Registry,
    pub(super) directory: TempDir,
    process: Process,
    shutdown: CancellationToken,
    pub(super) setup: Setup,
}

impl TestDaemon {
    /// Starts a daemon whose engine has three images and no container.
    pub(crate) fn start() -> Self {
        Self::with(Tasks::Running, Setup::default())
    }

    /// Starts a daemon with these settings.
    pub(crate) fn with_setup(setup: Setup) -> Self {
        Self::with(Tasks::Running, setup)
    }

    /// Starts a daemon without background tasks: every engine call comes from a request.
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

    /// Kills the daemon and starts it again over the same state directory and engine.
    pub(crate) async fn kill_and_restart(self) -> Self {
        self.kill().await.restart().await
    }

    /// Kills the daemon, with everything that it is doing.
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
        let statuses = TaskStatuses::new(Arc::clone(&shared_clock));
        let (api_listener, api) = listen();
        let (check_in_listener, check_in) = listen();
        service.set_check_in(CheckInAddress::Available(http::check_in_url(check_in)));
        if let Some(receiver) = &setup.webhook {
            let webhook = Webhook::new(receiver, service.clone(), Arc::clone(&shared_clock)).unwrap();
            process.run(webhook.run(statuses.register("webhook"), shutdown.clone()));
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
            http::api(
                service.clone(),
                setup.access.clone(),
                statuses.clone(),
                shutdown.clone(),
            ),
        );
        serve(
            check_in_listener,
            http::check_in(service.clone(), &setup.access.hosts, setup.report_rate),
        );
        if tasks == Tasks::Running {
            process.run(tasks::follow_events(
                service.clone(),
                engine.events(),
                statuses.register("follow_events"),
                shutdown.clone(),
            ));
            process.run(tasks::enforce_deadlines(
                service.clone(),
                Arc::clone(&shared_clock),
                statuses.register("enforce_deadlines"),
                shutdown.clone(),
            ));
            if setup.signals.need_prober() {
                process.run(tasks::probe_activity(
                    service.clone(),
                    Arc::clone(&shared_clock),
                    PROBE_INTERVAL,
                    statuses.register("probe_activity"),
                    shutdown.clone(),
                ));
            }
            process.run(tasks::reconcile(
                service.clone(),
                shared_clock,
                statuses.register("reconcile"),
                shutdown.clone(),
            ));
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

    /// Requests a graceful shutdown, as SIGTERM does.
    pub(crate) fn shut_down(&self) {
        self.shutdown.cancel();
    }
}

/// The parts that outlive a daemon: its state directory, the engine and the clock.
pub(crate) struct KilledDaemon {
    pub(crate) engine: FakeEngine,
    pub(crate) clock: Arc<ManualClock>,
    directory: TempDir,
    pub(crate) setup: Setup,
}

impl KilledDaemon {
    /// Starts a daemon over these parts.
    pub(crate) async fn restart(self) -> TestDaemon {
        let Self {
            engine,
            clock,
            directory,
            setup,
        } = self;
        let state = with_timeout(claim(directory.path())).await;
        TestDaemon::over(Tasks::Running, setup, engine, clock, directory, state)
    }

    /// Boots the machine again: its clock shows this time at the next start.
    pub(crate) fn set_clock(&mut self, now: Timestamp) {
        self.clock = Arc::new(ManualClock::at(now));
    }

    /// Sets the wall clock before the next start, within the same boot.
    pub(crate) fn set_date(&mut self, date: Timestamp) {
        self.clock = Arc::new(self.clock.with_wall_clock_set_to(date));
    }
}

/// Claims the directory as soon as the thread of the last registry has released its lock.
async fn claim(path: &Path) -> StateDirectory {
    loop {
        if let Ok(directory) = StateDirectory::claim(path) {
            return directory;
        }
        tokio::task::yield_now().await;
    }
}

fn listen() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
