//! How often `sd check-in --every` reports.

use std::time::Duration;

use sd_client::CheckInResponse;
use sd_client::api::{Span, TimeLimit};

use crate::error::CliError;
use crate::output::human;

/// The interval varies by this fraction in both directions.
const JITTER: f64 = 0.1;

/// The interval between two reports. It is shortened while the idle timeout of the container requires it.
pub(super) struct ReportInterval {
    requested: Duration,
    busy_for: Option<Duration>,
    current: Duration,
    has_reported: bool,
}

impl ReportInterval {
    /// The interval that the user requested with `--every`, and the value of `--for`.
    pub(super) fn new(requested: Duration, busy_for: Option<Span>) -> Self {
        Self {
            requested,
            busy_for: busy_for.map(Span::duration),
            current: requested,
            has_reported: false,
        }
    }

    /// The current interval, without jitter.
    pub(super) fn current(&self) -> Duration {
        self.current
    }

    /// The current interval as text, at least one second.
    pub(super) fn shown(&self) -> String {
        human::duration(self.current.max(Duration::from_secs(1)))
    }

    /// Adapts the interval to the idle timeout in a response. Returns a note if the interval changes.
    ///
    /// Fails if the interval is too long at the first report, because then the setting is wrong. If
    /// the timeout is shortened later, the interval is shortened as well, until the timeout is longer
    /// again.
    pub(super) fn adapt(&mut self, response: &CheckInResponse) -> Result<Option<String>, CliError> {
        let idle_timeout = match response.idle_timeout {
            Some(TimeLimit::After(timeout)) => Some(timeout),
            Some(TimeLimit::Never) | None => None,
        };
        // `--for` postpones the stop as well.
        let covered = idle_timeout.map(|timeout| timeout.max(self.busy_for.unwrap_or_default()));
        let is_too_long = |interval: Duration| covered.is_some_and(|covered| interval >= covered);
        if is_too_long(self.requested) && !self.has_reported {
            return Err(CliError::Usage(format!(
                "failed to report every {}: the idle timeout of this container is {}; choose a shorter interval",
                human::duration(self.requested),
                human::duration(idle_timeout.unwrap_or_default())
            )));
        }
        self.has_reported = true;
        let was_shortened = self.current < self.requested;
        self.current = match covered {
            // Twice per timeout, so that one lost report does not stop the container.
            Some(covered) if is_too_long(self.requested.mul_f64(1.0 + JITTER)) => covered / 2,
            _ => self.requested,
        };
        let requested = human::duration(self.requested);
        Ok(match (was_shortened, self.current < self.requested) {
            (false, true) => Some(format!(
                "reporting every {} instead of every {requested}: the idle timeout of this container is {}",
                self.shown(),
                human::duration(idle_timeout.unwrap_or_default())
            )),
            (true, false) => Some(format!("reporting every {requested} again")),
            (false, false) | (true, true) => None,
        })
    }
}

/// The interval plus or minus a tenth, so that containers that started together report at different
/// times.
pub(super) fn jittered(interval: Duration, random: u32) -> Duration {
    let fraction = f64::from(random) / f64::from(u32::MAX);
    interval.mul_f64(1.0 - JITTER + fraction * 2.0 * JITTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    const MINUTE: Duration = Duration::from_secs(60);

    fn span(text: &str) -> Span {
        text.parse().unwrap()
    }

    fn with_idle_timeout(text: &str) -> CheckInResponse {
        CheckInResponse {
            idle_timeout: Some(text.parse().unwrap()),
            keep_until: None,
        }
    }

    #[test]
    fn jitter_is_a_tenth_of_the_interval() {
        assert_eq!(jittered(MINUTE, 0), Duration::from_secs(54));
        assert_eq!(jittered(MINUTE, u32::MAX).as_secs(), 66);
    }

    #[test]
    fn interval_not_shorter_than_the_idle_timeout_is_refused() {
        for limit in ["60", "1"] {
            let error = ReportInterval::new(MINUTE, None)
                .adapt(&with_idle_timeout(limit))
                .unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
        }
        let error = ReportInterval::new(MINUTE, None)
            .adapt(&with_idle_timeout("30"))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to report every 1m: the idle timeout of this container is 30s; choose a shorter interval"
        );
    }

    #[test]
    fn interval_shorter_than_the_idle_timeout_is_kept() {
        for response in [
            with_idle_timeout("67"),
            with_idle_timeout("never"),
            CheckInResponse::default(),
        ] {
            let mut interval = ReportInterval::new(MINUTE, None);
            assert_eq!(interval.adapt(&response).unwrap(), None);
            assert_eq!(interval.current(), MINUTE);
        }
    }

    #[test]
    fn interval_that_fits_only_without_jitter_is_shortened() {
        let mut interval = ReportInterval::new(MINUTE, None);
        assert!(interval.adapt(&with_idle_timeout("61")).unwrap().is_some());
        assert!(jittered(interval.current(), u32::MAX) < Duration::from_secs(61));
    }

    #[test]
    fn shortened_idle_timeout_is_followed_and_noted_once() {
        let mut interval = ReportInterval::new(MINUTE, None);
        assert_eq!(interval.adapt(&with_idle_timeout("2h")).unwrap(), None);
        assert_eq!(
            interval.adapt(&with_idle_timeout("30")).unwrap().unwrap(),
            "reporting every 15s instead of every 1m: the idle timeout of this container is 30s"
        );
        assert_eq!(interval.current(), Duration::from_secs(15));
        assert_eq!(interval.adapt(&with_idle_timeout("20")).unwrap(), None);
        assert_eq!(interval.current(), Duration::from_secs(10));
        assert_eq!(
            interval.adapt(&with_idle_timeout("never")).unwrap().unwrap(),
            "reporting every 1m again"
        );
        assert_eq!(interval.current(), MINUTE);
    }

    #[test]
    fn busy_duration_allows_a_longer_interval() {
        let mut interval = ReportInterval::new(MINUTE, Some(span("5m")));
        assert_eq!(interval.adapt(&with_idle_timeout("30")).unwrap(), None);
        assert_eq!(interval.current(), MINUTE);
        assert!(
            ReportInterval::new(MINUTE, Some(span("50s")))
                .adapt(&with_idle_timeout("30"))
                .is_err()
        );
    }
}
