//! `sd check-in`: a container reports how many connections it serves, or for how long it is busy.
//!
//! Runs inside containers, where it knows no user and no password and needs none: the daemon
//! recognises the container by its address or by its token. The settings of the other commands are not read.

use std::ffi::OsString;

use clap::ArgGroup;
use sd_client::CheckInResponse;
use sd_client::api::{CheckIn, MAX_ACTIVE_CONNECTIONS, Span};

use super::periodic;
use super::target::CheckInTarget;
use super::{connections, program};
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
/// Report activity, from inside a container
///
/// Goes to SD_CHECK_IN_URL when that is set, then to the container's default gateway. Needs no
/// credentials; --user, --password-file and --server are not used, and --url replaces both addresses.
/// Where the daemon has set SD_CHECK_IN_TOKEN, that is sent along.
///
/// PROGRAM is run for every report, and has to print one whole number within 30 seconds: how many clients
/// are using the container. It reads nothing. When it has ended, or has to be killed, everything that it
/// has started is killed as well. Where it fails, nothing is reported until it works again.
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
    /// Report that it is busy: it is not stopped for idleness for this long, as far as the daemon allows
    #[arg(long = "for", value_name = "DURATION")]
    busy_for: Option<Span>,
    /// Stay, and report again and again
    ///
    /// Has to be shorter than the idle timeout of the container. When that is made shorter later, two
    /// reports are made in it.
    #[arg(long, value_name = "DURATION")]
    every: Option<Span>,
}

/// Where the number comes from.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Count {
    /// Report this many active connections
    #[arg(
        short,
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_ACTIVE_CONNECTIONS))
    )]
    active_connections: Option<u32>,
    /// Count the established connections to this port of the container; may be repeated
    #[arg(
        short = 'p',
        long = "tcp-port",
        value_name = "PORT",
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    tcp_ports: Vec<u16>,
    /// Report the number that this program prints
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

impl Count {
    /// The number, where there is anything to count.
    async fn take(&self) -> Result<Option<u32>, CliError> {
        if self.active_connections.is_some() {
            Ok(self.active_connections)
        } else if !self.program.is_empty() {
            program::count(&self.program, program::LIMIT).await.map(Some)
        } else if !self.tcp_ports.is_empty() {
            let count = connections::count(&self.tcp_ports)
                .map_err(|error| CliError::Failed(format!("cannot count connections: {error}")))?;
            let count = u32::try_from(count).unwrap_or(MAX_ACTIVE_CONNECTIONS);
            Ok(Some(count.min(MAX_ACTIVE_CONNECTIONS)))
        } else {
            Ok(None)
        }
    }
}

/// What is reported, and where to.
pub(super) struct Reporter {
    count: Count,
    pub(super) busy_for: Option<Span>,
    way: CheckInTarget,
}

impl Reporter {
    /// Counts and reports once.
    pub(super) async fn report(&self) -> Result<CheckInResponse, CliError> {
        let report = CheckIn {
            active_connections: self.count.take().await?,
            busy_for: self.busy_for,
        };
        self.way.send(&report).await
    }
}

pub(crate) async fn run(args: Args, url: Option<&str>, out: &mut Printer<'_>) -> Result<(), CliError> {
    let reporter = Reporter {
        count: args.count,
        busy_for: args.busy_for,
        way: CheckInTarget::new(url)?,
    };
    let end = signals::end()?;
    match args.every {
        None => tokio::select! {
            outcome = report_once(&reporter, out) => outcome,
            () = end => Err(CliError::Interrupted(None)),
        },
        Some(every) => tokio::select! {
            outcome = periodic::keep_reporting(&reporter, every.duration(), out) => outcome,
            () = end => Ok(()),
        },
    }
}

async fn report_once(reporter: &Reporter, out: &mut Printer<'_>) -> Result<(), CliError> {
    let receipt = reporter.report().await?;
    if let Some(remark) = periodic::kept_for_less(reporter.busy_for, &receipt, clock::now()) {
        out.note(&remark);
    }
    Ok(())
}
