//! Amounts of memory in bytes: [`Memory`] and [`MemoryLimit`].

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::InvalidQuantity;
use super::number_or_text::{deserialize_number_or_text, is_digits, parse_digits};

/// Unit letters and their powers of two, the largest first.
const UNITS: [(char, u32); 3] = [('g', 30), ('m', 20), ('k', 10)];
const RANGE: &str = "6m to 1024g";

/// Memory limit of a container in bytes.
///
/// Read from bytes or from a number with `k`, `m` or `g` (powers of 1024), as in `512m`, `2GB` or `512MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Memory(u64);

impl Memory {
    const EXPECTED: &'static str = "a size such as 512m or 2g (units k, m, g), or bytes";
    /// The minimum that Docker accepts.
    const MIN: u64 = 6 << 20;
    const MAX: u64 = 1024 << 30;

    /// A limit of this many bytes. Returns `None` if it is out of range.
    pub const fn from_bytes(bytes: u64) -> Option<Self> {
        if Self::MIN <= bytes && bytes <= Self::MAX {
            Some(Self(bytes))
        } else {
            None
        }
    }

    /// The limit in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Memory {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let text = text.trim();
        let malformed = || InvalidQuantity::malformed(text, "an amount of memory", Self::EXPECTED);
        let bytes = parse_bytes(text).ok_or_else(malformed)?;
        Self::from_bytes(bytes).ok_or_else(|| InvalidQuantity::out_of_range(text, RANGE))
    }
}

/// Prints the largest unit that leaves no fraction, such as `512m`.
impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, shift)| self.0.trailing_zeros() >= *shift);
        match unit {
            Some((letter, shift)) => write!(formatter, "{}{letter}", self.0 >> shift),
            None => write!(formatter, "{}", self.0),
        }
    }
}

/// A memory limit that can be lifted.
///
/// Read from `unlimited` or as [`Memory`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimit {
    /// At most this much.
    AtMost(Memory),
    /// No limit other than the memory of the host.
    Unlimited,
}

impl MemoryLimit {
    const EXPECTED: &'static str = "a size such as 512m or 2g (units k, m, g), bytes, or unlimited";

    /// The limit in bytes. Returns `None` if there is no limit.
    pub const fn bytes(self) -> Option<u64> {
        match self {
            Self::AtMost(memory) => Some(memory.bytes()),
            Self::Unlimited => None,
        }
    }
}

impl FromStr for MemoryLimit {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let text = text.trim();
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        let malformed = || InvalidQuantity::malformed(text, "a memory limit", Self::EXPECTED);
        let bytes = parse_bytes(text).ok_or_else(malformed)?;
        Memory::from_bytes(bytes)
            .map(Self::AtMost)
            .ok_or_else(|| InvalidQuantity::out_of_range(text, RANGE))
    }
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(memory) => memory.fmt(formatter),
            Self::Unlimited => formatter.write_str("unlimited"),
        }
    }
}

/// As text, such as `2g` or `unlimited`.
impl Serialize for MemoryLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

deserialize_number_or_text!(Memory, MemoryLimit);

/// Reads `1024`, `512m`, `2GB` or `512MiB`. Returns `None` if the text is not an amount of memory.
///
/// Bytes that 64 bits cannot hold become the largest number, which is out of range.
fn parse_bytes(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let end = lower
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(lower.len());
    let (number, unit) = lower.split_at(end);
    if !is_digits(number) {
        return None;
    }
    let shift = match unit {
        "" | "b" => 0,
        _ => UNITS.iter().find_map(|(letter, shift)| {
            let suffix = unit.strip_prefix(*letter)?;
            ["", "b", "ib"].contains(&suffix).then_some(*shift)
        })?,
    };
    Some(parse_digits(number).saturating_mul(1 << shift))
}
