//! `sd-daemon`: parses the command line and runs a command. Without one it serves.

mod commands;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use rustix::fs::Mode;
use sd_daemon::settings::{Cli, Command, Settings};

/// Exit code for a command that failed.
const FAILURE: u8 = 1;
/// Exit code for settings that cannot be used; clap uses the same for options.
const INVALID_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    let mut cli = Cli::try_read_from(std::env::args_os()).unwrap_or_else(|error| error.exit());
    // Files of the daemon are for its user only.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    match cli.command.take() {
        None => with_settings(cli, commands::serve),
        Some(Command::CheckConfig) => with_settings(cli, |settings| {
            commands::check_config(&settings);
            ExitCode::SUCCESS
        }),
        Some(Command::Recover(args)) => {
            with_settings(cli, |settings| exit_code(commands::recover(&settings, &args)))
        }
        Some(Command::HashPassword) => exit_code(commands::hash_password()),
    }
}

/// Runs a command that needs valid settings.
fn with_settings(cli: Cli, run: impl FnOnce(Settings) -> ExitCode) -> ExitCode {
    match cli.settings(std::env::var("DOCKER_HOST").ok().as_deref()) {
        Ok(settings) => run(settings),
        Err(error) => report(&error, INVALID_SETTINGS),
    }
}

fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&format!("{error:#}"), FAILURE),
    }
}

/// Prints an error and returns its exit code.
fn report(error: &impl Display, code: u8) -> ExitCode {
    // The exit code still reports an error that cannot be printed.
    drop(writeln!(std::io::stderr(), "sd-daemon: {error}"));
    ExitCode::from(code)
}
