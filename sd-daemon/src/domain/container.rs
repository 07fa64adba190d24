//! The identities of a container: its id, its name, and the operation that made it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::Invalid;

/// The engine's id of a container: 64 lower-case hex digits.
///
/// The only thing that is ever put into a call to the engine about one container. Names and prefixes
/// are looked up in the registry; the engine would resolve them as well, but among all containers of
/// the host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId([u8; 32]);

/// The identity of one create, drawn at random before the engine is asked.
///
/// It stands in the intent row and as a label on the container, so that a create whose answer was
/// lost can be found again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId([u8; 16]);

impl OperationId {
    /// An operation with these random bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

macro_rules! hex_identity {
    ($identity:ident, $bytes:literal, $invalid:literal) => {
        impl FromStr for $identity {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let mut bytes = [0; $bytes];
                decode_hex(text, &mut bytes).ok_or(Invalid($invalid))?;
                Ok(Self(bytes))
            }
        }

        impl fmt::Display for $identity {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0
                    .iter()
                    .try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $identity {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    };
}

hex_identity!(ContainerId, 32, "must be 64 lower-case hex digits");
hex_identity!(OperationId, 16, "must be 32 lower-case hex digits");

fn decode_hex(text: &str, bytes: &mut [u8]) -> Option<()> {
    if text.len() != bytes.len() * 2 {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = hex_value(digits[0])? << 4 | hex_value(digits[1])?;
    }
    Some(())
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// A container's name, without the slash the engine puts before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The longest name that is accepted, so that every name fits into a line and into a file name.
    const MAX_BYTES: usize = 255;

    /// The name without a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.strip_prefix('/').unwrap_or(text);
        let first_is_fine = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        let rest_is_fine = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if first_is_fine && rest_is_fine && (2..=Self::MAX_BYTES).contains(&name.len()) {
            Ok(Self(name.into()))
        } else {
            Err(Invalid(
                "must be 2 to 255 letters, digits, dots, dashes or underscores, \
                 beginning with a letter or a digit",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_exactly_64_lower_case_hex_digits() {
        let text = "2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e";
        assert_eq!(text.parse::<ContainerId>().unwrap().to_string(), text);
        for wrong in [
            "",
            "2cd8",
            &text[1..],
            &text.to_uppercase(),
            &format!("{}/g", &text[2..]),
        ] {
            assert!(wrong.parse::<ContainerId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_read_with_and_without_the_slash() {
        assert_eq!("/hungry_bell".parse::<Name>(), "hungry_bell".parse());
        for wrong in [
            "",
            "/",
            "a",
            "-a",
            "a b",
            "//ab",
            "../images",
            "caf\u{e9}",
            &"a".repeat(256),
        ] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }
}
