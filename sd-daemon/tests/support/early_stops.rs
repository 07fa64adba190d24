//! Checks that no container was stopped by its idle timeout too early.

use std::time::{Duration, SystemTime};

use sd_client::api::{Activity, EventKind, Reason, Timestamp};

use crate::ledger::{Account, Ledger, Operation};

/// After a start of the daemon, no container is stopped by its idle timeout for this long, or for the timeout if shorter.
const RESTART_GRACE: Duration = Duration::from_secs(600);

/// The idle stops that came before the container had been idle for its timeout.
pub(crate) fn stopped_too_early(
    activity: &Activity,
    account: &Account,
    ledger: &Ledger,
    clock_error: Duration,
) -> Vec<String> {
    let Some(timeout) = account.shortest_idle_timeout() else {
        return Vec::new();
    };
    let stops = activity.history.iter().filter(|event| {
        let is_idle = matches!(
            event.reason,
            Some(Reason::IdleTimeout(_) | Reason::KeepUntil(_) | Reason::Grace(_))
        );
        event.what == EventKind::Stopping && is_idle
    });
    let mut findings = Vec::new();
    for stop in stops {
        let stopped_at = SystemTime::from(stop.at);
        let starts = activity
            .history
            .iter()
            .filter(|event| event.what == EventKind::Started);
        let started = starts.take_while(|event| event.id < stop.id).last();
        let started_at = started.map(|event| SystemTime::from(event.at));
        let mut not_before: Vec<_> = started_at
            .iter()
            .map(|at| (*at + timeout, "the start of the container".to_owned()))
            .collect();
        if let Some(start) = ledger.daemon_started_before(stopped_at) {
            not_before.push((
                start + timeout.min(RESTART_GRACE),
                "the start of the daemon".to_owned(),
            ));
        }
        for entry in account.entries() {
            let span = match entry.operation {
                Operation::CheckIn => timeout,
                Operation::Hold(span) => span,
                _ => continue,
            };
            let is_in_run = started_at.is_none_or(|started_at| started_at + clock_error < entry.began.at);
            if is_in_run
                && entry
                    .done()
                    .is_some_and(|done| done.at + clock_error < stopped_at)
            {
                not_before.push((entry.began.at + span, format!("{:?}", entry.operation)));
            }
        }
        for (earliest, reason) in not_before {
            if stopped_at + clock_error < earliest {
                findings.push(format!(
                    "container {} was stopped at {} ({}), but not due before {} because of {reason}",
                    activity.container_id,
                    stop.at,
                    stop.why,
                    Timestamp::from(earliest)
                ));
            }
        }
    }
    findings
}
