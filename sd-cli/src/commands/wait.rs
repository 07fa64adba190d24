//! The timeout of commands with `--wait`.

use std::time::Duration;

use sd_client::quantity::Span;

use crate::error::CliError;
use crate::output::human;

/// Time between two requests for the state of a container.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct WaitTimeout {
    /// Stop waiting after this long
    #[arg(long, value_name = "DURATION", default_value = "60s", requires = "wait")]
    wait_timeout: Span,
}

impl WaitTimeout {
    /// Waits for the work, at most for the timeout. `failure` states what has not happened by then:
    /// `db did not stop`.
    pub(super) async fn limit<T>(
        &self,
        work: impl Future<Output = Result<T, CliError>>,
        failure: &str,
    ) -> Result<T, CliError> {
        tokio::time::timeout(self.wait_timeout.duration(), work)
            .await
            .unwrap_or_else(|_| {
                let limit = human::duration(self.wait_timeout.duration());
                Err(CliError::TimedOut(format!("{failure} within {limit}")))
            })
    }
}
