//! Reports of containers on their own activity.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Service, ServiceError};
use crate::domain::{Input, Lifecycle, Record};

/// How long a report waits: for a container that is just starting, whose first report may be here before
/// the engine has told anybody its address; and for the engine to confirm who it comes from.
const PATIENCE: Duration = Duration::from_secs(2);

impl Service {
    /// Credits the container at an address with a report.
    ///
    /// An address goes to the next container as soon as the last one is stopped. A report is therefore
    /// credited only after the engine has confirmed, later than the report came, that the container is
    /// still in the same run at the same address. While the engine cannot be asked the latest known
    /// holder is believed: what is unknown stops nobody.
    pub async fn check_in(&self, address: IpAddr, connections: u32) -> Result<(), ServiceError> {
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
            if is_holder {
                let input = Input::CheckIn {
                    generation: candidate.generation(),
                    connections,
                };
                self.apply(candidate.id(), input).await?;
                return Ok(());
            }
            // What is known of it is out of date: it has ended, or begun another run.
            self.notice(candidate.id());
        }
        Err(ServiceError::UnknownCaller(address))
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
