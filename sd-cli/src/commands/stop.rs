//! `sd stop`: put containers away, and wait for it on request.

use sd_client::Client;
use sd_client::api::{Container, Status};

use super::references;
use super::wait::{LOOK_AGAIN, WaitTimeout};
use crate::error::CliError;
use crate::output::Printer;

const EXAMPLES: &str = "\
Examples:
  sd stop web
  sd stop web db --wait
  sd stop $(sd ls -q --status running)";

/// Stop containers; they can be started again
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Containers: names, ids, or the beginning of an id
    #[arg(value_name = "REF", required = true)]
    references: Vec<String>,
    /// Wait until they have stopped, which may take ten seconds
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    timeout: WaitTimeout,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    references::each(&args.references, "stopping", out, async |reference| {
        let container = client
            .stop(reference)
            .await
            .map_err(|error| CliError::of_call(client, error))?;
        if !args.wait {
            return Ok(container);
        }
        let sentence = format!("{reference} has not stopped");
        args.timeout
            .bound(until_stopped(container, reference, client), &sentence)
            .await
    })
    .await
}

/// Looks again and again, by id: a name could by then belong to another container.
async fn until_stopped(
    mut container: Container,
    reference: &str,
    client: &Client,
) -> Result<Container, CliError> {
    loop {
        match container.status {
            Status::Stopped => return Ok(container),
            Status::Running | Status::Starting => {
                return Err(CliError::Failed(format!("{reference} was started again")));
            }
            // An unknown state is one that a newer daemon passes through.
            Status::Stopping | Status::Paused | Status::Other(_) => {}
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        container = client
            .container(&container.container_id)
            .await
            .map_err(|error| CliError::of_call(client, error))?;
    }
}
