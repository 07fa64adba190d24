//! The response to a check-in.

use std::str::FromStr;

use reqwest::header::HeaderMap;

use crate::api::{TimeLimit, Timestamp};
use crate::names;

/// The response to a check-in. The daemon has recorded the report even if both fields are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckInResponse {
    /// The idle timeout of the container.
    pub idle_timeout: Option<TimeLimit>,
    /// The time until which the container is kept running, if a client requested that.
    pub keep_until: Option<Timestamp>,
}

impl CheckInResponse {
    /// Reads the headers. Headers that are missing or invalid are ignored.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            idle_timeout: read(headers, names::IDLE_TIMEOUT_HEADER),
            keep_until: read(headers, names::KEEP_UNTIL_HEADER),
        }
    }
}

fn read<T: FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn response_with(idle_timeout: &str, keep_until: &str) -> CheckInResponse {
        let mut headers = HeaderMap::new();
        headers.insert(names::IDLE_TIMEOUT_HEADER, idle_timeout.parse().unwrap());
        headers.insert(names::KEEP_UNTIL_HEADER, keep_until.parse().unwrap());
        CheckInResponse::from_headers(&headers)
    }

    #[test]
    fn response_contains_idle_timeout_and_keep_until() {
        let response = response_with("9000", "2026-03-01T14:02:11.250Z");
        assert_eq!(
            response.idle_timeout,
            Some(TimeLimit::After(Duration::from_secs(9_000)))
        );
        assert_eq!(
            response.keep_until.unwrap().to_string(),
            "2026-03-01T14:02:11.250Z"
        );
        assert_eq!(response_with("never", "").idle_timeout, Some(TimeLimit::Never));
    }

    #[test]
    fn invalid_headers_are_ignored() {
        assert_eq!(response_with("soon", "tomorrow"), CheckInResponse::default());
        assert_eq!(
            CheckInResponse::from_headers(&HeaderMap::new()),
            CheckInResponse::default()
        );
    }
}
