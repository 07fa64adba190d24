//! Lengths of time as people write them, in settings and in labels of images.

use std::time::Duration;

use crate::domain::TimeLimit;

/// Longer than anybody means, and far from what timers can hold.
const LONGEST: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Reads `90`, `90s`, `2h30m`; `0` and `never` are no limit. The error says what is allowed.
pub(crate) fn parse_limit(text: &str) -> Result<TimeLimit, &'static str> {
    const ALLOWED: &str = "must be a duration such as 90s, 6h or 2h30m in whole seconds, or never";
    match text {
        "never" => Ok(TimeLimit::Never),
        _ => match parse(text).ok_or(ALLOWED)? {
            Duration::ZERO => Ok(TimeLimit::Never),
            duration => Ok(TimeLimit::After(duration)),
        },
    }
}

/// Reads `90`, `90s`, `2h30m`, at least a second. The error says what is allowed.
pub(crate) fn parse_span(text: &str) -> Result<Duration, &'static str> {
    const ALLOWED: &str = "must be a duration such as 15s, 5m or 4h in whole seconds, at least 1s";
    parse(text).filter(|duration| !duration.is_zero()).ok_or(ALLOWED)
}

fn parse(text: &str) -> Option<Duration> {
    let is_seconds = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let duration = if is_seconds {
        Duration::from_secs(text.parse().ok()?)
    } else {
        humantime::parse_duration(text).ok()?
    };
    (duration.subsec_nanos() == 0 && duration <= LONGEST).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_seconds_or_a_duration_or_never() {
        let after = |seconds| Ok(TimeLimit::After(Duration::from_secs(seconds)));
        assert_eq!(parse_limit("90"), after(90));
        assert_eq!(parse_limit("2h30m"), after(9_000));
        assert_eq!(parse_limit("0"), Ok(TimeLimit::Never));
        assert_eq!(parse_limit("never"), Ok(TimeLimit::Never));
        for text in ["", "soon", "-1", "1.5s", "500ms", "4000d"] {
            assert!(parse_limit(text).is_err(), "{text}");
            assert!(parse_span(text).is_err(), "{text}");
        }
        assert_eq!(parse_span("15s"), Ok(Duration::from_secs(15)));
        assert!(parse_span("0").is_err() && parse_span("never").is_err());
    }
}
