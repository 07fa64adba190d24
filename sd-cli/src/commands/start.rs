//! `sd start`: starts stopped containers.

use sd_client::Client;

use super::references;
use crate::error::CliError;
use crate::output::Printer;

const EXAMPLES: &str = "\
Examples:
  sd start web
  sd start web db 2cd8a1b0
  sd start web --json      print the container with its new ports";

/// Start stopped containers and wait until they run
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Containers: names, ids or unique id prefixes
    #[arg(value_name = "REF", required = true)]
    references: Vec<String>,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    references::for_each(&args.references, "starting …", out, async |reference| {
        client
            .start(reference)
            .await
            .map_err(|error| CliError::of_call(client, error))
    })
    .await
}
