//! `sd extend`: postpones the stop of a container.

use sd_client::Client;
use sd_client::api::{Container, ExtendContainer, Span};

use crate::error::CliError;
use crate::output::{Ids, Printer, shown_name};

const EXAMPLES: &str = "\
Examples:
  sd extend db 2h
  sd extend 2cd8 30m --json";

/// Postpone a container's stop
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Container: name, id or unique id prefix
    #[arg(value_name = "REF")]
    reference: String,
    /// Time to add, for example 2h; the maximum lifetime still applies
    #[arg(value_name = "DURATION", value_parser = Span::parse_with_unit)]
    by: Span,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let container = client
        .extend(&args.reference, &ExtendContainer::by(args.by))
        .await
        .map_err(|error| CliError::of_call(client, error))?;
    out.container(&container, Ids::Short);
    if let Some(note) = unchanged_note(&container) {
        out.note(&note);
    }
    Ok(())
}

/// Explains why the stop was not postponed. Returns `None` if it was.
fn unchanged_note(container: &Container) -> Option<String> {
    let name = shown_name(container);
    match (container.stops_at, container.idle_timeout) {
        (None, _) => Some(format!("nothing to postpone: {name} has no idle timeout")),
        (Some(_), None) => Some(format!(
            "nothing to postpone: {name} has no idle timeout, and its maximum lifetime cannot be extended"
        )),
        (Some(_), Some(_)) => None,
    }
}
