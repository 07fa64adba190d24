//! What a check-in brings back.

use std::str::FromStr;

use reqwest::header::HeaderMap;

use crate::api::{CheckIn, TimeLimit, Timestamp};

/// What the daemon says to a container that has checked in. A daemon that says nothing has credited the
/// report all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckInResponse {
    /// How long the container may be without activity.
    pub idle_timeout: Option<TimeLimit>,
    /// Until when it is kept up, where somebody asked for that.
    pub keep_until: Option<Timestamp>,
}

impl CheckInResponse {
    /// Reads what can be read: the report is credited whatever these say.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            idle_timeout: read(headers, CheckIn::IDLE_TIMEOUT_HEADER),
            keep_until: read(headers, CheckIn::KEEP_UNTIL_HEADER),
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

    fn receipt(idle_timeout: &str, keep_until: &str) -> CheckInResponse {
        let mut headers = HeaderMap::new();
        headers.insert(CheckIn::IDLE_TIMEOUT_HEADER, idle_timeout.parse().unwrap());
        headers.insert(CheckIn::KEEP_UNTIL_HEADER, keep_until.parse().unwrap());
        CheckInResponse::from_headers(&headers)
    }

    #[test]
    fn a_receipt_tells_the_idle_timeout_and_until_when_it_is_kept() {
        let read = receipt("9000", "2026-03-01T14:02:11.250Z");
        assert_eq!(
            read.idle_timeout,
            Some(TimeLimit::After(Duration::from_secs(9_000)))
        );
        assert_eq!(read.keep_until.unwrap().to_string(), "2026-03-01T14:02:11.250Z");
        assert_eq!(receipt("never", "").idle_timeout, Some(TimeLimit::Never));
    }

    #[test]
    fn what_cannot_be_read_is_as_if_it_were_not_there() {
        assert_eq!(receipt("soon", "tomorrow"), CheckInResponse::default());
        assert_eq!(
            CheckInResponse::from_headers(&HeaderMap::new()),
            CheckInResponse::default()
        );
    }
}
