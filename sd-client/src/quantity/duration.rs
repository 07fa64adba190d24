//! Durations in whole seconds: [`TimeLimit`] and [`Span`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::InvalidQuantity;
use super::human::UNITS;
use super::number_or_text::{deserialize_number_or_text, is_digits, parse_digits};

/// The longest duration: ten years. Timers and timestamps can represent it.
const MAX: Duration = Duration::from_secs(3650 * 86_400);

/// How long a state may last: a container without activity, a run, a stopped container.
///
/// Read from whole seconds or from a duration such as `90s`, `6h` or `2h30m`; `0` and `never` are no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// No limit.
    Never,
    /// Until this long has passed: whole seconds, at least one.
    After(Duration),
}

impl TimeLimit {
    const EXPECTED: &'static str =
        "a duration such as 90s, 6h or 2h30m (units s, m, h, d), whole seconds, or never";
    const RANGE: &'static str = "at most 3650d, or never";

    /// The limit in seconds; 0 is never.
    pub fn as_secs(self) -> u64 {
        match self {
            Self::Never => 0,
            Self::After(duration) => duration.as_secs(),
        }
    }
}

impl FromStr for TimeLimit {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let text = text.trim();
        if text == "never" {
            return Ok(Self::Never);
        }
        let malformed = || InvalidQuantity::malformed(text, "a time limit", Self::EXPECTED);
        match seconds(text).ok_or_else(malformed)? {
            0 => Ok(Self::Never),
            seconds if seconds <= MAX.as_secs() => Ok(Self::After(Duration::from_secs(seconds))),
            _ => Err(InvalidQuantity::out_of_range(text, Self::RANGE)),
        }
    }
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => formatter.pad("never"),
            Self::After(duration) => formatter.pad(&print(*duration)),
        }
    }
}

/// Whole seconds on the wire; 0 is never.
impl Serialize for TimeLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_secs())
    }
}

/// A length of time: at least a second.
///
/// Read from whole seconds or from a duration such as `90s`, `40m` or `2h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    const EXPECTED: &'static str =
        "a duration such as 90s, 40m or 2h30m (units s, m, h, d), or whole seconds";
    const RANGE: &'static str = "1s to 3650d";

    /// The length itself.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// Reads a duration that has to have a unit, for places where a number alone would be ambiguous.
    pub fn parse_with_unit(text: &str) -> Result<Self, InvalidQuantity> {
        match text.trim() {
            number if is_digits(number) => Err(InvalidQuantity::no_unit(number)),
            text => text.parse(),
        }
    }
}

impl TryFrom<Duration> for Span {
    type Error = InvalidQuantity;

    fn try_from(duration: Duration) -> Result<Self, InvalidQuantity> {
        let is_whole = duration.subsec_nanos() == 0;
        if is_whole && !duration.is_zero() && duration <= MAX {
            Ok(Self(duration))
        } else {
            Err(InvalidQuantity::out_of_range(
                &format!("{duration:?}"),
                Self::RANGE,
            ))
        }
    }
}

impl FromStr for Span {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let text = text.trim();
        let malformed = || InvalidQuantity::malformed(text, "a duration", Self::EXPECTED);
        let seconds = seconds(text).ok_or_else(malformed)?;
        Self::try_from(Duration::from_secs(seconds))
            .map_err(|_| InvalidQuantity::out_of_range(text, Self::RANGE))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&print(self.0))
    }
}

/// Whole seconds on the wire.
impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.as_secs())
    }
}

deserialize_number_or_text!(TimeLimit, Span);

/// Reads `90`, `90s`, `2h30m` or `1d 12h`. Returns `None` if the text is not a duration.
///
/// Seconds that 64 bits cannot hold become the largest number, which is out of range.
fn seconds(text: &str) -> Option<u64> {
    if is_digits(text) {
        return Some(parse_digits(text));
    }
    let mut total = 0_u64;
    let mut units = UNITS.iter();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit())?;
        let (number, after) = rest.split_at(end);
        if !is_digits(number) {
            return None;
        }
        let unit = after.chars().next()?;
        // The iterator only moves on, so each unit comes at most once, and the largest first.
        let (size, _) = units.find(|(_, letter)| *letter == unit)?;
        total = total.saturating_add(parse_digits(number).saturating_mul(*size));
        rest = after[unit.len_utf8()..].trim_start_matches(' ');
    }
    (!text.is_empty()).then_some(total)
}

/// Prints every unit that is not zero, such as `2h30m`.
fn print(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let parts = UNITS.iter().filter_map(|(size, unit)| {
        let count = rest / size;
        rest %= size;
        (count > 0).then(|| format!("{count}{unit}"))
    });
    parts.collect()
}
