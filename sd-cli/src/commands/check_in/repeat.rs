//! `sd check-in --every`: reports periodically, and prints each new failure once.

use std::time::{Duration, SystemTime};

use sd_client::CheckInResponse;
use sd_client::api::Span;
use tokio::time::{Instant, sleep_until};

use super::interval::{ReportInterval, jittered};
use super::report::Reporter;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Printer, human};

/// Upper bound for the difference between the clocks of the container and the daemon.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// Reports until the future is dropped. Fails only if a setting is wrong; other failures are printed,
/// and the next report is sent at the usual time.
pub(super) async fn keep_reporting(
    reporter: &Reporter,
    every: Duration,
    out: &mut Printer<'_>,
) -> Result<(), CliError> {
    let mut interval = ReportInterval::new(every, reporter.busy_for());
    let mut failures = FailureLog::default();
    let mut hold_is_noted = false;
    loop {
        let started = Instant::now();
        match reporter.report().await {
            Ok(response) => {
                if failures.clear() {
                    out.note("check-in works again");
                }
                if let Some(note) = interval.adapt(&response)? {
                    out.note(&note);
                }
                if let Some(note) = shortened_hold_note(reporter.busy_for(), &response, clock::now())
                    && !hold_is_noted
                {
                    out.note(&note);
                    hold_is_noted = true;
                }
            }
            // Retrying does not correct a setting.
            Err(error) if error.exit() == Exit::Usage => return Err(error),
            Err(error) => {
                if let Some(message) = failures.record(&error) {
                    out.note(&format!("{message}; retrying every {}", interval.shown()));
                }
            }
        }
        // From start to start, so that a slow program does not delay the next report.
        sleep_until(started + jittered(interval.current(), random())).await;
    }
}

/// The note for the user if the daemon keeps the container running for less than `--for`.
pub(super) fn shortened_hold_note(
    busy_for: Option<Span>,
    response: &CheckInResponse,
    now: SystemTime,
) -> Option<String> {
    let (requested, until) = (busy_for?, response.keep_until?);
    let granted = SystemTime::from(until).duration_since(now).unwrap_or_default();
    (granted + MAX_CLOCK_DIFFERENCE < requested.duration()).then(|| {
        let requested = human::duration(requested.duration());
        format!("the daemon limits --for {requested}: it keeps this container running until {until}")
    })
}

/// The failure of the last report, so that the same failure is not printed at every report.
#[derive(Default)]
struct FailureLog {
    last: Option<String>,
}

impl FailureLog {
    /// Records a failure. Returns its message if the last report did not fail in the same way.
    fn record(&mut self, error: &CliError) -> Option<String> {
        let kind = match error {
            // The output of a program can differ each time.
            CliError::CountFailed { problem, .. } => problem.clone(),
            other => other.to_string(),
        };
        let is_new = self.last.as_ref() != Some(&kind);
        self.last = Some(kind);
        is_new.then(|| error.to_string())
    }

    /// Records a success. Returns whether the last report failed.
    fn clear(&mut self) -> bool {
        self.last.take().is_some()
    }
}

fn random() -> u32 {
    // The middle of the range is good enough: the jitter only spreads load.
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_log_prints_each_new_failure_once() {
        let count_failed = |output: &str| CliError::CountFailed {
            problem: "report exited with code 1".to_owned(),
            output: Some(output.to_owned()),
        };
        let no_endpoint = CliError::NoEndpoint("no daemon".to_owned());
        let mut log = FailureLog::default();
        assert!(!log.clear());
        assert!(log.record(&count_failed("at 12:00")).unwrap().contains("12:00"));
        assert_eq!(log.record(&count_failed("at 12:01")), None);
        assert_eq!(log.record(&no_endpoint).unwrap(), "failed to check in: no daemon");
        assert_eq!(log.record(&no_endpoint), None);
        assert!(log.record(&count_failed("at 12:02")).is_some());
        assert!(log.clear());
        assert!(!log.clear());
    }

    #[test]
    fn hold_shorter_than_requested_is_noted() {
        let now = SystemTime::UNIX_EPOCH;
        let span = |text: &str| Some(text.parse().unwrap());
        let until = |seconds| CheckInResponse {
            idle_timeout: None,
            keep_until: Some((now + Duration::from_secs(seconds)).into()),
        };
        assert_eq!(
            shortened_hold_note(span("8h"), &until(4 * 3_600), now).unwrap(),
            "the daemon limits --for 8h: it keeps this container running until 1970-01-01T04:00:00.000Z"
        );
        assert_eq!(shortened_hold_note(span("4h"), &until(4 * 3_600 - 1), now), None);
        assert_eq!(shortened_hold_note(span("1h"), &until(4 * 3_600), now), None);
        assert_eq!(shortened_hold_note(None, &until(1), now), None);
        assert_eq!(
            shortened_hold_note(span("8h"), &CheckInResponse::default(), now),
            None
        );
    }
}
