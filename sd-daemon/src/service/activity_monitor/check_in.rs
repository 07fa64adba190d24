//! Check-ins: identifies the container that a report comes from, and credits it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::super::{ServiceError, Switch, check_in_token};
use super::ActivityMonitor;
use crate::domain::{Input, Lifecycle, Record, Report};

/// How long a report waits for a starting container, whose first report may arrive before the engine has
/// reported its address, and for the engine to confirm the sender.
const CONFIRMATION_TIMEOUT: Duration = Duration::from_secs(2);

impl ActivityMonitor {
    /// Credits the container at an address with a report, and returns its record.
    ///
    /// When a container stops, its address goes to the next container that starts. A report is therefore
    /// credited only after the engine has confirmed, later than the report arrived, that the container is
    /// still in the same run at the same address. While the engine does not respond, the latest known holder
    /// of the address is credited, so that a failing engine stops no container.
    pub(crate) async fn check_in(
        &self,
        address: IpAddr,
        report: Report,
    ) -> Result<Arc<Record>, ServiceError> {
        for candidate in self.candidates(address).await {
            if self.holds_address(&candidate, address).await
                && let Some(credited) = self.credit_report(&candidate, report).await?
            {
                return Ok(credited);
            }
            // The record is out of date: the container has exited, or is in another run.
            self.containers
                .enqueue_reconcile(candidate.id(), async { Ok(()) });
        }
        Err(ServiceError::UnknownCaller(address))
    }

    /// Credits the container that a token was issued to with a report, wherever the report came from.
    ///
    /// Only that container has the token, so the engine is not called. A report that was sent before the run
    /// ended is credited to the present run, which does no harm.
    pub(crate) async fn check_in_by_token(
        &self,
        token: &str,
        report: Report,
    ) -> Result<Arc<Record>, ServiceError> {
        let operation =
            check_in_token::verify(token, self.registry.secret()).ok_or(ServiceError::UnknownToken)?;
        let mut snapshots = self.containers.subscribe();
        let started =
            snapshots.wait_for(|snapshot| !snapshot.of_operation(operation).is_some_and(is_starting));
        // The first report may arrive before the engine has confirmed the start.
        drop(tokio::time::timeout(CONFIRMATION_TIMEOUT, started).await);
        let record = self.containers.snapshot().of_operation(operation).cloned();
        let record = record
            .filter(|record| matches!(record.lifecycle(), Lifecycle::Running { .. }))
            .ok_or(ServiceError::TokenContainerNotRunning)?;
        let credited = self.credit_report(&record, report).await?;
        credited.ok_or(ServiceError::TokenContainerNotRunning)
    }

    /// Whether the engine confirms that the present run of a container is at an address. Returns `true` if the
    /// engine does not respond in time.
    async fn holds_address(&self, record: &Record, address: IpAddr) -> bool {
        let Some(run) = record.last_run() else {
            return false;
        };
        match tokio::time::timeout(CONFIRMATION_TIMEOUT, self.engine.inspect(record.id())).await {
            Ok(Ok(Some(observation))) => observation.holds(address, run),
            Ok(Ok(None)) => false,
            Ok(Err(_)) | Err(_) => {
                tracing::debug!(container = %record.id(), "crediting a check-in that the engine did not confirm");
                true
            }
        }
    }

    /// Returns `None` if the run has ended meanwhile: a late report is not acknowledged.
    async fn credit_report(
        &self,
        record: &Record,
        report: Report,
    ) -> Result<Option<Arc<Record>>, ServiceError> {
        let signals = &self.signals;
        let report = Report {
            busy_for: report.busy_for.map(|span| span.min(signals.busy_limit)),
            counts: signals.check_in == Switch::On,
            ..report
        };
        let generation = record.generation();
        let input = Input::CheckIn { generation, report };
        let applied = self.containers.apply(record.id(), input).await?;
        Ok(applied.record.filter(|record| record.is_in_run(generation)))
    }

    /// The containers that may be at an address, the most likely first. Waits a moment while containers are
    /// starting and none is at the address.
    async fn candidates(&self, address: IpAddr) -> Vec<Arc<Record>> {
        let found = self.containers.snapshot().at_address(address);
        if !found.is_empty() {
            return found;
        }
        let mut snapshots = self.containers.subscribe();
        let known = snapshots.wait_for(|snapshot| {
            !snapshot.at_address(address).is_empty() || !snapshot.records().any(is_starting)
        });
        // After a timeout there is no candidate.
        drop(tokio::time::timeout(CONFIRMATION_TIMEOUT, known).await);
        self.containers.snapshot().at_address(address)
    }
}

fn is_starting(record: &Arc<Record>) -> bool {
    matches!(record.lifecycle(), Lifecycle::Starting)
}
