//! `sd hold`: keeps a container running while a command runs.
//!
//! A hold expires by itself. `sd` renews it while the command runs, so that the hold of a killed `sd`
//! ends soon. The daemon stores holds, so they survive its restart.

use std::convert::Infallible;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sd_client::Client;
use sd_client::api::{Container, ExtendContainer, Span};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};

use crate::call_error::without_number;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Printer, shown_name};
use crate::signals::{received, unless_ignored};

const EXAMPLES: &str = "\
Examples:
  sd hold db -- ./migrate.sh
  sd hold db -- psql -h 127.0.0.1 -p 49156
  sd hold ci-17 -- make test";

/// Duration of one hold.
const HOLD_DURATION: Duration = Duration::from_secs(120);
/// Time between two renewals: two in a row may be lost before the hold expires.
const RENEW_INTERVAL: Duration = Duration::from_secs(40);
/// Time between two attempts while the daemon is unreachable. Short, because a restarted daemon must receive
/// the hold before it stops idle containers.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// Timeout of one renewal.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Keep a container running while a command runs
///
/// Exits with the exit code of the command. If the daemon is unreachable, the command continues, and sd
/// renews the hold when the daemon is back. The maximum lifetime of the container still applies.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Container: name, id or unique id prefix
    #[arg(value_name = "REF")]
    reference: String,
    /// Command to run, with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) async fn run(args: Args, client: Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let client = client.with_response_timeout(RESPONSE_TIMEOUT);
    // Before the command starts: it must not find the container stopped.
    let container = hold(&client, &args.reference).await?;
    let mut signals = Signals::listen()?;
    let mut command = spawn(&args.command)?;
    let status = tokio::select! {
        status = wait_for_exit(&mut command, &mut signals) => status,
        never = keep_renewing(&client, &container, out) => match never {},
    };
    let status =
        status.map_err(|error| CliError::Failed(format!("failed to wait for the command: {error}")))?;
    match exit_code(status) {
        0 => Ok(()),
        code => Err(CliError::Reported(Exit::OfCommand(code))),
    }
}

async fn hold(client: &Client, reference: &str) -> Result<Container, CliError> {
    let span = Span::try_from(HOLD_DURATION).map_err(|error| CliError::Failed(error.to_string()))?;
    let response = client.extend(reference, &ExtendContainer::hold_for(span)).await;
    response.map_err(|error| CliError::of_call(client, error))
}

/// Renews the hold by id, because the name could belong to another container by now. Reports each new
/// failure once, and when the hold works again.
async fn keep_renewing(client: &Client, container: &Container, out: &mut Printer<'_>) -> Infallible {
    let name = shown_name(container);
    let mut failure: Option<String> = None;
    let mut pause = RENEW_INTERVAL;
    loop {
        tokio::time::sleep(pause).await;
        match hold(client, &container.container_id).await {
            Ok(_) => {
                if failure.take().is_some() {
                    out.note(&format!("renewed the hold of {name}"));
                }
                pause = RENEW_INTERVAL;
            }
            Err(error) => {
                let message = error.to_string();
                if failure.as_ref() != Some(&message) {
                    out.note(&format!(
                        "failed to renew the hold of {name}: {message}; retrying …"
                    ));
                    failure = Some(message);
                }
                pause = RETRY_INTERVAL;
            }
        }
    }
}

fn spawn(command: &[String]) -> Result<Child, CliError> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| CliError::Usage("failed to run the command: none is given".to_owned()))?;
    Command::new(program).args(arguments).spawn().map_err(|error| {
        let reason = error.to_string();
        CliError::Failed(format!("failed to run {program}: {}", without_number(&reason)))
    })
}

/// Waits for the command. Ctrl-C and Ctrl-\ reach it from the terminal; signals that were sent to `sd`
/// only are forwarded.
async fn wait_for_exit(command: &mut Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = command.wait() => return status,
            () = received(&mut signals.interrupt) => {}
            () = received(&mut signals.quit) => {}
            () = received(&mut signals.terminate) => forward(command, Signal::TERM),
            () = received(&mut signals.hang_up) => forward(command, Signal::HUP),
        }
    }
}

fn forward(command: &Child, signal: Signal) {
    let id = command
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(id) = id {
        // It fails only if the command has just exited.
        let _ = kill_process(id, signal);
    }
}

struct Signals {
    interrupt: Option<unix::Signal>,
    quit: Option<unix::Signal>,
    terminate: Option<unix::Signal>,
    hang_up: Option<unix::Signal>,
}

impl Signals {
    fn listen() -> Result<Self, CliError> {
        Ok(Self {
            interrupt: unless_ignored(SignalKind::interrupt())?,
            quit: unless_ignored(SignalKind::quit())?,
            terminate: unless_ignored(SignalKind::terminate())?,
            hang_up: unless_ignored(SignalKind::hangup())?,
        })
    }
}

/// The exit code as a shell reports it: that of the command, or 128 plus the number of the signal.
fn exit_code(status: ExitStatus) -> u8 {
    let signal = || status.signal().map(|signal| 128 + signal);
    let code = status.code().or_else(signal).unwrap_or(1);
    u8::try_from(code).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_is_that_of_a_shell() {
        for (status, code) in [(0, 0), (3 << 8, 3), (255 << 8, 255), (9, 137), (15, 143)] {
            assert_eq!(exit_code(ExitStatus::from_raw(status)), code);
        }
    }
}
