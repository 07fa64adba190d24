//! `sd-daemon` without a command: serves until a signal stops it.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use rustix::process::{Resource, getrlimit, setrlimit};
use sd_daemon::app;
use sd_daemon::log::Log;
use sd_daemon::settings::Settings;
use sd_daemon::shutdown::StopSignals;
use sd_daemon::systemd::Systemd;
use tokio_util::sync::CancellationToken;

/// Serves with these settings. An error is the last line of the log.
pub(crate) fn serve(settings: Settings) -> ExitCode {
    let log = Log::start(settings.options.log.log_format);
    raise_descriptor_limit();
    match block_on(run(settings)) {
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

/// Raises the soft limit of open files to the hard limit, because each connection is a file descriptor.
///
/// The soft limit is low for programs that use `select`. An operator who wants fewer files sets the hard limit.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "failed to raise the limit of open files");
    }
}

fn block_on(run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("failed to start the runtime")?;
    let outcome = runtime.block_on(run);
    // A DNS lookup on a blocking thread cannot be cancelled. Everything else has ended.
    runtime.shutdown_background();
    outcome
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
