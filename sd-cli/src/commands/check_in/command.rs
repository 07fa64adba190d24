//! The options of `sd check-in`, and its run: one report, or periodic ones.

use clap::ArgGroup;
use sd_client::api::Span;

use super::repeat;
use super::report::{Count, Reporter};
use super::target::CheckInTarget;
use crate::error::CliError;
use crate::output::Printer;
use crate::{clock, signals};

const EXAMPLES: &str = "\
Examples:
  sd check-in --active-connections 3
  sd check-in --tcp-port 5432
  sd check-in --tcp-port 5432 --tcp-port 22 --every 60s
  sd check-in --every 60s -- count-users --quick
  sd check-in --for 40m";

#[expect(
    clippy::doc_markdown,
    reason = "the comments are help texts, shown as they are"
)]
/// Report activity from inside a container
///
/// Sends the report to SD_CHECK_IN_URL if it is set, then to the default gateway of the container. No
/// credentials are needed: --user, --password-file and --server are ignored, and --url replaces both
/// addresses. If the daemon has set SD_CHECK_IN_TOKEN, the token is sent as well.
///
/// PROGRAM runs before each report and must print one whole number within 30 seconds: how many clients
/// use the container. Its standard input is empty. When it exits or is killed, all processes that it
/// started are killed, too. If it fails, no report is sent until it works again.
#[derive(Debug, clap::Args)]
#[command(
    before_help = EXAMPLES,
    help_template = crate::help::TEMPLATE,
    override_usage = "sd check-in [OPTIONS] [-- <PROGRAM> [ARG]...]",
    group = ArgGroup::new("report")
        .required(true)
        .multiple(true)
        .args(["active_connections", "tcp_ports", "program", "busy_for"])
)]
pub(crate) struct Args {
    #[command(flatten)]
    count: Count,
    /// Report that the container is busy for this long; the daemon may allow less
    #[arg(long = "for", value_name = "DURATION")]
    busy_for: Option<Span>,
    /// Repeat the report at this interval until interrupted
    ///
    /// Must be shorter than the idle timeout of the container. If that timeout is shortened later, sd
    /// reports twice per timeout.
    #[arg(long, value_name = "DURATION")]
    every: Option<Span>,
}

pub(crate) async fn run(args: Args, url: Option<&str>, out: &mut Printer<'_>) -> Result<(), CliError> {
    let reporter = Reporter::new(args.count, args.busy_for, CheckInTarget::new(url)?);
    let terminated = signals::termination()?;
    match args.every {
        None => tokio::select! {
            outcome = report_once(&reporter, out) => outcome,
            () = terminated => Err(CliError::Interrupted(None)),
        },
        Some(every) => tokio::select! {
            outcome = repeat::keep_reporting(&reporter, every.duration(), out) => outcome,
            () = terminated => Ok(()),
        },
    }
}

async fn report_once(reporter: &Reporter, out: &mut Printer<'_>) -> Result<(), CliError> {
    let response = reporter.report().await?;
    if let Some(note) = repeat::shortened_hold_note(reporter.busy_for(), &response, clock::now()) {
        out.note(&note);
    }
    Ok(())
}
