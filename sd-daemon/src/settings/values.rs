//! Values of settings that are text in the file, on the command line and in what `check-config` prints.

use std::fmt::{self, Display};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use url::Host;

use crate::domain::{ImagePattern, Invalid};
use crate::engine::NetworkName;

/// Implements serde's traits by way of `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($($value:ty),*) => {$(
        impl serde::Serialize for $value {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $value {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

pub(super) use serde_as_text;

serde_as_text!(AddressRange, HostName, Network, Pattern);

/// Serializes a quantity as a person would write it, such as `2h30m`.
pub(super) fn as_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The same for a quantity that may be absent.
#[expect(clippy::ref_option, reason = "the signature is serde's")]
pub(super) fn some_as_text<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// A value of the standard library, whose own errors do not say which values are allowed.
pub(super) trait StandardValue: FromStr {
    /// The allowed values, after "must be".
    const ALLOWED: &'static str;
    /// Whether the file has it as a number, otherwise as text.
    const IS_NUMBER: bool;
}

impl StandardValue for NonZeroU32 {
    const ALLOWED: &'static str = "a whole number from 1 to 4294967295";
    const IS_NUMBER: bool = true;
}

impl StandardValue for u64 {
    const ALLOWED: &'static str = "a whole number from 0 to 18446744073709551615";
    const IS_NUMBER: bool = true;
}

impl StandardValue for SocketAddr {
    const ALLOWED: &'static str = "an IP address and a port, such as 127.0.0.1:8080";
    const IS_NUMBER: bool = false;
}

impl StandardValue for IpAddr {
    const ALLOWED: &'static str = "an IP address, such as 127.0.0.1";
    const IS_NUMBER: bool = false;
}

/// Parses the value of a flag or a variable. clap adds both to the error.
pub(super) fn parse<T: StandardValue>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("must be {}", T::ALLOWED))
}

/// Deserializes the value of a key.
pub(super) fn deserialize<'de, T: StandardValue, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = toml::Value::deserialize(deserializer)?;
    let parsed = match &value {
        toml::Value::Integer(number) if T::IS_NUMBER => number.to_string().parse().ok(),
        toml::Value::String(text) if !T::IS_NUMBER => text.parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| D::Error::custom(format!("invalid value {value}: must be {}", T::ALLOWED)))
}

/// The same for a key that may be absent.
pub(super) fn deserialize_some<'de, T: StandardValue, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserialize(deserializer).map(Some)
}

/// An address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange(pub IpNet);

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        range.map(Self).map_err(|_| {
            format!("{text:?} is not an address or network: expected one such as 10.0.0.5 or 10.1.0.0/16")
        })
    }
}

impl Display for AddressRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A host name or an address, without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(pub Host);

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.parse().map(Host::Ipv6);
        address.or_else(|_| Host::parse(text)).map(Self).map_err(|_| {
            format!(
                "{text:?} is not a host: expected a name such as sd.example.org or an address, without a port"
            )
        })
    }
}

impl Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The name of a Docker network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network(pub NetworkName);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A pattern of image references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub ImagePattern);

impl FromStr for Pattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse().map(Self)
    }
}

impl Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
