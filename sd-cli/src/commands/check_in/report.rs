//! One report of `sd check-in`: counts connections and sends the number to the daemon.

use std::ffi::OsString;

use sd_client::CheckInResponse;
use sd_client::api::{CheckIn, MAX_ACTIVE_CONNECTIONS, Span};

use super::target::CheckInTarget;
use super::{connections, program};
use crate::error::CliError;

/// The source of the number of connections.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct Count {
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
    busy_for: Option<Span>,
    target: CheckInTarget,
}

impl Reporter {
    pub(super) fn new(count: Count, busy_for: Option<Span>, target: CheckInTarget) -> Self {
        Self {
            count,
            busy_for,
            target,
        }
    }

    /// The value of `--for`.
    pub(super) fn busy_for(&self) -> Option<Span> {
        self.busy_for
    }

    /// Counts connections, if requested, and sends one report.
    pub(super) async fn report(&self) -> Result<CheckInResponse, CliError> {
        let report = CheckIn {
            active_connections: self.count.read().await?,
            busy_for: self.busy_for,
        };
        self.target.send(&report).await
    }
}
