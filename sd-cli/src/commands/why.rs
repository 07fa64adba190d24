//! `sd why`: explains why a container runs, or why it was stopped.

use sd_client::Client;

use crate::error::CliError;
use crate::explain;
use crate::output::When;
use crate::output::{Format, Printer};

const EXAMPLES: &str = "\
Examples:
  sd why db
  sd why db --json | jq '.signals'    print all details, with the history";

/// Explain why a container runs, or why it was stopped
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Container: a name, an id, or the beginning of an id
    #[arg(value_name = "REF")]
    reference: String,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let activity = client
        .activity(&args.reference)
        .await
        .map_err(|error| CliError::of_call(client, error))?;
    match out.format() {
        Format::Table => out.paragraph(&explain::paragraph(&activity, &When::at(activity.at))),
        Format::Json | Format::Jsonl => out.value(&activity),
    }
    Ok(())
}
