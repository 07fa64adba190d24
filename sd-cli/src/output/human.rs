//! Quantities for people: durations, data, numbers of things.

use std::time::Duration;

const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];

/// `1h 52m`: the two largest units, cut and not rounded, without a second one that is zero.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let largest = UNITS
        .iter()
        .position(|(size, _)| seconds >= *size)
        .unwrap_or(UNITS.len() - 1);
    let (size, unit) = UNITS[largest];
    let first = format!("{}{unit}", seconds / size);
    match UNITS.get(largest + 1) {
        Some((smaller, unit)) if seconds % size >= *smaller => {
            format!("{first} {}{unit}", seconds % size / smaller)
        }
        _ => first,
    }
}

/// `900 B`, `1.8 kB`, `18 kB`: two digits tell enough.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
        (1_000, "kB"),
    ];
    let Some((size, unit)) = UNITS.iter().find(|(size, _)| bytes >= *size) else {
        return format!("{bytes} B");
    };
    let tenths = bytes / (size / 10);
    match tenths {
        0..100 if !tenths.is_multiple_of(10) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
        _ => format!("{} {unit}", tenths / 10),
    }
}

/// `1 client`, `2 clients`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Reads `90`, `90s` or `1h30m`; at least one second.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed = match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    parsed
        .filter(|duration| (Duration::from_secs(1)..=LONGEST).contains(duration))
        .ok_or_else(|| "give seconds or a duration such as 90s or 1h30m, from 1s to 365d".to_owned())
}

/// Longer than anybody waits, and far from what timers can hold.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_shows_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m 1s"),
            (3_599, "59m 59s"),
            (3_600, "1h"),
            (3_659, "1h"),
            (6_779, "1h 52m"),
            (86_400 + 59 * 60, "1d"),
            (86_400 * 2 + 3_600 * 3 + 1_800, "2d 3h"),
            (86_400 * 3_650, "3650d"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn an_amount_of_data_has_two_digits_and_a_unit() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (1_899, "1.8 kB"),
            (18_204, "18 kB"),
            (999_999, "999 kB"),
            (4_200_000, "4.2 MB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn one_is_singular_and_none_is_not() {
        assert_eq!(counted(1, "client"), "1 client");
        assert_eq!(counted(0, "client"), "0 clients");
    }

    #[test]
    fn a_duration_reads_seconds_and_units() {
        assert_eq!(parse_duration("60"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5_400)));
        for text in ["", "0", "500ms", "-1s", "soon", "366d", "18446744073709551615"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
