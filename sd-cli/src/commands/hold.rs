//! `sd hold`: a container is kept up for as long as a command runs.
//!
//! The hold is a promise that runs out by itself: it is asked for again and again, so that one whose `sd` was
//! killed ends soon after. It is written down by the daemon, and outlives a restart of it.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sd_client::Client;
use sd_client::api::{Container, ExtendContainer, Span};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Printer;
use crate::output::shown_name;
use crate::signals::{arrives, unless_ignored};

const EXAMPLES: &str = "\
Examples:
  sd hold db -- ./migrate.sh
  sd hold db -- psql -h 127.0.0.1 -p 49156
  sd hold ci-17 -- make test";

/// How long a container is kept by each request.
const HELD_FOR: Duration = Duration::from_secs(120);
/// How often that is asked for: two requests in a row may be lost.
const RENEW_EVERY: Duration = Duration::from_secs(40);
/// How often a daemon that is away is asked: it is to hear of the hold as soon as it is back, before it stops
/// anything.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// A request that takes longer is tried again.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Keep a container up for as long as a command runs
///
/// Ends with the exit code of the command. While the daemon is away the command goes on, and the daemon is told
/// again when it is back. The end of the container's longest run is not put off.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, help_template = crate::help::TEMPLATE)]
pub(crate) struct Args {
    /// Container: a name, an id, or the beginning of an id
    #[arg(value_name = "REF")]
    reference: String,
    /// Command to run, with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) async fn run(args: Args, client: Client, out: &mut Printer<'_>) -> Result<(), CliError> {
    let client = client.with_answer_limit(ANSWER_LIMIT);
    // Before the command begins: one that needs the container should not find it gone.
    let container = ask_to_hold(&client, &args.reference).await?;
    let mut signals = Signals::listen()?;
    let mut command = spawn(&args.command)?;
    let status = tokio::select! {
        status = end_of(&mut command, &mut signals) => status,
        never = keep_asking(&client, &container, out) => match never {},
    };
    let status = status.map_err(|error| CliError::Failed(format!("cannot wait for the command: {error}")))?;
    match exit_code(status) {
        0 => Ok(()),
        code => Err(CliError::Reported(Exit::OfCommand(code))),
    }
}

async fn ask_to_hold(client: &Client, reference: &str) -> Result<Container, CliError> {
    let span = Span::try_from(HELD_FOR).map_err(|error| CliError::Failed(error.to_string()))?;
    let answer = client.extend(reference, &ExtendContainer::hold_for(span)).await;
    answer.map_err(|error| CliError::of_call(client, error))
}

/// Asks again and again, by id: the name could by then belong to another container. What is in the way is said
/// when it begins and when it is over.
async fn keep_asking(
    client: &Client,
    container: &Container,
    out: &mut Printer<'_>,
) -> std::convert::Infallible {
    let name = shown_name(container);
    let mut failure: Option<String> = None;
    let mut pause = RENEW_EVERY;
    loop {
        tokio::time::sleep(pause).await;
        match ask_to_hold(client, &container.container_id).await {
            Ok(_) => {
                if failure.take().is_some() {
                    out.note(&format!("{name} is held again"));
                }
                pause = RENEW_EVERY;
            }
            Err(error) => {
                let message = error.to_string();
                if failure.as_ref() != Some(&message) {
                    out.note(&format!("{name} is not held: {message}"));
                    failure = Some(message);
                }
                pause = TRY_AGAIN;
            }
        }
    }
}

fn spawn(command: &[String]) -> Result<Child, CliError> {
    let (program, arguments) = command
        .split_first()
        .ok_or_else(|| CliError::Usage("there is no command to run".to_owned()))?;
    Command::new(program).args(arguments).spawn().map_err(|error| {
        CliError::Failed(format!(
            "cannot run {program}: {}",
            crate::error::without_number(&error.to_string())
        ))
    })
}

/// Waits for the command. What the terminal sends goes to the command as well, which decides what to make of it;
/// what is sent to `sd` alone is passed on.
async fn end_of(command: &mut Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = command.wait() => return status,
            () = arrives(&mut signals.interrupt) => {}
            () = arrives(&mut signals.quit) => {}
            () = arrives(&mut signals.terminate) => pass_on(command, Signal::TERM),
            () = arrives(&mut signals.hang_up) => pass_on(command, Signal::HUP),
        }
    }
}

fn pass_on(command: &Child, signal: Signal) {
    let id = command
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(id) = id {
        // It may have ended just now, which is as good.
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

/// What a shell would say of the command's end: its code, or 128 and the signal that ended it.
fn exit_code(status: ExitStatus) -> u8 {
    let signal = || status.signal().map(|signal| 128 + signal);
    let code = status.code().or_else(signal).unwrap_or(1);
    u8::try_from(code).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_command_is_told_as_a_shell_tells_it() {
        for (status, code) in [(0, 0), (3 << 8, 3), (255 << 8, 255), (9, 137), (15, 143)] {
            assert_eq!(exit_code(ExitStatus::from_raw(status)), code);
        }
    }
}
