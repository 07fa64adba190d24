//! Quantities in requests: each reads a number or the text a person would write.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a text is not the quantity it should be: the text, and what is allowed instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidValue {
    text: String,
    allowed: &'static str,
}

impl InvalidValue {
    fn new(text: impl Into<String>, allowed: &'static str) -> Self {
        Self {
            text: text.into(),
            allowed,
        }
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} is not allowed: give {}", self.text, self.allowed)
    }
}

impl std::error::Error for InvalidValue {}

/// How long something may last: a container without use, a run, a container at rest.
///
/// Read from whole seconds or from a duration such as `90s`, `6h` or `2h30m`; `0` and `never` are no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// As long as it likes.
    Never,
    /// Until this long has passed: whole seconds, at least one.
    After(Duration),
}

impl TimeLimit {
    const ALLOWED: &'static str =
        "whole seconds or a duration such as 90s, 6h or 2h30m, up to 3650d; 0 or never means never";
    const MAX: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

    /// The limit in seconds; 0 is never.
    pub fn as_secs(self) -> u64 {
        match self {
            Self::Never => 0,
            Self::After(duration) => duration.as_secs(),
        }
    }

    fn from_duration(duration: Duration) -> Option<Self> {
        match duration {
            Duration::ZERO => Some(Self::Never),
            _ if duration > Self::MAX || duration.subsec_nanos() != 0 => None,
            _ => Some(Self::After(duration)),
        }
    }
}

impl FromStr for TimeLimit {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        let duration = match text {
            "never" => Some(Duration::ZERO),
            _ if is_digits(text) => text.parse().ok().map(Duration::from_secs),
            _ => humantime::parse_duration(text).ok(),
        };
        duration
            .and_then(Self::from_duration)
            .ok_or_else(|| InvalidValue::new(text, Self::ALLOWED))
    }
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => formatter.write_str("never"),
            Self::After(duration) => humantime::format_duration(*duration).fmt(formatter),
        }
    }
}

impl Serialize for TimeLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.as_secs())
    }
}

/// A length of time that somebody asks for: at least a second.
///
/// Read from whole seconds or from a duration such as `90s`, `40m` or `2h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

impl Span {
    const ALLOWED: &'static str = "whole seconds or a duration such as 90s, 40m or 2h, from 1s to 3650d";

    /// The length itself.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<Duration> for Span {
    type Error = InvalidValue;

    fn try_from(duration: Duration) -> Result<Self, InvalidValue> {
        match TimeLimit::from_duration(duration) {
            Some(TimeLimit::After(duration)) => Ok(Self(duration)),
            Some(TimeLimit::Never) | None => Err(InvalidValue::new(format!("{duration:?}"), Self::ALLOWED)),
        }
    }
}

impl FromStr for Span {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text.parse() {
            Ok(TimeLimit::After(duration)) => Ok(Self(duration)),
            Ok(TimeLimit::Never) | Err(_) => Err(InvalidValue::new(text.trim(), Self::ALLOWED)),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(formatter)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.as_secs())
    }
}

/// Memory limit of a container in bytes.
///
/// Read from bytes or from a number with `k`, `m` or `g` (powers of 1024), as in `512m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Memory(u64);

impl Memory {
    const ALLOWED: &'static str = "bytes or a number with k, m or g, from 6m to 1024g";
    /// The engine refuses less.
    const MIN: u64 = 6 << 20;
    const MAX: u64 = 1024 << 30;

    /// The limit in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    fn from_bytes(bytes: u64) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&bytes).then_some(Self(bytes))
    }
}

impl FromStr for Memory {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let (number, shift) = match lower.trim_end_matches('b') {
            stripped if stripped.ends_with('k') => (&stripped[..stripped.len() - 1], 10),
            stripped if stripped.ends_with('m') => (&stripped[..stripped.len() - 1], 20),
            stripped if stripped.ends_with('g') => (&stripped[..stripped.len() - 1], 30),
            stripped => (stripped, 0),
        };
        Some(number)
            .filter(|number| is_digits(number))
            .and_then(|number| number.parse::<u64>().ok())
            .and_then(|number| number.checked_mul(1 << shift))
            .and_then(Self::from_bytes)
            .ok_or_else(|| InvalidValue::new(text, Self::ALLOWED))
    }
}

/// Processor time of a container, in cores: `0.5` is half a core.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Cpus(f64);

impl Cpus {
    const ALLOWED: &'static str = "a number of cores from 0.01 to 1024, such as 0.5";

    /// The limit in billionths of a core, the engine's unit.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0.01 to 1024 cores are far inside u64"
    )]
    pub fn billionths(self) -> u64 {
        (self.0 * 1e9).round() as u64
    }

    fn from_cores(cores: f64) -> Option<Self> {
        (0.01..=1024.0).contains(&cores).then_some(Self(cores))
    }
}

impl FromStr for Cpus {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let cores = text.trim().parse().ok().and_then(Self::from_cores);
        cores.ok_or_else(|| InvalidValue::new(text, Self::ALLOWED))
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads a JSON number as the text of that number, so that each quantity has one parser.
struct NumberOrText<T> {
    allowed: &'static str,
    value: std::marker::PhantomData<T>,
}

impl<T: FromStr<Err = InvalidValue>> de::Visitor<'_> for NumberOrText<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.allowed)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! deserialize_number_or_text {
    ($($quantity:ty),*) => {$(
        impl<'de> Deserialize<'de> for $quantity {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = std::marker::PhantomData;
                deserializer.deserialize_any(NumberOrText { allowed: Self::ALLOWED, value })
            }
        }
    )*};
}

deserialize_number_or_text!(TimeLimit, Span, Memory, Cpus);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_reads_seconds_durations_and_never() {
        let after = |seconds| Ok(TimeLimit::After(Duration::from_secs(seconds)));
        assert_eq!("90".parse(), after(90));
        assert_eq!("6h".parse(), after(21_600));
        assert_eq!("2h30m".parse(), after(9_000));
        assert_eq!("0".parse(), Ok(TimeLimit::Never));
        assert_eq!("never".parse(), Ok(TimeLimit::Never));
    }

    #[test]
    fn a_time_limit_refuses_what_is_not_a_time() {
        for text in ["", "-1", "soon", "1.5", "500ms", "4000d", "99999999999999999999"] {
            let error = text.parse::<TimeLimit>().unwrap_err();
            assert!(error.to_string().contains("2h30m"), "{text}: {error}");
        }
    }

    #[test]
    fn a_span_is_a_time_limit_that_ends() {
        assert_eq!(
            "40m".parse::<Span>().unwrap().duration(),
            Duration::from_secs(2_400)
        );
        for text in ["", "0", "never", "-1", "500ms", "4000d"] {
            let error = text.parse::<Span>().unwrap_err();
            assert!(error.to_string().contains("from 1s"), "{text}: {error}");
        }
    }

    #[test]
    fn memory_reads_bytes_and_suffixes() {
        assert_eq!("512m".parse::<Memory>().unwrap().bytes(), 512 << 20);
        assert_eq!("1G".parse::<Memory>().unwrap().bytes(), 1 << 30);
        assert_eq!("8192kb".parse::<Memory>().unwrap().bytes(), 8 << 20);
        assert_eq!("6291456".parse::<Memory>().unwrap().bytes(), 6 << 20);
        for text in [
            "",
            "m",
            "1m",
            "-5m",
            "12 parsecs",
            "2000g",
            "1.5g",
            "18446744073709551615g",
        ] {
            assert!(text.parse::<Memory>().is_err(), "{text}");
        }
    }

    #[test]
    fn cpus_read_fractions_of_cores() {
        assert_eq!("0.5".parse::<Cpus>().unwrap().billionths(), 500_000_000);
        for text in ["", "0", "-1", "NaN", "inf", "many"] {
            assert!(text.parse::<Cpus>().is_err(), "{text}");
        }
    }
}
