//! Builds the daemon and runs it. The only place that knows all parts.

mod check_in_listener;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::config::{CheckInListen, Config, USER};
use crate::engine::Engine;
use crate::engine::docker::DockerEngine;
use crate::http::{self, Admission, Credentials, Entrance};
use crate::prober::host::{HostProber, ProcessorTime};
use crate::registry::{Registry, StateDirectory};
use crate::service::{Parts, Service};
use crate::tasks;
use crate::webhook::Webhook;

/// Everything that was begun is ended within this time. Longer than a container may take to stop.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(25);

/// Runs the daemon until told to stop. Containers keep running.
///
/// What can fail for good fails here, before anything is served: a state directory in use, a registry
/// that cannot be read, an address that cannot be bound. Docker may be missing; it is waited for.
pub async fn run(config: Config, shutdown: CancellationToken) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let directory = StateDirectory::claim(&config.state_dir)?;
    let registry = Registry::open(directory, Arc::clone(&clock))?;
    let instance = Arc::clone(registry.snapshot().instance());
    let engine = DockerEngine::new(&config.docker_host, instance, config.publish_address);
    let engine = Arc::new(engine.on_network(config.network.clone()));
    let service = Service::new(Parts {
        engine: engine.clone(),
        prober: Arc::new(prober(&config)?),
        registry: registry.clone(),
        clock: Arc::clone(&clock),
        policy: config.policy.clone(),
        signals: config.signals.clone(),
        capacity: config.capacity,
    });
    let mut tasks = begin(&config, &service, &*engine, &clock, &shutdown).await?;

    let outcome = tokio::select! {
        // A task that ends because it was told to has not ended by itself.
        biased;
        () = shutdown.cancelled() => Ok(()),
        dead = tasks.first_end() => Err(anyhow::anyhow!("the task {dead} ended by itself")),
        () = registry.lost() => Err(anyhow::anyhow!("the registry can no longer be written")),
    };
    shutdown.cancel();
    outcome.and(end(tasks, &service, &registry).await)
}

fn prober(config: &Config) -> anyhow::Result<HostProber> {
    let processor_time = match config.signals.use_rule.cpu_millicores {
        Some(_) => ProcessorTime::Measured,
        None => ProcessorTime::Ignored,
    };
    HostProber::new(processor_time).context("failed to begin looking at containers")
}

/// Begins everything that the daemon does, and serves.
async fn begin(
    config: &Config,
    service: &Service,
    engine: &dyn Engine,
    clock: &Arc<dyn Clock>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Tasks> {
    let webhook = config.webhook.as_ref();
    let webhook = webhook
        .map(|receiver| Webhook::new(receiver, service.clone(), Arc::clone(clock)))
        .transpose()?;
    let api = listen(config).await?;
    let admission = Admission {
        credentials: Credentials::new(USER, config.password.clone()),
        hosts: config.allowed_hosts.clone(),
    };
    let router = http::api(service.clone(), admission, shutdown.clone());

    let (service, clock, shutdown) = (|| service.clone(), || Arc::clone(clock), || shutdown.clone());
    let mut tasks = Tasks::new();
    tasks.spawn("api", http::serve(api, router, shutdown()));
    tasks.spawn(
        "follow_events",
        tasks::follow_events(service(), engine.events(), shutdown()),
    );
    tasks.spawn("reap_idle", tasks::reap_idle(service(), clock(), shutdown()));
    tasks.spawn("reconcile", tasks::reconcile(service(), clock(), shutdown()));
    if config.signals.need_looks() {
        let probing = tasks::probe_activity(service(), clock(), config.probe_interval, shutdown());
        tasks.spawn("probe_activity", probing);
    }
    if let Some(webhook) = webhook {
        tasks.spawn("webhook", webhook.run(shutdown()));
    }
    let reports = || http::check_in(service(), &config.allowed_hosts);
    match config.check_in_listen {
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

async fn listen(config: &Config) -> anyhow::Result<Entrance> {
    let failed = || {
        format!(
            "failed to listen on {}: choose another address with --listen",
            config.listen
        )
    };
    let api = TcpListener::bind(config.listen).await.with_context(failed)?;
    let address = api
        .local_addr()
        .context("failed to read the address of the API")?;
    let tls = config.tls.as_ref().map(|identity| identity.tls.clone());
    tracing::info!(%address, tls = tls.is_some(), "serving the API");
    Ok(Entrance { listener: api, tls })
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
    registry
        .flush()
        .await
        .context("failed to write down the last activity")
}

/// The tasks that live as long as the daemon. One that ends early takes the daemon down: half a daemon
/// looks like a whole one and does not do its work.
struct Tasks {
    running: JoinSet<&'static str>,
}

impl Tasks {
    fn new() -> Self {
        Self {
            running: JoinSet::new(),
        }
    }

    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(async move {
            task.await;
            name
        });
    }

    /// The name of the first task to end, unless it panicked.
    async fn first_end(&mut self) -> &'static str {
        match self.running.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(_)) => "that panicked",
            None => std::future::pending().await,
        }
    }

    async fn end(&mut self) {
        while self.running.join_next().await.is_some() {}
    }
}
