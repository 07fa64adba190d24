//! `sd-daemon`: reads its settings, starts the log, and runs until it is told to stop.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use rustix::fs::Mode;
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use sd_daemon::app;
use sd_daemon::log::{self, Log};
use sd_daemon::password;
use sd_daemon::registry::RecoveryMode;
use sd_daemon::settings::{Cli, Command, LogFormat, RecoverArgs, Settings};
use sd_daemon::shutdown::StopSignals;
use sd_daemon::systemd::Systemd;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// The most of a password that is read to be hashed, in bytes: no login can carry a longer one.
const LONGEST_PASSWORD: u64 = 16 * 1024;
/// Exit status for wrong settings, the same that wrong options have.
const WRONG_SETTINGS: u8 = 2;

fn main() -> ExitCode {
    let mut cli = Cli::parse();
    // What this writes is nobody else's business.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    match cli.command.take() {
        Some(Command::HashPassword) => end(hash_password()),
        Some(Command::CheckConfig) => configured(cli, |settings| {
            // A reader that went away has seen what it wanted.
            drop(write!(std::io::stdout(), "{settings}"));
            ExitCode::SUCCESS
        }),
        Some(Command::Recover(how)) => configured(cli, |settings| end(recover(&settings, &how))),
        None => configured(cli, serve_and_log),
    }
}

/// Does something with the settings, if they are right.
fn configured(cli: Cli, then: impl FnOnce(Settings) -> ExitCode) -> ExitCode {
    match cli.settings(std::env::var("DOCKER_HOST").ok()) {
        Ok(settings) => then(settings),
        Err(error) => complain(&error, WRONG_SETTINGS),
    }
}

fn end(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format!("{error:#}"), 1),
    }
}

fn serve_and_log(settings: Settings) -> ExitCode {
    let log = match start_log(settings.log_format) {
        Ok(log) => log,
        Err(error) => return complain(&format!("failed to start the log: {error}"), 1),
    };
    std::panic::set_hook(Box::new(log::tell_of_panic));
    raise_descriptor_limit();
    match serve(settings) {
        Ok(()) => {
            log.finish(None);
            ExitCode::SUCCESS
        }
        Err(error) => {
            log.finish(Some(&format!("sd-daemon: {error:#}")));
            ExitCode::FAILURE
        }
    }
}

/// Every connection is a file descriptor. The usual limit is there for programs that cannot count beyond it; who set
/// a lower one on purpose set the one that cannot be raised.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "failed to raise the limit of open files");
    }
}

fn hash_password() -> anyhow::Result<()> {
    let input = std::io::stdin();
    let mut password = String::new();
    {
        let _hidden = Hidden::from(&input);
        BufReader::new(input.lock().take(LONGEST_PASSWORD))
            .read_line(&mut password)
            .context("failed to read the password")?;
    }
    anyhow::ensure!(
        u64::try_from(password.len())? < LONGEST_PASSWORD,
        "the password is longer than any login can carry"
    );
    let password = password.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!password.is_empty(), "there is no password on standard input");
    let hash = password::hash(password).map_err(anyhow::Error::msg)?;
    writeln!(std::io::stdout(), "{hash}").context("failed to print the hash")
}

/// A terminal that does not show what is typed for as long as this lives.
struct Hidden<'a> {
    input: &'a std::io::Stdin,
    before: Option<Termios>,
}

impl<'a> From<&'a std::io::Stdin> for Hidden<'a> {
    /// What is no terminal shows nothing anyway.
    fn from(input: &'a std::io::Stdin) -> Self {
        let before = tcgetattr(input).ok();
        if let Some(mut terminal) = before.clone() {
            drop(write!(std::io::stderr(), "Password: "));
            terminal.local_modes.remove(LocalModes::ECHO);
            // Shown or not, it is read.
            let _ = tcsetattr(input, OptionalActions::Flush, &terminal);
        }
        Self { input, before }
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(self.input, OptionalActions::Flush, before);
            drop(writeln!(std::io::stderr()));
        }
    }
}

fn serve(settings: Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("failed to start the threads")?;
    let outcome = runtime.block_on(run(settings));
    // Everything that matters has ended. A look-up of a name, which nothing can interrupt, may go on for long.
    runtime.shutdown_background();
    outcome
}

fn recover(settings: &Settings, how: &RecoverArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("failed to start the threads")?;
    let what_for = if how.yes {
        RecoveryMode::Replace
    } else {
        RecoveryMode::DryRun
    };
    let mut out = std::io::stdout();
    runtime.block_on(app::recover(settings, how.from.as_deref(), what_for, &mut out))
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let signals = StopSignals::install()?;
    let systemd = Systemd::from_environment(|name| std::env::var_os(name), std::process::id());
    tokio::select! {
        outcome = app::run(settings, Arc::new(systemd), shutdown.clone()) => outcome,
        () = signals.watch(shutdown) => anyhow::bail!("received a second stop signal, exiting immediately"),
    }
}

fn start_log(format: LogFormat) -> std::io::Result<Log> {
    let output = Log::to(std::io::stderr())?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(output.clone())
        // Where the log cannot be written there is nobody to tell; that is no reason to end.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => log
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(output)
}

fn complain(error: &impl std::fmt::Display, status: u8) -> ExitCode {
    drop(writeln!(std::io::stderr(), "sd-daemon: {error}"));
    ExitCode::from(status)
}
