//! Builds the daemon and runs it. The only place that knows all parts.

mod check_in_listener;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::engine::Engine;
use crate::engine::connect::{self, ConnectOptions};
use crate::http::{self, ApiAccess, Credentials, ReportRate};
use crate::prober::host::{HostProber, ProcessorTime};
use crate::registry::{Registry, StateDirectory};
use crate::server::{self, ListenerConfig};
use crate::service::{CheckInAddress, Parts, Service};
use crate::settings::{CheckInListen, Settings, USER};
use crate::systemd::{Notification, Systemd};
use crate::tasks;
use crate::webhook::Webhook;

/// Everything that was begun is ended within this time. Longer than a container may take to stop.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(25);

/// And what is only in memory is written down within this time.
const WRITING_LIMIT: Duration = Duration::from_secs(4);

/// Runs the daemon until told to stop. Containers keep running.
///
/// What can fail for good fails here, before anything is served: a state directory in use, a registry
/// that cannot be read, an address that cannot be bound. Docker may be missing; it is waited for.
pub async fn run(
    settings: Settings,
    systemd: Arc<Systemd>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let directory = StateDirectory::claim(&settings.state_dir)?;
    let registry = Registry::open(directory, Arc::clone(&clock))?;
    let instance = Arc::clone(registry.snapshot().instance());
    let engine = connect::engine(ConnectOptions {
        host: settings.docker_host.clone(),
        instance,
        publish_address: settings.publish_address,
        network: settings.options.engine.network.0.clone(),
    });
    let prober = Arc::new(prober(&settings)?);
    let prober_lost = prober.lost();
    let service = Service::new(Parts {
        engine: Arc::clone(&engine),
        prober,
        registry: registry.clone(),
        clock: Arc::clone(&clock),
        policy: settings.policy.clone(),
        signals: settings.signals.clone(),
        capacity: settings.options.limits.capacity(),
    });
    let mut tasks = begin(&settings, &service, &*engine, &clock, &shutdown).await?;
    let mut watchdog_task = JoinSet::new();
    watchdog_task.spawn(run_watchdog(Arc::clone(&systemd), registry.clone()));

    let outcome = tokio::select! {
        // A task that ends because it was told to has not ended by itself.
        biased;
        () = shutdown.cancelled() => Ok(()),
        end = tasks.first_end() => Err(anyhow::anyhow!(end)),
        () = prober_lost => Err(anyhow::anyhow!("what looks at containers has ended")),
        reason = registry.stopped() => Err(anyhow::anyhow!("the registry is unavailable: {reason}")),
    };
    shutdown.cancel();
    systemd.notify(Notification::Stopping);
    // The end has a limit of its own, and the signs of life go on until it is over.
    let ended = end(tasks, &service, &registry).await;
    drop(watchdog_task);
    outcome.and(ended)
}

/// Tells systemd that the daemon serves, and then that it lives for as long as it does: as long as the threads turn,
/// the timers go, and the registry answers. Docker may be away.
async fn run_watchdog(systemd: Arc<Systemd>, registry: Registry) {
    systemd.notify(Notification::Ready("serving"));
    let Some(watchdog_interval) = systemd.watchdog_interval() else {
        return;
    };
    let mut beats = tokio::time::interval(watchdog_interval);
    beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while registry.ping().await.is_ok() {
        systemd.notify(Notification::Watchdog);
        beats.tick().await;
    }
}

fn prober(settings: &Settings) -> anyhow::Result<HostProber> {
    let processor_time = match settings.signals.use_rule.cpu_millicores {
        Some(_) => ProcessorTime::Measured,
        None => ProcessorTime::Ignored,
    };
    HostProber::new(processor_time).context("failed to begin looking at containers")
}

/// Begins everything that the daemon does, and serves.
async fn begin(
    settings: &Settings,
    service: &Service,
    engine: &dyn Engine,
    clock: &Arc<dyn Clock>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Tasks> {
    let webhook = settings.webhook.as_ref();
    let webhook = webhook
        .map(|receiver| Webhook::new(receiver, service.clone(), Arc::clone(clock)))
        .transpose()?;
    let api = listen(settings).await?;
    let access = ApiAccess {
        credentials: Credentials::new(USER, settings.password.clone()),
        hosts: settings.options.server.allowed_hosts(),
        proxies: settings.options.server.trusted_proxies(),
    };
    let router = http::api(service.clone(), access, shutdown.clone());

    if let CheckInListen::Gateway { .. } = settings.options.check_in.check_in_listen {
        service.set_check_in(CheckInAddress::Pending);
    }
    let (service, clock, shutdown) = (|| service.clone(), || Arc::clone(clock), || shutdown.clone());
    let mut tasks = Tasks::new();
    tasks.spawn("api", server::serve(api, router, shutdown()));
    tasks.spawn(
        "follow_events",
        tasks::follow_events(service(), engine.events(), shutdown()),
    );
    tasks.spawn(
        "reap_idle",
        tasks::enforce_deadlines(service(), clock(), shutdown()),
    );
    tasks.spawn("reconcile", tasks::reconcile(service(), clock(), shutdown()));
    if settings.signals.need_prober() {
        let probing = tasks::probe_activity(
            service(),
            clock(),
            settings.options.activity.probe_interval(),
            shutdown(),
        );
        tasks.spawn("probe_activity", probing);
    }
    if let Some(webhook) = webhook {
        tasks.spawn("webhook", webhook.run(shutdown()));
    }
    let reports = || {
        http::check_in(
            service(),
            &settings.options.server.allowed_hosts(),
            ReportRate::default(),
        )
    };
    match settings.options.check_in.check_in_listen {
        CheckInListen::Off => {}
        CheckInListen::Address(address) => {
            let listener = TcpListener::bind(address)
                .await
                .with_context(|| format!("failed to listen for check-ins on {address}"))?;
            let serving = check_in_listener::serve(listener, service(), reports(), shutdown());
            tasks.spawn("check_in", serving);
        }
        CheckInListen::Gateway { port } => {
            let serving = check_in_listener::serve_on_gateways(port, service(), reports(), shutdown());
            tasks.spawn("check_in", serving);
        }
    }
    Ok(tasks)
}

async fn listen(settings: &Settings) -> anyhow::Result<ListenerConfig> {
    let failed = || {
        format!(
            "failed to listen on {}: choose another address with --listen",
            settings.options.server.listen
        )
    };
    let api = TcpListener::bind(settings.options.server.listen)
        .await
        .with_context(failed)?;
    let address = api
        .local_addr()
        .context("failed to read the address of the API")?;
    let tls = settings.tls.clone();
    tracing::info!(%address, tls = tls.is_some(), "serving the API");
    Ok(ListenerConfig { listener: api, tls })
}

/// Waits for what was begun, but not for ever, and writes down what is only in memory.
async fn end(mut tasks: Tasks, service: &Service, registry: &Registry) -> anyhow::Result<()> {
    let ended = async {
        tasks.end().await;
        service.drain().await;
    };
    if tokio::time::timeout(SHUTDOWN_LIMIT, ended).await.is_err() {
        tracing::warn!("not everything ended in time; the next start finishes what was begun");
    }
    match tokio::time::timeout(WRITING_LIMIT, registry.close()).await {
        Ok(closed) => closed.context("failed to write down the last activity"),
        Err(_) => {
            anyhow::bail!("the disk does not take the last activity; the next start goes on from what it has")
        }
    }
}

/// The tasks that live as long as the daemon. One that ends early takes the daemon down: half a daemon
/// looks like a whole one and does not do its work.
struct Tasks {
    running: JoinSet<()>,
    names: HashMap<tokio::task::Id, &'static str>,
}

impl Tasks {
    fn new() -> Self {
        Self {
            running: JoinSet::new(),
            names: HashMap::new(),
        }
    }

    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// The first task to end, and how it did.
    async fn first_end(&mut self) -> String {
        let (id, how) = match self.running.join_next_with_id().await {
            Some(Ok((id, ()))) => (id, "ended by itself"),
            Some(Err(error)) => (error.id(), "panicked"),
            None => std::future::pending().await,
        };
        format!(
            "the task {} {how}",
            self.names.get(&id).unwrap_or(&"without a name")
        )
    }

    async fn end(&mut self) {
        while self.running.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_any_task_is_told_with_its_name() {
        let mut tasks = Tasks::new();
        tasks.spawn("patient", std::future::pending());
        tasks.spawn("brief", async {});
        assert_eq!(tasks.first_end().await, "the task brief ended by itself");
        tasks.spawn("nervous", async { panic!("as it happens") });
        assert_eq!(tasks.first_end().await, "the task nervous panicked");
    }
}
