//! The daemon over simulated containers: a complete pass without Docker.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sd_daemon::clock::{Clock, SystemClock};
use sd_daemon::domain::{
    Caller, ContainerId, ContainerPort, Image, Limits, Policy, TimeLimit, Timestamp, TrafficSample, UseRule,
};
use sd_daemon::engine::fake::FakeEngine;
use sd_daemon::prober::host::HostProber;
use sd_daemon::prober::{ProbeError, Prober, Target};
use sd_daemon::registry::{Registry, StateDirectory};
use sd_daemon::service::{Capacity, NewContainer, Parts, Service, Signals, Switch};
use tempfile::TempDir;

use crate::simulation::PORT;

const IMAGE: &str = "simulated:latest";

/// A service whose containers are the simulated ones.
pub(crate) struct Daemon {
    pub(crate) service: Service,
    registry: Registry,
    _directory: TempDir,
}

impl Daemon {
    pub(crate) async fn over(targets: &[Target], prober: HostProber) -> anyhow::Result<Self> {
        let prober = TargetedProber {
            prober,
            targets: targets.iter().map(|target| (target.id, target.clone())).collect(),
        };
        let directory = tempfile::tempdir()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let state = StateDirectory::claim(directory.path())?;
        let registry = Registry::open(state, Arc::clone(&clock))?;
        let engine = FakeEngine::new();
        let image = Image {
            exposed: [ContainerPort::tcp(PORT)].into(),
            ..Image::default()
        };
        engine.add_image(IMAGE, image);
        let service = Service::new(Parts {
            engine: Arc::new(engine.clone()),
            registry: registry.clone(),
            clock,
            prober: Arc::new(prober),
            policy: policy(),
            signals: signals(),
            capacity: Capacity {
                containers: u32::MAX,
                memory_bytes: None,
            },
        });
        for target in targets {
            engine.next_id(target.id);
            service.create(new_container()?, &Caller::unidentified()).await?;
        }
        Ok(Self {
            service,
            registry,
            _directory: directory,
        })
    }

    /// Probes all containers and waits until the results are stored.
    pub(crate) async fn pass(&self) -> anyhow::Result<()> {
        self.service.probe_all().await;
        Ok(self.registry.flush().await?)
    }
}

/// The real prober with the processes of the simulated containers, which the engine in memory does not know.
struct TargetedProber {
    prober: HostProber,
    targets: HashMap<ContainerId, Target>,
}

#[async_trait]
impl Prober for TargetedProber {
    async fn probe(&self, mut targets: Vec<Target>) -> Vec<Result<TrafficSample, ProbeError>> {
        for target in &mut targets {
            target.clone_from(&self.targets[&target.id]);
        }
        self.prober.probe(targets).await
    }

    async fn retain(&self, running: Vec<ContainerId>) {
        self.prober.retain(running).await;
    }
}

fn new_container() -> anyhow::Result<NewContainer> {
    Ok(NewContainer {
        image: IMAGE.parse()?,
        name: None,
        environment: [].into(),
        command: Vec::new(),
        memory_bytes: None,
        nano_cpus: None,
        limits: Limits::default(),
        key: None,
    })
}

fn policy() -> Policy {
    Policy {
        default_idle_timeout: TimeLimit::After(Duration::from_secs(9_000)),
        default_max_lifetime: TimeLimit::Never,
        default_remove_after: TimeLimit::Never,
        image_rules: [].into(),
        restart_grace: Duration::from_secs(600),
        resumed_at: Timestamp::from_millis(0),
        warn_before: Duration::from_secs(300),
    }
}

fn signals() -> Signals {
    Signals {
        check_in: Switch::On,
        connections: Switch::On,
        use_rule: UseRule {
            bytes_per_minute: 1,
            cpu_millicores: None,
        },
        ignored_sources: Vec::new(),
        busy_limit: Duration::from_secs(14_400),
    }
}
