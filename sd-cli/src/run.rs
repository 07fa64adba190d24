//! Runs one command line: connects to the daemon where the command needs it, and returns the exit code.

use std::io;

use clap::CommandFactory;
use sd_client::Client;

use crate::args::{Cli, Command, DaemonCommand, GlobalArgs};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Printer, Terminal};
use crate::{commands, settings};

/// Carries out one command line and says how it went.
pub async fn run(cli: Cli) -> Exit {
    let (mut data, mut talk) = (io::stdout(), io::stderr());
    let mut out = Printer::new(&mut data, &mut talk, Terminal::of_process());
    let outcome = perform(cli, &mut out).await;
    out.conclude(outcome)
}

async fn perform(cli: Cli, out: &mut Printer<'_>) -> Result<(), CliError> {
    match cli.command {
        Command::Daemon(command) => {
            let client = connect(&cli.global, out)?;
            let goes_on = command.after_interrupt();
            tokio::select! {
                outcome = ask_daemon(command, &client, out) => outcome,
                () = interrupted() => Err(CliError::Interrupted(goes_on)),
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

async fn ask_daemon(command: DaemonCommand, client: &Client, out: &mut Printer<'_>) -> Result<(), CliError> {
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
    let (settings, about_file) = settings::load(flags)?;
    out.set_format(settings.format);
    let (client, about_password) = settings.connect()?;
    for warning in about_file.into_iter().chain(about_password) {
        out.note(&format!("warning: {warning}"));
    }
    Ok(client)
}

/// Returns when the user presses Ctrl-C.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Nothing to listen with: the signal then ends the process by itself.
        std::future::pending::<()>().await;
    }
}
