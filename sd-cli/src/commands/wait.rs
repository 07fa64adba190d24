//! The options of commands that can wait for what they set going.

use std::time::Duration;

use sd_client::quantity::Span;

use crate::error::CliError;
use crate::output::human;

/// How long the state of a container is left alone between two looks at it.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug, clap::Args)]
pub(super) struct WaitTimeout {
    /// Give up waiting after this long
    #[arg(long, value_name = "DURATION", default_value = "60s", requires = "wait")]
    wait_timeout: Span,
}

impl WaitTimeout {
    /// Waits for the work, for as long as the user has patience; the sentence says what did not happen.
    pub(super) async fn bound<T>(
        &self,
        work: impl Future<Output = Result<T, CliError>>,
        sentence: &str,
    ) -> Result<T, CliError> {
        tokio::time::timeout(self.wait_timeout.duration(), work)
            .await
            .unwrap_or_else(|_| {
                let limit = human::duration(self.wait_timeout.duration());
                Err(CliError::TimedOut(format!("{sentence} within {limit}")))
            })
    }
}
