//! `sd show`: everything about one container, and what happened to it.

use sd_client::Client;

use crate::clock;
use crate::error::CliError;
use crate::output;
use crate::output::When;
use crate::output::{Format, Printer};

const EXAMPLES: &str = "\
Examples:
  sd show db
  sd show db --json | jq '.ports'";

/// Show all about a container, and what happened to it
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Container: a name, an id, or the beginning of an id
    #[arg(value_name = "REF")]
    reference: String,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let of_call = |error| CliError::of_call(client, error);
    let container = client.container(&args.reference).await.map_err(of_call)?;
    match out.format() {
        Format::Table => {
            // By id: a name could by then belong to another container.
            let activity = client.activity(&container.container_id).await.map_err(of_call)?;
            let when = When::at(clock::now());
            out.text(&output::container_details(&container, &activity.history, &when));
        }
        Format::Json | Format::Jsonl => out.value(&container),
    }
    Ok(())
}
