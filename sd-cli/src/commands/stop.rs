//! `sd stop`: stops containers and, with `--wait`, waits until they have stopped.

use sd_client::Client;
use sd_client::api::{Container, Status};

use super::references;
use super::wait::{POLL_INTERVAL, WaitTimeout};
use crate::error::CliError;
use crate::output::Printer;

const EXAMPLES: &str = "\
Examples:
  sd stop web
  sd stop web db --wait
  sd stop $(sd ls -q --status running)";

/// Stop containers; `sd start` starts them again
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Containers: names, ids or unique id prefixes
    #[arg(value_name = "REF", required = true)]
    references: Vec<String>,
    /// Wait until they have stopped, usually within ten seconds
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    timeout: WaitTimeout,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    references::for_each(&args.references, "stopping …", out, async |reference| {
        let container = client
            .stop(reference)
            .await
            .map_err(|error| CliError::of_call(client, error))?;
        if !args.wait {
            return Ok(container);
        }
        let failure = format!("{reference} did not stop");
        args.timeout
            .limit(wait_until_stopped(container, reference, client), &failure)
            .await
    })
    .await
}

/// Polls the container by id, because its name could belong to another container by now.
async fn wait_until_stopped(
    mut container: Container,
    reference: &str,
    client: &Client,
) -> Result<Container, CliError> {
    loop {
        match container.status {
            Status::Stopped => return Ok(container),
            Status::Running | Status::Starting => {
                return Err(CliError::Failed(format!(
                    "{reference} was started again while it was stopping"
                )));
            }
            // A newer daemon may report a status that this version does not know.
            Status::Stopping | Status::Paused | Status::Other(_) => {}
        }
        tokio::time::sleep(POLL_INTERVAL).await;
        container = client
            .container(&container.container_id)
            .await
            .map_err(|error| CliError::of_call(client, error))?;
    }
}
