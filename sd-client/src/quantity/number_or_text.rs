//! Reading quantities with serde: from a number or from the text a person would write.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserializer, de};

use super::InvalidQuantity;

/// Reads a number as its text, so that each quantity has one parser.
pub(super) fn deserialize<'de, T, D>(deserializer: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr<Err = InvalidQuantity>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(NumberOrText {
        expected,
        quantity: PhantomData,
    })
}

struct NumberOrText<T> {
    expected: &'static str,
    quantity: PhantomData<T>,
}

impl<T: FromStr<Err = InvalidQuantity>> de::Visitor<'_> for NumberOrText<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.expected)
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

/// Implements `Deserialize` for quantities by way of their `FromStr`.
macro_rules! deserialize_number_or_text {
    ($($quantity:ty),*) => {$(
        impl<'de> serde::Deserialize<'de> for $quantity {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::quantity::number_or_text::deserialize(deserializer, Self::EXPECTED)
            }
        }
    )*};
}

pub(super) use deserialize_number_or_text;

/// Whether a text is a number without sign, fraction and exponent.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number that a text of [digits](is_digits) stands for, or the largest one if 64 bits cannot hold it.
pub(super) fn parse_digits(digits: &str) -> u64 {
    digits.parse().unwrap_or(u64::MAX)
}
