//! `sd show`: prints one container with its latest events.

use sd_client::Client;

use crate::clock;
use crate::error::CliError;
use crate::output::{self, Format, Printer, When};

const EXAMPLES: &str = "\
Examples:
  sd show db
  sd show db --json | jq '.ports'";

/// Show the state, ports, limits and latest events of a container
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Container: name, id or unique id prefix
    #[arg(value_name = "REF")]
    reference: String,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let of_call = |error| CliError::of_call(client, error);
    let container = client.container(&args.reference).await.map_err(of_call)?;
    match out.format() {
        Format::Table => {
            // By id: the name could belong to another container by now.
            let activity = client.activity(&container.container_id).await.map_err(of_call)?;
            let when = When::at(clock::now());
            out.text(&output::container_details(&container, &activity.history, &when));
        }
        Format::Json | Format::Jsonl => out.value(&container),
    }
    Ok(())
}
