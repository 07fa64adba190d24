//! Looking at containers from the host, and crediting what is seen.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::{Service, ServiceError, lock};
use crate::domain::{
    ContainerId, Input, Lifecycle, ProbeResult, Record, Signal, TimeLimit, Timestamp, TrafficSample, UseRule,
};
use crate::prober::{ProbeError, Target};

/// Looks at a container in its idle timeout, at least.
const LOOKS_IN_A_TIMEOUT: u32 = 4;
/// However short a timeout is: a look costs time, and there is another one before each stop.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);

/// What tells of use here.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Whether reports of containers count.
    pub check_in: Switch,
    /// Whether client connections count that are seen from the host.
    pub connections: Switch,
    /// What is use, of what is seen from the host; whether the processor counts is said in it.
    pub use_rule: UseRule,
    /// Connections from here are nobody's use: monitors, for instance.
    pub ignored_sources: Vec<IpNet>,
    /// A report cannot ask to be kept for longer than this.
    pub busy_limit: Duration,
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// What the latest look at a container showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeStatus {
    /// It was seen.
    Seen {
        /// When.
        at: Timestamp,
        /// What was there.
        look: ProbeResult,
    },
    /// It could not be seen.
    ProbeError(ProbeError),
}

impl Signals {
    /// Whether there is any reason to look at containers from the host.
    pub fn need_looks(&self) -> bool {
        self.connections == Switch::On || self.use_rule.cpu_millicores.is_some()
    }

    fn is_ignored(&self, peer: std::net::IpAddr) -> bool {
        self.ignored_sources.iter().any(|network| network.contains(&peer))
    }
}

impl Service {
    /// What tells of use here.
    pub fn signals(&self) -> &Signals {
        &self.inner.signals
    }

    /// What the latest look at the present run of a container showed; nothing when nobody has looked yet, and
    /// nothing when it does not run: what was there has ended with the run.
    pub(super) fn view_of(&self, record: &Record) -> Option<ProbeStatus> {
        if !matches!(record.lifecycle(), Lifecycle::Running { .. }) {
            return None;
        }
        let views = lock(&self.inner.views);
        let (generation, view) = views.get(&record.id())?;
        (*generation == record.generation()).then(|| view.clone())
    }

    /// Looks at every running container, and forgets what it knew of others.
    pub async fn probe_all(&self) {
        let running = self.running();
        let ids: Vec<_> = running.iter().map(|record| record.id()).collect();
        self.inner.prober.retain(ids.clone()).await;
        let kept: HashSet<_> = ids.into_iter().collect();
        lock(&self.inner.views).retain(|id, _| kept.contains(id));
        self.probe(running).await;
    }

    /// Looks at the running containers that nobody has looked at yet: what comes later can then be told
    /// from what was there.
    pub(crate) async fn probe_new(&self) {
        let mut new = self.running();
        {
            let views = lock(&self.inner.views);
            let is_seen = |record: &Record| {
                let view = views.get(&record.id());
                view.is_some_and(|(generation, _)| *generation == record.generation())
            };
            new.retain(|record| !is_seen(record));
        }
        self.probe(new).await;
    }

    /// How often running containers are to be looked at, where `interval` is often enough for most: several
    /// times in the shortest idle timeout among them, so that what is shown of their use is true.
    pub(crate) fn probe_interval(&self, interval: Duration) -> Duration {
        let policy = self.policy();
        let timeouts =
            self.running()
                .into_iter()
                .filter_map(|record| match policy.idle_timeout(&record).limit {
                    TimeLimit::Never => None,
                    TimeLimit::After(timeout) => Some(timeout / LOOKS_IN_A_TIMEOUT),
                });
        timeouts
            .min()
            .map_or(interval, |shortest| interval.min(shortest.max(SHORTEST_INTERVAL)))
    }

    /// Looks at one container, if looking is of any use here.
    pub(super) async fn probe_now(&self, id: ContainerId) {
        let record = self.snapshot().get(id).cloned();
        if let Some(record) = record.filter(|_| self.inner.signals.need_looks()) {
            self.probe(vec![record]).await;
        }
    }

    fn running(&self) -> Vec<Arc<Record>> {
        let snapshot = self.snapshot();
        let is_running = |record: &&Arc<Record>| matches!(record.lifecycle(), Lifecycle::Running { .. });
        snapshot.records().filter(is_running).cloned().collect()
    }

    async fn probe(&self, records: Vec<Arc<Record>>) {
        let (seen, targets): (Vec<_>, Vec<_>) = records
            .into_iter()
            .filter_map(|record| target(&record).map(|target| (record, target)))
            .unzip();
        if targets.is_empty() {
            return;
        }
        let answers = self.inner.prober.look(targets).await;
        for (record, answer) in seen.iter().zip(answers) {
            if let Err(error) = self.credit(record, answer).await {
                tracing::debug!(container = %record.id(), %error, "failed to credit what was seen");
            }
        }
    }

    /// Notes what was seen of a container, and credits it with the use that tells of.
    async fn credit(
        &self,
        record: &Record,
        answer: Result<TrafficSample, ProbeError>,
    ) -> Result<(), ServiceError> {
        let (id, generation) = (record.id(), record.generation());
        let mut sample = match answer {
            Ok(sample) => sample,
            Err(blind) => {
                let view = (generation, ProbeStatus::ProbeError(blind.clone()));
                let before = lock(&self.inner.views).insert(id, view.clone());
                // A process that has just ended is not to be seen either: that the engine tells in a moment.
                if before == Some(view) {
                    self.warn_once(blind);
                }
                return Ok(());
            }
        };
        let signals = &self.inner.signals;
        sample.open.retain(|traffic| !signals.is_ignored(traffic.peer));
        sample.ended.retain(|traffic| !signals.is_ignored(traffic.peer));
        let look = signals.use_rule.evaluate(&sample);
        let at = self.inner.clock.now();
        let used = Some(look.used).filter(|used| *used > 0 && signals.connections == Switch::On);
        let busy = look.busy_millicores;
        let told = [(Signal::Connections, used), (Signal::Cpu, busy)];
        for (signal, value) in told
            .into_iter()
            .filter_map(|(signal, value)| Some((signal, value?)))
        {
            let input = Input::Used {
                generation,
                signal,
                value,
            };
            self.apply(id, input).await?;
        }
        // After the use that it tells of: whoever reads both never sees a connection in use that is not credited.
        lock(&self.inner.views).insert(id, (generation, ProbeStatus::Seen { at, look }));
        Ok(())
    }

    /// That containers cannot be seen is said in the log once, not of each of them.
    fn warn_once(&self, blind: ProbeError) {
        if matches!(blind, ProbeError::Failed(_)) {
            return;
        }
        let mut complaint = lock(&self.inner.complaint);
        if complaint.as_ref() != Some(&blind) {
            tracing::warn!("client connections do not count: {blind}");
            *complaint = Some(blind);
        }
    }
}

/// How a container is looked at; not at all where the engine does not say what its process is.
fn target(record: &Record) -> Option<Target> {
    let Lifecycle::Running {
        endpoints, process, ..
    } = record.lifecycle()
    else {
        return None;
    };
    Some(Target {
        id: record.id(),
        run: record.last_run()?.clone(),
        process: (*process)?,
        ports: endpoints
            .ports()
            .keys()
            .filter_map(|port| port.tcp_number())
            .collect(),
    })
}
