//! Reporting again and again: how often, and what is said about it.

use std::time::{Duration, SystemTime};

use sd_client::CheckInResponse;
use sd_client::api::{Span, TimeLimit};
use tokio::time::{Instant, sleep_until};

use super::command::Reporter;
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Printer;
use crate::output::human;

/// The interval varies by this much to both sides.
const JITTER: f64 = 0.1;
/// Clocks of two machines differ by less.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// Reports until the process is ended. A daemon that is away is said once and waited for.
pub(super) async fn keep_reporting(
    reporter: &Reporter,
    every: Duration,
    out: &mut Printer<'_>,
) -> Result<(), CliError> {
    let mut pace = ReportInterval::new(every, reporter.busy_for);
    let mut trouble = FailureLog::default();
    let mut has_remarked = false;
    loop {
        let began = Instant::now();
        match reporter.report().await {
            Ok(receipt) => {
                if trouble.is_over() {
                    out.note("checking in works again");
                }
                if let Some(remark) = pace.follow(&receipt)? {
                    out.note(&remark);
                }
                if let Some(remark) = kept_for_less(reporter.busy_for, &receipt, clock::now())
                    && !has_remarked
                {
                    out.note(&remark);
                    has_remarked = true;
                }
            }
            // A wrong setting does not become right by waiting.
            Err(error) if error.exit() == Exit::Usage => return Err(error),
            Err(error) => {
                if let Some(complaint) = trouble.complain(&error) {
                    out.note(&format!("{complaint}; trying again every {}", pace.shown()));
                }
            }
        }
        // From beginning to beginning: however long counting takes, the next report comes in time.
        sleep_until(began + jittered(pace.interval, random())).await;
    }
}

/// What the daemon made of a wish to be kept up, where that is less than was asked for.
pub(super) fn kept_for_less(
    busy_for: Option<Span>,
    receipt: &CheckInResponse,
    now: SystemTime,
) -> Option<String> {
    let (asked, until) = (busy_for?, receipt.keep_until?);
    let kept = SystemTime::from(until).duration_since(now).unwrap_or_default();
    (kept + CLOCK_DIFFERENCE < asked.duration()).then(|| {
        let asked = human::duration(asked.duration());
        format!("the daemon allows less than {asked}: this container is kept up until {until} for now")
    })
}

/// How often is reported.
struct ReportInterval {
    asked: Duration,
    busy_for: Option<Duration>,
    interval: Duration,
    has_begun: bool,
}

impl ReportInterval {
    fn new(asked: Duration, busy_for: Option<Span>) -> Self {
        Self {
            asked,
            busy_for: busy_for.map(Span::duration),
            interval: asked,
            has_begun: false,
        }
    }

    /// Reports often enough for what a receipt says, and tells when that changes something.
    ///
    /// An interval that is too long from the beginning is a mistake that somebody should correct. A timeout that
    /// is shortened later is not, so the interval is shortened with it, for as long as necessary.
    fn follow(&mut self, receipt: &CheckInResponse) -> Result<Option<String>, CliError> {
        let timeout = match receipt.idle_timeout {
            Some(TimeLimit::After(timeout)) => Some(timeout),
            Some(TimeLimit::Never) | None => None,
        };
        // Whoever says for how long it is busy is not stopped before that.
        let covered = timeout.map(|timeout| timeout.max(self.busy_for.unwrap_or_default()));
        let is_too_late = |every: Duration| covered.is_some_and(|covered| every >= covered);
        if is_too_late(self.asked) && !self.has_begun {
            return Err(CliError::Usage(format!(
                "a report every {} comes too late: this container is stopped after {} without use",
                human::duration(self.asked),
                human::duration(timeout.unwrap_or_default())
            )));
        }
        self.has_begun = true;
        let was_shortened = self.interval < self.asked;
        self.interval = match covered {
            // Two, so that it is not stopped when one of them is lost.
            Some(covered) if is_too_late(self.asked.mul_f64(1.0 + JITTER)) => covered / 2,
            _ => self.asked,
        };
        let asked = human::duration(self.asked);
        Ok(match (was_shortened, self.interval < self.asked) {
            (false, true) => Some(format!(
                "this container is stopped after {} without use: reporting twice in that time, and not every {asked}",
                human::duration(timeout.unwrap_or_default())
            )),
            (true, false) => Some(format!("reporting every {asked} again")),
            (false, false) | (true, true) => None,
        })
    }

    /// The interval in words; those have no fractions of a second.
    fn shown(&self) -> String {
        human::duration(self.interval.max(Duration::from_secs(1)))
    }
}

/// What is wrong at the moment, so that it is said once and not at every report.
#[derive(Default)]
struct FailureLog {
    last: Option<String>,
}

impl FailureLog {
    /// What to say about a failure, unless the last one was the same.
    fn complain(&mut self, error: &CliError) -> Option<String> {
        let kind = match error {
            // What a program prints may be different each time.
            CliError::NoCount { what, .. } => what.clone(),
            other => other.to_string(),
        };
        let is_new = self.last.as_ref() != Some(&kind);
        self.last = Some(kind);
        is_new.then(|| error.to_string())
    }

    /// Whether there was any until now, after a success.
    fn is_over(&mut self) -> bool {
        self.last.take().is_some()
    }
}

/// The interval, a tenth more or less: containers that were started together should not all speak at once.
fn jittered(every: Duration, random: u32) -> Duration {
    let share = f64::from(random) / f64::from(u32::MAX);
    every.mul_f64(1.0 - JITTER + share * 2.0 * JITTER)
}

fn random() -> u32 {
    // Without randomness the middle will do: it is about spreading load, not about secrets.
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn span(text: &str) -> Span {
        text.parse().unwrap()
    }

    fn timeout(text: &str) -> CheckInResponse {
        CheckInResponse {
            idle_timeout: Some(text.parse().unwrap()),
            keep_until: None,
        }
    }

    #[test]
    fn the_interval_varies_by_a_tenth() {
        assert_eq!(jittered(MINUTE, 0), Duration::from_secs(54));
        assert_eq!(jittered(MINUTE, u32::MAX).as_secs(), 66);
    }

    #[test]
    fn an_interval_that_is_not_shorter_than_the_timeout_is_refused() {
        for limit in ["60", "1"] {
            let error = ReportInterval::new(MINUTE, None)
                .follow(&timeout(limit))
                .unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
        }
        let error = ReportInterval::new(MINUTE, None)
            .follow(&timeout("30"))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "a report every 1m comes too late: this container is stopped after 30s without use"
        );
    }

    #[test]
    fn an_interval_that_is_short_enough_stays_as_it_was_asked_for() {
        for receipt in [timeout("67"), timeout("never"), CheckInResponse::default()] {
            let mut pace = ReportInterval::new(MINUTE, None);
            assert_eq!(pace.follow(&receipt).unwrap(), None);
            assert_eq!(pace.interval, MINUTE);
        }
    }

    #[test]
    fn an_interval_that_only_just_fits_is_shortened_because_it_varies() {
        let mut pace = ReportInterval::new(MINUTE, None);
        assert!(pace.follow(&timeout("61")).unwrap().is_some());
        assert!(jittered(pace.interval, u32::MAX) < Duration::from_secs(61));
    }

    #[test]
    fn a_timeout_that_is_shortened_later_is_followed_and_said_once() {
        let mut pace = ReportInterval::new(MINUTE, None);
        assert_eq!(pace.follow(&timeout("2h")).unwrap(), None);
        assert_eq!(
            pace.follow(&timeout("30")).unwrap().unwrap(),
            "this container is stopped after 30s without use: reporting twice in that time, and not every 1m"
        );
        assert_eq!(pace.interval, Duration::from_secs(15));
        assert_eq!(pace.follow(&timeout("20")).unwrap(), None);
        assert_eq!(pace.interval, Duration::from_secs(10));
        assert_eq!(
            pace.follow(&timeout("never")).unwrap().unwrap(),
            "reporting every 1m again"
        );
        assert_eq!(pace.interval, MINUTE);
    }

    #[test]
    fn who_says_how_long_it_is_busy_may_report_as_seldom() {
        let mut pace = ReportInterval::new(MINUTE, Some(span("5m")));
        assert_eq!(pace.follow(&timeout("30")).unwrap(), None);
        assert_eq!(pace.interval, MINUTE);
        assert!(
            ReportInterval::new(MINUTE, Some(span("50s")))
                .follow(&timeout("30"))
                .is_err()
        );
    }

    #[test]
    fn the_same_trouble_is_said_once_and_another_one_again() {
        let no_count = |printed: &str| CliError::NoCount {
            what: "report ended with status 1".to_owned(),
            printed: Some(printed.to_owned()),
        };
        let away = CliError::NoEndpoint("no daemon".to_owned());
        let mut trouble = FailureLog::default();
        assert!(!trouble.is_over());
        assert!(trouble.complain(&no_count("at 12:00")).unwrap().contains("12:00"));
        assert_eq!(trouble.complain(&no_count("at 12:01")), None);
        assert_eq!(trouble.complain(&away).unwrap(), "no daemon");
        assert_eq!(trouble.complain(&away), None);
        assert!(trouble.complain(&no_count("at 12:02")).is_some());
        assert!(trouble.is_over());
        assert!(!trouble.is_over());
    }

    #[test]
    fn being_kept_for_less_than_asked_is_said() {
        let now = SystemTime::UNIX_EPOCH;
        let until = |seconds| CheckInResponse {
            idle_timeout: None,
            keep_until: Some((now + Duration::from_secs(seconds)).into()),
        };
        assert_eq!(
            kept_for_less(Some(span("8h")), &until(4 * 3_600), now).unwrap(),
            "the daemon allows less than 8h: this container is kept up until 1970-01-01T04:00:00.000Z for now"
        );
        assert_eq!(kept_for_less(Some(span("4h")), &until(4 * 3_600 - 1), now), None);
        assert_eq!(kept_for_less(Some(span("1h")), &until(4 * 3_600), now), None);
        assert_eq!(kept_for_less(None, &until(1), now), None);
        assert_eq!(
            kept_for_less(Some(span("8h")), &CheckInResponse::default(), now),
            None
        );
    }
}
