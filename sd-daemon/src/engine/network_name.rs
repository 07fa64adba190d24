//! The name of a network at the engine.

use std::fmt;
use std::str::FromStr;

/// The name of a network. It becomes part of a request path, so it contains nothing with a meaning there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkName(Box<str>);

impl NetworkName {
    /// The network that the daemon creates itself.
    const MANAGED: &str = "spin-docker";

    /// The length of the longest name, in bytes.
    const MAX_BYTES: usize = 255;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the daemon creates this network itself.
    pub fn is_managed(&self) -> bool {
        &*self.0 == Self::MANAGED
    }
}

impl Default for NetworkName {
    fn default() -> Self {
        Self(Self::MANAGED.into())
    }
}

impl FromStr for NetworkName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut bytes = text.bytes();
        let is_name = bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if is_name && text.len() <= Self::MAX_BYTES {
            Ok(Self(text.into()))
        } else {
            Err("must be the name of a Docker network, such as spin-docker or bridge".to_owned())
        }
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_name_has_no_path_syntax() {
        for name in ["bridge", "spin-docker", "a_b.c-1"] {
            assert!(name.parse::<NetworkName>().is_ok(), "{name}");
        }
        for name in [
            "",
            "../x",
            "a/b",
            "a?b",
            "-a",
            "container:web",
            "a b",
            &"a".repeat(256),
        ] {
            assert!(name.parse::<NetworkName>().is_err(), "{name}");
        }
    }
}
