//! Runs one command line: connects to the daemon if the command needs it, and returns the exit code.

use std::io;

use clap::CommandFactory;
use sd_client::Client;

use crate::args::{Cli, Command, DaemonCommand, GlobalArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Printer, Terminal};
use crate::{commands, settings, signals};

/// Runs one command line and reports its errors on stderr.
pub async fn run(cli: Cli) -> Exit {
    let (mut stdout, mut stderr) = (io::stdout(), io::stderr());
    let mut out = Printer::new(&mut stdout, &mut stderr, Terminal::of_process());
    let outcome = run_command(cli, &mut out).await;
    out.finish(outcome)
}

async fn run_command(cli: Cli, out: &mut Printer<'_>) -> Result<(), CliError> {
    match cli.command {
        Command::Daemon(command) => {
            let client = connect(&cli.global, out)?;
            let note = command.interrupt_note();
            tokio::select! {
                // A command that handles Ctrl-C itself has the more precise message.
                biased;
                outcome = run_daemon_command(command, &client, out) => outcome,
                () = signals::interrupt() => Err(CliError::Interrupted(note.map(str::to_owned))),
            }
        }
        Command::Hold(args) => {
            let client = connect(&cli.global, out)?;
            commands::hold::run(args, client, out).await
        }
        Command::CheckIn(args) => commands::check_in::run(args, cli.global.url.as_deref(), out).await,
        Command::Completions(args) => {
            commands::completions::run(&args, &mut Cli::command(), out);
            Ok(())
        }
    }
}

async fn run_daemon_command(
    command: DaemonCommand,
    client: &Client,
    out: &mut Printer<'_>,
) -> Result<(), CliError> {
    match command {
        DaemonCommand::Images(args) => commands::images::run(args, client, out).await,
        DaemonCommand::Ls(args) => commands::ls::run(args, client, out).await,
        DaemonCommand::Show(args) => commands::show::run(args, client, out).await,
        DaemonCommand::Why(args) => commands::why::run(args, client, out).await,
        DaemonCommand::Create(args) => commands::create::run(args, client, out).await,
        DaemonCommand::Start(args) => commands::start::run(args, client, out).await,
        DaemonCommand::Stop(args) => commands::stop::run(args, client, out).await,
        DaemonCommand::Rm(args) => commands::rm::run(args, client, out).await,
        DaemonCommand::Extend(args) => commands::extend::run(args, client, out).await,
        DaemonCommand::Events(args) => commands::events::run(args, client, out).await,
    }
}

fn connect(flags: &GlobalArgs, out: &mut Printer<'_>) -> Result<Client, CliError> {
    let (settings, file_warning) = settings::load(flags)?;
    out.set_format(settings.format);
    let (client, password_warning) = settings.connect()?;
    for warning in file_warning.into_iter().chain(password_warning) {
        out.note(&format!("warning: {warning}"));
    }
    Ok(client)
}
