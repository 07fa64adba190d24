//! `sd images`: lists the images that the daemon can run.

use sd_client::Client;

use crate::error::CliError;
use crate::output::{Format, Printer};

const EXAMPLES: &str = "\
Examples:
  sd images
  sd images --json";

/// List the images that the daemon can run
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Print image names only, without the header
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) async fn run(args: Args, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let images = client
        .images()
        .await
        .map_err(|error| CliError::of_call(client, error))?;
    if out.format() == Format::Table && !args.quiet {
        out.line("IMAGE");
    }
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    out.strings(&images);
    Ok(())
}
