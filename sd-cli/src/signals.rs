//! Signals that terminate `sd`: from the terminal, or from the engine that stops the container.
//!
//! `sd` handles them because it runs child programs, which would survive if a signal killed `sd`. A
//! signal that `sd` inherited as ignored (as with `nohup`) stays ignored, also for the child programs.

use std::fs;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;

/// Returns when the user presses Ctrl-C.
pub(crate) async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler, the signal ends the process.
        std::future::pending::<()>().await;
    }
}

/// Installs handlers for the signals that end a process. The future completes when one arrives.
pub(crate) fn termination() -> Result<impl Future<Output = ()>, CliError> {
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = unless_ignored(SignalKind::hangup())?;
    let mut quit = unless_ignored(SignalKind::quit())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = received(&mut hangup) => {}
            () = received(&mut quit) => {}
        }
    })
}

fn listen(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::Failed(format!("failed to install a signal handler: {error}")))
}

/// Installs a handler. Returns `None` if this process was started with the signal ignored.
pub(crate) fn unless_ignored(kind: SignalKind) -> Result<Option<Signal>, CliError> {
    match ignored_signals() & bit(kind) {
        0 => listen(kind).map(Some),
        _ => Ok(None),
    }
}

/// Returns when the signal arrives. Never returns for an ignored signal.
pub(crate) async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// The signals that this process ignores, one bit each. No bit is set if the kernel does not report them.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    parse_ignored(&status).unwrap_or_default()
}

fn parse_ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Signal numbers start at 1.
fn bit(kind: SignalKind) -> u64 {
    1 << (kind.as_raw_value() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_process_status() {
        let status =
            "Name:\tsd\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        let ignored = parse_ignored(status).unwrap();
        assert_ne!(ignored & bit(SignalKind::hangup()), 0);
        assert_eq!(ignored & bit(SignalKind::quit()), 0);
        assert_eq!(parse_ignored("Name:\tsd\n"), None);
    }
}
