//! Container ids, container names and operation ids.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use super::Invalid;

/// The engine's id of a container: 1 to 128 bytes of lower-case letters, digits and dashes.
///
/// The id is opaque: only the engine that returned it knows what it means. Calls to the engine contain
/// ids from the registry and never a name or a prefix, because the engine would resolve those among
/// all containers of the host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerId {
    // Unused bytes are zero and the bytes come before the length, so that ids are ordered as their text is.
    bytes: [u8; Self::MAX_BYTES],
    length: u8,
}

impl ContainerId {
    /// The length of the longest id, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// The length of the short form, in bytes.
    const SHORT_BYTES: usize = 12;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("from_str accepts ASCII only")
    }

    /// The first 12 bytes of the id, as `docker ps` shows it. The short form need not be unique.
    pub fn short(&self) -> &str {
        let text = self.as_str();
        text.get(..Self::SHORT_BYTES).unwrap_or(text)
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl FromStr for ContainerId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid("must be 1 to 128 lower-case letters, digits or dashes");
        let is_id_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || !text.bytes().all(is_id_byte) {
            return Err(INVALID);
        }
        let mut bytes = [0; Self::MAX_BYTES];
        let used = bytes.get_mut(..text.len()).ok_or(INVALID)?;
        used.copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).map_err(|_| INVALID)?;
        Ok(Self { bytes, length })
    }
}

impl Hash for ContainerId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The identity of one create, drawn at random before the engine is called.
///
/// The daemon stores it with the intent and puts it on the container as a label. If the reply to the create
/// call is lost, the daemon finds the container by this label.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId([u8; 16]);

impl OperationId {
    /// Makes an operation id from 16 random bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for OperationId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut bytes = [0; 16];
        decode_hex(text, &mut bytes).ok_or(Invalid("must be 32 lower-case hex digits"))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for OperationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

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

/// The name of a container, without the leading slash of the Docker API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The length of the longest name, in bytes. A file name has the same limit.
    const MAX_BYTES: usize = 255;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name looks like the id of a Docker container: 64 lower-case hex digits.
    ///
    /// Docker looks for a container of that name if it has no container with that id.
    pub fn is_like_an_id(&self) -> bool {
        self.0.len() == 64 && self.0.bytes().all(|byte| hex_value(byte).is_some())
    }
}

impl FromStr for Name {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.strip_prefix('/').unwrap_or(text);
        let is_first_valid = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        let is_rest_valid = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if is_first_valid && is_rest_valid && (2..=Self::MAX_BYTES).contains(&name.len()) {
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

    const DOCKER_ID: &str = "2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e";

    #[test]
    fn container_id_is_1_to_128_letters_digits_or_dashes() {
        for text in [DOCKER_ID, "7", "web-1", &"a".repeat(128)] {
            assert_eq!(text.parse::<ContainerId>().unwrap().to_string(), text);
        }
        for invalid in [
            "",
            &DOCKER_ID.to_uppercase(),
            "../images",
            "a/b",
            "a?b",
            "a%2Fb",
            "a.b",
            "a b",
            "a\0",
            "caf\u{e9}",
            &"a".repeat(129),
        ] {
            assert!(invalid.parse::<ContainerId>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn container_ids_are_ordered_as_text() {
        let mut ids = ["b", "a", "ab", "a-", "aa"].map(|text| text.parse::<ContainerId>().unwrap());
        ids.sort_unstable();
        assert_eq!(ids.map(|id| id.to_string()), ["a", "a-", "aa", "ab", "b"]);
    }

    #[test]
    fn short_form_has_at_most_12_bytes() {
        let short = |text: &str| text.parse::<ContainerId>().unwrap().short().to_owned();
        assert_eq!(short(DOCKER_ID), "2cd8a1b037d8");
        assert_eq!(short("web-1"), "web-1");
    }

    #[test]
    fn name_is_parsed_with_and_without_the_slash() {
        assert_eq!("/hungry_bell".parse::<Name>(), "hungry_bell".parse());
        for invalid in [
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
            assert!(invalid.parse::<Name>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn only_64_hex_digits_are_like_an_id() {
        let is_like_an_id = |text: &str| text.parse::<Name>().unwrap().is_like_an_id();
        assert!(is_like_an_id(DOCKER_ID));
        assert!(!is_like_an_id(&DOCKER_ID[1..]));
        assert!(!is_like_an_id(&DOCKER_ID.to_uppercase()));
        assert!(!is_like_an_id("web"));
    }

    #[test]
    fn operation_id_parses_what_it_prints() {
        let text = "0123456789abcdef0123456789abcdef";
        let operation: OperationId = text.parse().unwrap();
        assert_eq!(
            operation.as_bytes()[..8],
            [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]
        );
        assert_eq!(
            (operation.to_string(), format!("{operation:?}")),
            (text.to_owned(), text.to_owned())
        );
        for invalid in [
            "",
            &text[1..],
            &text.to_uppercase(),
            "0123456789abcdef0123456789abcdeg",
        ] {
            assert!(invalid.parse::<OperationId>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn container_id_is_logged_as_its_text() {
        let id: ContainerId = DOCKER_ID.parse().unwrap();
        assert_eq!(format!("{id:?}"), DOCKER_ID);
    }

    #[test]
    fn invalid_name_says_what_is_allowed() {
        let error = "-a".parse::<Name>().unwrap_err();
        assert!(
            error.to_string().starts_with("must be 2 to 255 letters"),
            "{error}"
        );
    }
}
