//! Points in time as text: local time, and the distance from now.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ZonedDateTime};
use sd_client::api::Timestamp;

use super::human;

/// Formats points in time relative to now, in one time zone.
///
/// Now is an argument, so that the same response always gives the same text. For responses that carry
/// the time of the daemon, that time is now: the clocks of the two machines can differ.
pub(crate) struct When {
    now: SystemTime,
    zone: TimeZone,
}

impl When {
    /// Formats times in the time zone of the user.
    pub(crate) fn at(now: impl Into<SystemTime>) -> Self {
        Self::in_zone(now, TimeZone::system())
    }

    /// Formats times in the given time zone.
    pub(crate) fn in_zone(now: impl Into<SystemTime>, zone: TimeZone) -> Self {
        Self {
            now: now.into(),
            zone,
        }
    }

    /// `14:02`, or `2026-03-01 14:02` on another day.
    pub(crate) fn time(&self, at: Timestamp) -> String {
        self.shown(at, "%H:%M")
    }

    /// `14:02:11`, or `2026-03-01 14:02:11` on another day.
    pub(crate) fn time_to_the_second(&self, at: Timestamp) -> String {
        self.shown(at, "%H:%M:%S")
    }

    /// `14:02 (20m ago)`, or `16:32 (in 2h 10m)`.
    pub(crate) fn time_and_distance(&self, at: Timestamp) -> String {
        let distance = match SystemTime::from(at).duration_since(self.now) {
            Ok(left) if left >= Duration::from_secs(1) => format!("in {}", human::duration(left)),
            Ok(_) => "now".to_owned(),
            Err(_) => match self.since(at) {
                past if past < Duration::from_secs(1) => "just now".to_owned(),
                past => format!("{} ago", human::duration(past)),
            },
        };
        format!("{} ({distance})", self.time(at))
    }

    /// The time that has passed since then. Zero for a time in the future.
    pub(crate) fn since(&self, at: Timestamp) -> Duration {
        self.now.duration_since(at.into()).unwrap_or_default()
    }

    fn shown(&self, at: Timestamp, clock: &str) -> String {
        // Dates after the year 9999 are outside of the calendar.
        let (Some(at), Some(now)) = (self.zoned(at.into()), self.zoned(self.now)) else {
            return at.to_string();
        };
        if at.date() == now.date() {
            at.strftime(clock).to_string()
        } else {
            at.strftime(&format!("%Y-%m-%d {clock}")).to_string()
        }
    }

    fn zoned(&self, time: SystemTime) -> Option<ZonedDateTime> {
        Some(Instant::try_from(time).ok()?.to_zoned_datetime(self.zone.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn in_kathmandu() -> When {
        let zone = TimeZone::fixed(jiff::tz::Offset::from_seconds(5 * 3_600 + 45 * 60).unwrap());
        When::in_zone(at("2026-03-01T12:00:00Z"), zone)
    }

    #[test]
    fn time_is_in_the_zone_of_the_user() {
        assert_eq!(in_kathmandu().time(at("2026-03-01T08:17:42Z")), "14:02");
        let exact = in_kathmandu().time_to_the_second(at("2026-03-01T08:17:42Z"));
        assert_eq!(exact, "14:02:42");
    }

    #[test]
    fn another_day_is_shown_with_its_date() {
        assert_eq!(
            in_kathmandu().time(at("2026-02-28T18:14:59Z")),
            "2026-02-28 23:59"
        );
        assert_eq!(
            in_kathmandu().time(at("2026-03-01T18:15:00Z")),
            "2026-03-02 00:00"
        );
    }

    #[test]
    fn distance_distinguishes_past_and_future() {
        let when = in_kathmandu();
        for (time, text) in [
            ("2026-03-01T11:40:00Z", "17:25 (20m ago)"),
            ("2026-03-01T14:10:00Z", "19:55 (in 2h 10m)"),
            ("2026-03-01T12:00:00.900Z", "17:45 (now)"),
            ("2026-03-01T11:59:59.900Z", "17:44 (just now)"),
        ] {
            assert_eq!(when.time_and_distance(at(time)), text);
        }
    }
}
