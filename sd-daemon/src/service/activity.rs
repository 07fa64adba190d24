//! Who is using a container: what it reports, and what is known of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{ProbeStatus, Service, ServiceError, Switch, token};
use crate::domain::{Input, Lifecycle, Policy, Record, RecordedEvent, Report, Timestamp};
use crate::known_bad::KnownBad;

/// How long a report waits: for a container that is just starting, whose first report may be here before
/// the engine has told anybody its address; and for the engine to confirm who it comes from.
const PATIENCE: Duration = Duration::from_secs(2);

/// Everything that is known of who uses a container.
pub struct ActivityReport {
    /// The container.
    pub record: Arc<Record>,
    /// When it is stopped and removed.
    pub policy: Policy,
    /// What the latest look from the host showed.
    pub view: Option<ProbeStatus>,
    /// What happened to it, the oldest first.
    pub history: Vec<RecordedEvent>,
    /// The present.
    pub now: Timestamp,
}

impl Service {
    /// Who uses a container, and why it is up or not. Never waits.
    pub fn activity(&self, reference: &str) -> Result<ActivityReport, ServiceError> {
        let record = self.find(reference)?;
        Ok(ActivityReport {
            policy: self.policy(),
            view: self.view_of(&record),
            history: self.history().of(record.id()),
            now: self.inner.clock.now(),
            record,
        })
    }

    /// Credits the container at an address with a report, and shows it as it is then.
    ///
    /// An address goes to the next container as soon as the last one is stopped. A report is therefore
    /// credited only after the engine has confirmed, later than the report came, that the container is
    /// still in the same run at the same address. While the engine cannot be asked the latest known
    /// holder is believed: what is unknown stops nobody.
    pub async fn check_in(&self, address: IpAddr, report: Report) -> Result<Arc<Record>, ServiceError> {
        for candidate in self.candidates(address).await {
            let Some(run) = candidate.last_run() else { continue };
            let is_holder = match tokio::time::timeout(PATIENCE, self.inspect(candidate.id())).await {
                Ok(Ok(Some(seen))) => seen.holds(address, run),
                Ok(Ok(None)) => false,
                Ok(Err(_)) | Err(_) => {
                    tracing::debug!(container = %candidate.id(), "crediting an unverified report");
                    true
                }
            };
            let is_believed = is_holder || KnownBad::UnverifiedAddress.is_made();
            if is_believed && let Some(credited) = self.credit_report(&candidate, report).await? {
                return Ok(credited);
            }
            // What is known of it is out of date: it has ended, or begun another run.
            self.enqueue_reconcile(candidate.id());
        }
        Err(ServiceError::UnknownCaller(address))
    }

    /// Credits the container that a token belongs to with a report, wherever it came from.
    ///
    /// Only that container was given the token, so nobody has to be asked. A report that was on its way when
    /// its run ended is credited to the run that there is, which it cannot harm.
    pub async fn check_in_by_token(&self, token: &str, report: Report) -> Result<Arc<Record>, ServiceError> {
        let operation = token::read(token, self.inner.registry.secret()).ok_or(ServiceError::UnknownToken)?;
        let is_starting = |record: &Arc<Record>| matches!(record.lifecycle(), Lifecycle::Starting);
        let mut snapshots = self.subscribe();
        let settled =
            snapshots.wait_for(|snapshot| !snapshot.of_operation(operation).is_some_and(is_starting));
        // Its first report may be here before the engine has said that it runs.
        drop(tokio::time::timeout(PATIENCE, settled).await);
        let container = self.snapshot().of_operation(operation).cloned();
        let running = container.filter(|record| matches!(record.lifecycle(), Lifecycle::Running { .. }));
        let record = running.ok_or(ServiceError::TokenContainerNotRunning)?;
        let credited = self.credit_report(&record, report).await?;
        credited.ok_or(ServiceError::TokenContainerNotRunning)
    }

    /// Nothing when the run is over by now: a report that came too late is not acknowledged.
    async fn credit_report(
        &self,
        record: &Record,
        report: Report,
    ) -> Result<Option<Arc<Record>>, ServiceError> {
        let signals = &self.inner.signals;
        let report = Report {
            busy_for: report.busy_for.map(|span| span.min(signals.busy_limit)),
            counts: signals.check_in == Switch::On,
            ..report
        };
        let generation = record.generation();
        let applied = self
            .apply(record.id(), Input::CheckIn { generation, report })
            .await?;
        Ok(applied.record.filter(|record| record.is_in_run(generation)))
    }

    /// The containers that may be at an address, the likeliest first.
    async fn candidates(&self, address: IpAddr) -> Vec<Arc<Record>> {
        let found = self.snapshot().at_address(address);
        if !found.is_empty() {
            return found;
        }
        let mut snapshots = self.subscribe();
        let known = snapshots.wait_for(|snapshot| {
            let is_starting = |record: &Arc<Record>| matches!(record.lifecycle(), Lifecycle::Starting);
            !snapshot.at_address(address).is_empty() || !snapshot.records().any(is_starting)
        });
        // Without an answer in time nobody is known to be there.
        drop(tokio::time::timeout(PATIENCE, known).await);
        self.snapshot().at_address(address)
    }
}
