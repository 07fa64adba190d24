//! Builds the daemon and runs it. No other module uses all parts. The composition is in this file, because it is the
//! only job of the module.
//!
//! `App::build` does everything that can fail permanently, before anything is served: it locks the state
//! directory, reads the registry and binds the listeners. `App::run` starts the tasks and waits for a stop
//! signal. The engine may be unavailable throughout: the daemon waits for it.

mod check_in_listener;
mod supervisor;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::engine::{ConnectOptions, Engine, connect};
use crate::http::{self, ApiAccess, Credentials, ReportRate, Router};
use crate::prober::host::{HostProber, ProcessorTime};
use crate::registry::{Registry, StateDirectory};
use crate::server::{self, ListenerConfig};
use crate::service::{Parts, Service};
use crate::settings::{Settings, USER};
use crate::systemd::{Notification, Systemd};
use crate::tasks;
use crate::webhook::Webhook;
use check_in_listener::CheckInListener;
use supervisor::Supervisor;

/// How long the shutdown waits for operations in progress: longer than a container may take to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

/// How long the shutdown waits until the registry has written what is only in memory.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(4);

/// Builds and runs the daemon until `shutdown`. Containers keep running.
pub async fn run(
    settings: Settings,
    systemd: Arc<Systemd>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    App::build(settings).await?.run(&systemd, shutdown).await
}

/// A daemon that is ready to run.
struct App {
    settings: Settings,
    clock: Arc<dyn Clock>,
    registry: Registry,
    engine: Arc<dyn Engine>,
    prober: Arc<HostProber>,
    service: Service,
    webhook: Option<Webhook>,
    api: ListenerConfig,
    check_in: Option<CheckInListener>,
}

impl App {
    async fn build(settings: Settings) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let directory = StateDirectory::claim(&settings.state_dir)?;
        let registry = Registry::open(directory, Arc::clone(&clock))?;
        let engine = build_engine(&settings, &registry);
        let prober = Arc::new(build_prober(&settings)?);
        let service = Service::new(Parts {
            engine: Arc::clone(&engine),
            prober: prober.clone(),
            registry: registry.clone(),
            clock: Arc::clone(&clock),
            policy: settings.policy.clone(),
            signals: settings.signals.clone(),
            capacity: settings.options.limits.capacity(),
        });
        let webhook = match &settings.webhook {
            Some(receiver) => Some(Webhook::new(receiver, service.clone(), Arc::clone(&clock))?),
            None => None,
        };
        let api = bind_api(&settings).await?;
        let check_in = CheckInListener::build(settings.options.check_in.check_in_listen, &service).await?;
        Ok(Self {
            settings,
            clock,
            registry,
            engine,
            prober,
            service,
            webhook,
            api,
            check_in,
        })
    }

    async fn run(self, systemd: &Arc<Systemd>, shutdown: CancellationToken) -> anyhow::Result<()> {
        let (service, registry) = (self.service.clone(), self.registry.clone());
        let prober_ended = self.prober.lost();
        let mut supervisor = self.start_tasks(&shutdown);
        let mut watchdog_task = JoinSet::new();
        watchdog_task.spawn(run_watchdog(Arc::clone(systemd), registry.clone()));

        let outcome = tokio::select! {
            // At a shutdown the tasks end too. That is not unexpected.
            biased;
            () = shutdown.cancelled() => Ok(()),
            end = supervisor.first_end() => Err(anyhow::anyhow!(end)),
            () = prober_ended => Err(anyhow::anyhow!("the activity prober stopped unexpectedly")),
            reason = registry.stopped() => Err(anyhow::anyhow!("the registry is unavailable: {reason}")),
        };
        shutdown.cancel();
        systemd.notify(Notification::Stopping);
        // The shutdown has its own time limit. The watchdog is pinged until it is complete.
        let stopped = stop(supervisor, &service, &registry).await;
        drop(watchdog_task);
        outcome.and(stopped)
    }

    fn start_tasks(self, shutdown: &CancellationToken) -> Supervisor {
        let mut supervisor = Supervisor::new(Arc::clone(&self.clock));
        let (service, clock, shutdown) = (
            || self.service.clone(),
            || Arc::clone(&self.clock),
            || shutdown.clone(),
        );
        supervisor.spawn("follow_events", |status| {
            tasks::follow_events(service(), self.engine.events(), status, shutdown())
        });
        supervisor.spawn("enforce_deadlines", |status| {
            tasks::enforce_deadlines(service(), clock(), status, shutdown())
        });
        supervisor.spawn("reconcile", |status| {
            tasks::reconcile(service(), clock(), status, shutdown())
        });
        if self.settings.signals.need_prober() {
            let interval = self.settings.options.activity.probe_interval();
            supervisor.spawn("probe_activity", |status| {
                tasks::probe_activity(service(), clock(), interval, status, shutdown())
            });
        }
        if let Some(webhook) = self.webhook {
            supervisor.spawn("webhook", |status| webhook.run(status, shutdown()));
        }
        if let Some(check_in) = self.check_in {
            let router = http::check_in(
                service(),
                &self.settings.options.server.allowed_hosts(),
                ReportRate::default(),
            );
            supervisor.spawn("check_in_listener", |status| {
                check_in.run(router, status, shutdown())
            });
        }
        // Last, so that the first request finds the status of every task.
        let router = build_api(&self.settings, service(), &supervisor, shutdown());
        supervisor.spawn_without_status("api", server::serve(self.api, router, shutdown()));
        supervisor
    }
}

fn build_engine(settings: &Settings, registry: &Registry) -> Arc<dyn Engine> {
    connect::engine(ConnectOptions {
        host: settings.docker_host.clone(),
        instance: Arc::clone(registry.snapshot().instance()),
        publish_address: settings.publish_address,
        network: settings.options.engine.network.0.clone(),
    })
}

fn build_prober(settings: &Settings) -> anyhow::Result<HostProber> {
    let processor_time = match settings.signals.use_rule.cpu_millicores {
        Some(_) => ProcessorTime::Measured,
        None => ProcessorTime::Ignored,
    };
    HostProber::new(processor_time).context("failed to start the activity prober")
}

fn build_api(
    settings: &Settings,
    service: Service,
    supervisor: &Supervisor,
    shutdown: CancellationToken,
) -> Router {
    let access = ApiAccess {
        credentials: Credentials::new(USER, settings.password.clone()),
        hosts: settings.options.server.allowed_hosts(),
        proxies: settings.options.server.trusted_proxies(),
    };
    http::api(service, access, supervisor.statuses().clone(), shutdown)
}

async fn bind_api(settings: &Settings) -> anyhow::Result<ListenerConfig> {
    let listen = settings.options.server.listen;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("failed to listen on {listen}: choose another address with --listen"))?;
    let address = listener
        .local_addr()
        .context("failed to read the address of the API listener")?;
    let tls = settings.tls.clone();
    tracing::info!(%address, tls = tls.is_some(), "serving the API");
    Ok(ListenerConfig { listener, tls })
}

/// Sends READY=1, then pings the systemd watchdog while the runtime and the registry respond. The engine may
/// be unavailable.
async fn run_watchdog(systemd: Arc<Systemd>, registry: Registry) {
    systemd.notify(Notification::Ready("serving"));
    let Some(watchdog_interval) = systemd.watchdog_interval() else {
        return;
    };
    let mut pings = tokio::time::interval(watchdog_interval);
    pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while registry.ping().await.is_ok() {
        systemd.notify(Notification::Watchdog);
        pings.tick().await;
    }
}

/// Waits for tasks and operations in progress, for a limited time, and closes the registry.
async fn stop(mut supervisor: Supervisor, service: &Service, registry: &Registry) -> anyhow::Result<()> {
    let ended = async {
        supervisor.join_all().await;
        service.drain().await;
    };
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, ended).await.is_err() {
        tracing::warn!("operations are still in progress; the next start completes them");
    }
    match tokio::time::timeout(FLUSH_TIMEOUT, registry.close()).await {
        Ok(closed) => closed.context("failed to write the latest activity to the registry"),
        Err(_) => anyhow::bail!(
            "failed to write the latest activity to the registry: the disk does not respond; \
             the next start continues with what is stored"
        ),
    }
}
