//! Processor shares in cores: [`Cpus`] and [`CpuThreshold`].

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::Serialize;

use super::InvalidQuantity;
use super::number_or_text::{deserialize_number_or_text, is_digits};

/// Processor limit of a container in cores: `0.5` is half a core.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Cpus(f64);

impl Cpus {
    const EXPECTED: &'static str = "cores such as 0.5 or 2";
    const RANGE: &'static str = "0.01 to 1024 cores";
    /// Docker refuses less than a hundredth of a core.
    const LIMITS: RangeInclusive<f64> = 0.01..=1024.0;

    /// The limit in billionths of a core, Docker's unit.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0.01 to 1024 cores are far inside u64"
    )]
    pub fn nano_cpus(self) -> u64 {
        (self.0 * 1e9).round() as u64
    }
}

impl FromStr for Cpus {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let cores = parse_cores(text, Self::EXPECTED)?;
        within(cores, text, &Self::LIMITS, Self::RANGE).map(Self)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The processor use above which a container counts as active, in cores.
///
/// Smaller than the smallest [`Cpus`]: a container that is limited to a hundredth of a core can be active too.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct CpuThreshold(f64);

impl CpuThreshold {
    const EXPECTED: &'static str = "cores such as 0.1 or 2";
    const RANGE: &'static str = "0.001 to 1024 cores";
    const LIMITS: RangeInclusive<f64> = 0.001..=1024.0;

    /// The threshold in thousandths of a core.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0.001 to 1024 cores are far inside u32"
    )]
    pub fn millicores(self) -> u32 {
        (self.0 * 1e3).round() as u32
    }

    /// A threshold of this many thousandths of a core. Returns `None` if it is out of range.
    pub fn from_millicores(millicores: u32) -> Option<Self> {
        let cores = f64::from(millicores) / 1e3;
        Self::LIMITS.contains(&cores).then_some(Self(cores))
    }
}

impl FromStr for CpuThreshold {
    type Err = InvalidQuantity;

    fn from_str(text: &str) -> Result<Self, InvalidQuantity> {
        let cores = parse_cores(text, Self::EXPECTED)?;
        within(cores, text, &Self::LIMITS, Self::RANGE).map(Self)
    }
}

impl fmt::Display for CpuThreshold {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

deserialize_number_or_text!(Cpus, CpuThreshold);

/// Reads digits with at most one decimal point: no sign, no exponent, no `NaN`.
fn parse_cores(text: &str, expected: &'static str) -> Result<f64, InvalidQuantity> {
    let text = text.trim();
    let is_decimal = match text.split_once('.') {
        Some((whole, fraction)) => is_digits(fraction) && (whole.is_empty() || is_digits(whole)),
        None => is_digits(text),
    };
    let cores = text.parse().ok().filter(|_| is_decimal);
    cores.ok_or_else(|| InvalidQuantity::malformed(text, "a number of cores", expected))
}

fn within(
    cores: f64,
    text: &str,
    limits: &RangeInclusive<f64>,
    range: &'static str,
) -> Result<f64, InvalidQuantity> {
    if limits.contains(&cores) {
        Ok(cores)
    } else {
        Err(InvalidQuantity::out_of_range(text.trim(), range))
    }
}
