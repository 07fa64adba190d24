//! `sd extend`: a container is stopped later than it would be.

use sd_client::Client;
use sd_client::api::{Container, ExtendContainer, Span};

use crate::error::CliError;
use crate::output::Printer;
use crate::output::{Ids, shown_name};

const EXAMPLES: &str = "\
Examples:
  sd extend db 2h
  sd extend 2cd8 30m --json";

/// Stop a container later than it would be
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Container: a name, an id, or the beginning of an id
    #[arg(value_name = "REF")]
    reference: String,
    /// By how much later, such as 2h; never past the end of its longest run
    #[arg(value_name = "DURATION", value_parser = Span::parse_with_unit)]
    by: Span,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let container = client
        .extend(&args.reference, &ExtendContainer::by(args.by))
        .await
        .map_err(|error| CliError::of_call(client, error))?;
    out.container(&container, Ids::Short);
    if let Some(remark) = remark(&container) {
        out.note(&remark);
    }
    Ok(())
}

/// What somebody who wanted more time has to know besides.
fn remark(container: &Container) -> Option<String> {
    let name = shown_name(container);
    match (container.stops_at, container.idle_timeout) {
        (None, _) => Some(format!(
            "{name} is never stopped for want of use: there is nothing to push"
        )),
        (Some(_), None) => Some(format!(
            "{name} is stopped when its longest run is over, which is not pushed: there is nothing else to push"
        )),
        (Some(_), Some(_)) => None,
    }
}
