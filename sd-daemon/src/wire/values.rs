//! Values that several objects contain: times, limits and their sources.

use std::time::SystemTime;

use sd_client::api;

use crate::domain::{EffectiveLimit, LimitSource, TimeLimit, Timestamp};

/// An effective limit in seconds, or `None` if it is unlimited.
pub(super) fn seconds(effective: EffectiveLimit) -> Option<u64> {
    limit_seconds(effective.limit)
}

/// A limit in seconds, or `None` if it is unlimited.
pub(super) fn limit_seconds(limit: TimeLimit) -> Option<u64> {
    match limit {
        TimeLimit::Never => None,
        TimeLimit::After(duration) => Some(duration.as_secs()),
    }
}

pub(super) fn source(source: LimitSource) -> api::PolicySource {
    match source {
        LimitSource::Container => api::PolicySource::Container,
        LimitSource::ImageLabel => api::PolicySource::ImageLabel,
        LimitSource::ImageRule => api::PolicySource::ImageRule,
        LimitSource::Default => api::PolicySource::Default,
    }
}

pub(crate) fn timestamp(timestamp: Timestamp) -> api::Timestamp {
    SystemTime::from(timestamp).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn limit_is_in_seconds_or_absent() {
        assert_eq!(
            limit_seconds(TimeLimit::After(Duration::from_millis(9_000_999))),
            Some(9_000)
        );
        assert_eq!(limit_seconds(TimeLimit::Never), None);
    }
}
