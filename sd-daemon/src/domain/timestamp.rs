//! Points in time with a precision of one millisecond.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The point this many milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This point plus a duration. Saturates at the largest representable point.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// This point minus a duration. Saturates at the epoch.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// This point after the wall clock was set forward, or back, by this many milliseconds.
    #[must_use]
    pub fn shift_clock(self, millis: i64) -> Self {
        Self(self.0.saturating_add_signed(millis))
    }

    /// The duration since an earlier point. Zero if that point is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        // RFC 3339 cannot represent later dates, and a deadline can be any number of years away.
        const YEAR_9999: u64 = 253_402_300_799_000;
        UNIX_EPOCH + Duration::from_millis(timestamp.0.min(YEAR_9999))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_is_milliseconds_since_the_epoch() {
        let time = UNIX_EPOCH + Duration::from_millis(1_772_373_731_250);
        let timestamp = Timestamp::from(time);
        assert_eq!(timestamp.as_millis(), 1_772_373_731_250);
        assert_eq!(SystemTime::from(timestamp), time);
        assert_eq!(
            Timestamp::from(UNIX_EPOCH - Duration::from_secs(1)).as_millis(),
            0
        );
    }

    #[test]
    fn far_future_becomes_the_year_9999() {
        let far = Timestamp::from_millis(0).after(Duration::MAX);
        let year_9999 = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        assert_eq!(SystemTime::from(far), year_9999);
    }

    #[test]
    fn arithmetic_saturates() {
        let (early, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(3_000));
        assert_eq!(late.since(early), Duration::from_secs(2));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.before(Duration::MAX).as_millis(), 0);
        assert_eq!(early.shift_clock(-500).as_millis(), 500);
        assert_eq!(early.shift_clock(-5_000).as_millis(), 0);
        assert_eq!(early.shift_clock(5_000).as_millis(), 6_000);
    }
}
