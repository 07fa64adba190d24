//! Lengths of time in words, for the sentences that say why something happened.

use std::fmt;
use std::time::Duration;

use super::{LimitSource, TimeLimit};

/// A length of time as people say it: `2h 30m`, its two largest units.
pub(super) struct HumanDuration(pub(super) Duration);

impl fmt::Display for HumanDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
        let seconds = self.0.as_secs();
        let largest = UNITS
            .iter()
            .position(|(size, _)| seconds >= *size)
            .unwrap_or(UNITS.len() - 1);
        let (size, unit) = UNITS[largest];
        write!(formatter, "{}{unit}", seconds / size)?;
        match UNITS.get(largest + 1) {
            Some((smaller, unit)) if seconds % size >= *smaller => {
                write!(formatter, " {}{unit}", seconds % size / smaller)
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => formatter.write_str("never"),
            Self::After(duration) => HumanDuration(*duration).fmt(formatter),
        }
    }
}

impl fmt::Display for LimitSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Container => "set for this container",
            Self::ImageLabel => "from its image's label",
            Self::ImageRule => "from the daemon's rule for its image",
            Self::Default => "the daemon's default",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_its_two_largest_units() {
        for (seconds, text) in [
            (0, "0s"),
            (61, "1m 1s"),
            (3_600, "1h"),
            (3_659, "1h"),
            (9_000, "2h 30m"),
            (86_400 * 2 + 3_600, "2d 1h"),
        ] {
            assert_eq!(HumanDuration(Duration::from_secs(seconds)).to_string(), text);
        }
    }
}
