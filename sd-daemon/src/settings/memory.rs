//! An amount of memory, as a setting.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// How much memory something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub(super) enum MemorySetting {
    /// This many bytes.
    Bytes(u64),
    /// All there is.
    Unlimited,
}

/// What Docker takes for a limit at all.
const SMALLEST: u64 = 6 << 20;

/// Letters for powers of 1024, the largest first.
const UNITS: [(char, u32); 3] = [('g', 30), ('m', 20), ('k', 10)];

impl MemorySetting {
    /// The limit in bytes, where there is one.
    pub(super) fn bytes(self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Unlimited => None,
        }
    }
}

impl FromStr for MemorySetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        let unit = UNITS
            .iter()
            .find_map(|(letter, shift)| Some((text.strip_suffix(*letter)?, *shift)));
        let (number, shift) = unit.unwrap_or((text, 0));
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let bytes = Some(number)
            .filter(|_| is_number)
            .and_then(|number| number.parse::<u64>().ok());
        bytes
            .and_then(|number| number.checked_mul(1 << shift))
            .filter(|bytes| (SMALLEST..=i64::MAX.unsigned_abs()).contains(bytes))
            .map(Self::Bytes)
            .ok_or_else(|| {
                "must be bytes, or an amount such as 512m or 2g, at least 6m; or unlimited".to_owned()
            })
    }
}

impl fmt::Display for MemorySetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unlimited => formatter.write_str("unlimited"),
            Self::Bytes(bytes) => {
                let whole = UNITS.iter().find(|(_, shift)| bytes % (1 << shift) == 0);
                match whole {
                    Some((letter, shift)) => write!(formatter, "{}{letter}", bytes >> shift),
                    None => write!(formatter, "{bytes}"),
                }
            }
        }
    }
}

/// Bytes may stand in the file as a number.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "must be bytes, or an amount such as \"512m\" or \"2g\"; or \"unlimited\""
)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

impl TryFrom<NumberOrText> for MemorySetting {
    type Error = String;

    fn try_from(value: NumberOrText) -> Result<Self, String> {
        match value {
            NumberOrText::Number(number) => number.to_string().parse(),
            NumberOrText::Text(text) => text.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_shown_as_it_can_be_written() {
        for (text, bytes, shown) in [
            ("2g", Some(2 << 30), "2g"),
            ("2048m", Some(2 << 30), "2g"),
            ("512m", Some(512 << 20), "512m"),
            ("6291457", Some(6_291_457), "6291457"),
            ("unlimited", None, "unlimited"),
        ] {
            let setting: MemorySetting = text.parse().unwrap();
            assert_eq!(
                (setting.bytes(), setting.to_string()),
                (bytes, shown.to_owned()),
                "{text}"
            );
        }
        for text in [
            "",
            "g",
            "0",
            "5m",
            "2G",
            "2gb",
            "-1",
            "1.5g",
            "+2g",
            "99999999999g",
        ] {
            assert!(text.parse::<MemorySetting>().is_err(), "{text}");
        }
    }
}
