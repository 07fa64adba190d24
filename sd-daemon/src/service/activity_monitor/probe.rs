//! Probes running containers from the host, and credits the use that a probe shows.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::super::{ServiceError, Switch};
use super::ActivityMonitor;
use crate::domain::{
    ContainerId, Input, Lifecycle, ProbeResult, Record, Signal, TimeLimit, Timestamp, TrafficSample,
};
use crate::prober::{ProbeError, Target};

/// The minimum number of probes of a container within its idle timeout.
const PROBES_PER_TIMEOUT: u32 = 4;
/// The shortest probe interval. Probes have a cost, and each stop is preceded by one of its own.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);

/// The result of the latest probe of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeStatus {
    /// The probe succeeded.
    Probed {
        /// When.
        at: Timestamp,
        /// The sample.
        result: ProbeResult,
    },
    /// The probe failed.
    Failed(ProbeError),
}

impl ActivityMonitor {
    /// The result of the latest probe of the present run. Returns `None` if the run has not been probed, or
    /// if the container does not run.
    pub(in crate::service) fn latest_probe(&self, record: &Record) -> Option<ProbeStatus> {
        if !matches!(record.lifecycle(), Lifecycle::Running { .. }) {
            return None;
        }
        let latest_probes = self.latest_probes.lock();
        let (generation, status) = latest_probes.get(&record.id())?;
        (*generation == record.generation()).then(|| status.clone())
    }

    /// Probes every running container, and drops the results of others.
    pub(crate) async fn probe_all(&self) {
        let running = self.running();
        let ids: Vec<_> = running.iter().map(|record| record.id()).collect();
        self.prober.retain(ids.clone()).await;
        let running_ids: HashSet<_> = ids.into_iter().collect();
        self.latest_probes.lock().retain(|id, _| running_ids.contains(id));
        self.probe(running).await;
    }

    /// Probes the runs that have not been probed yet, so that later probes show a difference.
    pub(crate) async fn probe_new(&self) {
        let mut new = self.running();
        {
            let latest_probes = self.latest_probes.lock();
            new.retain(|record| {
                let latest = latest_probes.get(&record.id());
                latest.is_none_or(|(generation, _)| *generation != record.generation())
            });
        }
        self.probe(new).await;
    }

    /// Why running containers cannot be probed, if the reason is permanent.
    pub(crate) fn probe_error(&self) -> Option<ProbeError> {
        let latest_probes = self.latest_probes.lock();
        latest_probes.values().find_map(|(_, status)| match status {
            ProbeStatus::Failed(error @ (ProbeError::NotVisible | ProbeError::Denied)) => Some(error.clone()),
            ProbeStatus::Failed(ProbeError::Failed(_)) | ProbeStatus::Probed { .. } => None,
        })
    }

    /// How often to probe running containers: at `interval`, or more often if the shortest idle timeout
    /// requires it, so that the API reports their use correctly.
    pub(crate) fn probe_interval(&self, interval: Duration) -> Duration {
        let policy = self.containers.policy();
        let intervals =
            self.running()
                .into_iter()
                .filter_map(|record| match policy.idle_timeout(&record).limit {
                    TimeLimit::Never => None,
                    TimeLimit::After(timeout) => Some(timeout / PROBES_PER_TIMEOUT),
                });
        intervals
            .min()
            .map_or(interval, |shortest| interval.min(shortest.max(SHORTEST_INTERVAL)))
    }

    /// Probes one container, if any signal needs the prober.
    pub(in crate::service) async fn probe_now(&self, id: ContainerId) {
        if self.signals.need_prober()
            && let Some(record) = self.containers.record(id)
        {
            self.probe(vec![record]).await;
        }
    }

    fn running(&self) -> Vec<Arc<Record>> {
        let snapshot = self.containers.snapshot();
        let is_running = |record: &&Arc<Record>| matches!(record.lifecycle(), Lifecycle::Running { .. });
        snapshot.records().filter(is_running).cloned().collect()
    }

    async fn probe(&self, records: Vec<Arc<Record>>) {
        let (records, targets): (Vec<_>, Vec<_>) = records
            .into_iter()
            .filter_map(|record| target(&record).map(|target| (record, target)))
            .unzip();
        if targets.is_empty() {
            return;
        }
        let results = self.prober.probe(targets).await;
        for (record, result) in records.iter().zip(results) {
            if let Err(error) = self.record_probe(record, result).await {
                tracing::debug!(container = %record.id(), %error, "failed to credit use");
            }
        }
    }

    /// Stores the result of a probe, and credits the use that it shows.
    async fn record_probe(
        &self,
        record: &Record,
        result: Result<TrafficSample, ProbeError>,
    ) -> Result<(), ServiceError> {
        match result {
            Ok(sample) => self.credit_use(record, sample).await,
            Err(error) => {
                let status = (record.generation(), ProbeStatus::Failed(error.clone()));
                let before = self.latest_probes.lock().insert(record.id(), status.clone());
                // A process that has just exited cannot be probed either, and the engine reports its exit in a
                // moment. Only the second failure in a row is logged.
                if before == Some(status) {
                    self.warn_once(error);
                }
                Ok(())
            }
        }
    }

    async fn credit_use(&self, record: &Record, mut sample: TrafficSample) -> Result<(), ServiceError> {
        let (id, generation) = (record.id(), record.generation());
        let signals = &self.signals;
        sample.open.retain(|traffic| !signals.ignores(traffic.peer));
        sample.ended.retain(|traffic| !signals.ignores(traffic.peer));
        let result = signals.use_rule.evaluate(&sample);
        let at = self.clock.now();
        let connections = Some(result.used).filter(|used| *used > 0 && signals.connections == Switch::On);
        let readings = [
            (Signal::Connections, connections),
            (Signal::Cpu, result.busy_millicores),
        ];
        for (signal, value) in readings {
            let Some(value) = value else { continue };
            let input = Input::Used {
                generation,
                signal,
                value,
            };
            self.containers.apply(id, input).await?;
        }
        // Stored after the use is credited: a reader of both never sees a connection in use that is not credited.
        let status = ProbeStatus::Probed { at, result };
        self.latest_probes.lock().insert(id, (generation, status));
        Ok(())
    }

    /// Logs a probe error once, not for each container and probe.
    fn warn_once(&self, error: ProbeError) {
        if matches!(error, ProbeError::Failed(_)) {
            return;
        }
        let mut logged = self.logged_error.lock();
        if logged.as_ref() != Some(&error) {
            tracing::warn!("client connections do not count as use: {error}");
            *logged = Some(error);
        }
    }
}

/// How to probe a container. Returns `None` if the engine does not report its process.
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
