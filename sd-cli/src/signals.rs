//! Being asked to end, by a terminal or by whoever stops the container.
//!
//! The signals are listened to because of programs that are running: a process that is ended by a signal
//! takes nobody along. One that this process was started to ignore, as by `nohup`, stays ignored: a program that is
//! run would otherwise no longer ignore it either.

use std::fs;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::CliError;

/// Returns, once it is waited for, when the process is asked to end.
pub(crate) fn end() -> Result<impl Future<Output = ()>, CliError> {
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = unless_ignored(SignalKind::hangup())?;
    let mut quit = unless_ignored(SignalKind::quit())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = arrives(&mut hangup) => {}
            () = arrives(&mut quit) => {}
        }
    })
}

fn listen(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::Failed(format!("cannot listen for signals: {error}")))
}

/// Listens to a signal, but not to one that is ignored.
pub(crate) fn unless_ignored(kind: SignalKind) -> Result<Option<Signal>, CliError> {
    match ignored_signals() & bit(kind) {
        0 => listen(kind).map(Some),
        _ => Ok(None),
    }
}

/// Returns when the signal arrives; never for one that is ignored.
pub(crate) async fn arrives(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// The signals that this process was started to ignore, a bit for each. None where that cannot be read.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    parse_ignored(&status).unwrap_or_default()
}

fn parse_ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Signals are numbered from 1.
fn bit(kind: SignalKind) -> u64 {
    1 << (kind.as_raw_value() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_which_signals_are_ignored() {
        let status =
            "Name:\tsd\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        let ignored = parse_ignored(status).unwrap();
        assert_ne!(ignored & bit(SignalKind::hangup()), 0);
        assert_eq!(ignored & bit(SignalKind::quit()), 0);
        assert_eq!(parse_ignored("Name:\tsd\n"), None);
    }
}
