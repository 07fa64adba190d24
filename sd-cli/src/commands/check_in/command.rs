//! The options of `sd check-in`, and one report.

use std::ffi::OsString;

use clap::ArgGroup;
use sd_client::CheckInResponse;
use sd_client::api::{CheckIn, MAX_ACTIVE_CONNECTIONS, Span};

use super::target::CheckInTarget;
use super::{connections, program, repeat};
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

/// The source of the number of connections.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Count {
    /// Report this number of active connections
    #[arg(
        short,
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_ACTIVE_CONNECTIONS))
    )]
    active_connections: Option<u32>,
    /// Count established connections to this port of the container; may be repeated
    #[arg(
        short = 'p',
        long = "tcp-port",
        value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    tcp_ports: Vec<u16>,
    /// Program that prints the number of connections, and its arguments
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

impl Count {
    /// The number of connections. Returns `None` if only `--for` was given.
    async fn read(&self) -> Result<Option<u32>, CliError> {
        if self.active_connections.is_some() {
            Ok(self.active_connections)
        } else if !self.program.is_empty() {
            program::count(&self.program, program::TIMEOUT).await.map(Some)
        } else if !self.tcp_ports.is_empty() {
            let count = connections::count(&self.tcp_ports)
                .map_err(|error| CliError::Failed(format!("failed to count connections: {error}")))?;
            let count = u32::try_from(count).unwrap_or(MAX_ACTIVE_CONNECTIONS);
            Ok(Some(count.min(MAX_ACTIVE_CONNECTIONS)))
        } else {
            Ok(None)
        }
    }
}

/// Sends reports.
pub(super) struct Reporter {
    count: Count,
    /// The value of `--for`.
    pub(super) busy_for: Option<Span>,
    target: CheckInTarget,
}

impl Reporter {
    /// Counts connections, if requested, and sends one report.
    pub(super) async fn report(&self) -> Result<CheckInResponse, CliError> {
        let report = CheckIn {
            active_connections: self.count.read().await?,
            busy_for: self.busy_for,
        };
        self.target.send(&report).await
    }
}

pub(crate) async fn run(args: Args, url: Option<&str>, out: &mut Printer<'_>) -> Result<(), CliError> {
    let reporter = Reporter {
        count: args.count,
        busy_for: args.busy_for,
        target: CheckInTarget::new(url)?,
    };
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
    if let Some(note) = repeat::shortened_hold_note(reporter.busy_for, &response, clock::now()) {
        out.note(&note);
    }
    Ok(())
}
