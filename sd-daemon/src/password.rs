//! The password of the API: as it is, or as a hash that cannot be turned back into it.

use std::fmt;

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;

/// What a hash begins with.
const HASHED: &str = "$argon2";
/// The most memory that checking a password may take, in KiB. Two are checked at once.
const MOST_MEMORY: u32 = 256 * 1024;
/// The most passes over that memory.
const MOST_PASSES: u32 = 16;

/// From this number of blocks on, allocators give memory back at once: 33 MiB, for glibc.
const KEPT_BY_NOBODY: usize = 33 * 1024;

/// A password, of which at least something is known. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// The password itself.
    Plain(String),
    /// Its hash.
    Hashed(Box<PasswordHash>),
}

impl Password {
    /// Reads what is in a password file. What begins like a hash has to be one.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with(HASHED) {
            return Ok(Self::from(text));
        }
        let hash = PasswordHash::new(text).map_err(|error| format!("is not a whole hash ({error})"))?;
        if hash.algorithm != Algorithm::Argon2id.ident() {
            return Err(format!("is a hash by {}: only argon2id is known", hash.algorithm));
        }
        let params =
            Params::try_from(&hash).map_err(|error| format!("is a hash that cannot be used: {error}"))?;
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err("is a hash without its last part".to_owned());
        }
        if params.m_cost() > MOST_MEMORY || params.t_cost() > MOST_PASSES {
            return Err(format!(
                "is a hash that takes too long to check: at most m={MOST_MEMORY} and t={MOST_PASSES} are allowed"
            ));
        }
        Ok(Self::Hashed(Box::new(hash)))
    }

    /// Whether it is this one, which everybody knows. Of a hash that takes tens of milliseconds to say.
    pub fn is(&self, known: &str) -> bool {
        match self {
            Self::Plain(password) => password == known,
            Self::Hashed(hash) => is_of(hash, known),
        }
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Self::Plain(password.to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain(_) => "********",
            Self::Hashed(_) => "******** (hashed)",
        })
    }
}

/// A hash of a password, for a password file. It differs each time.
pub fn hash(password: &str) -> Result<String, String> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether a hash is of this password. Takes tens of milliseconds and tens of megabytes.
pub fn is_of(hash: &PasswordHash, password: &str) -> bool {
    let (Some(salt), Some(expected), Ok((version, params))) = (&hash.salt, &hash.hash, costs(hash)) else {
        return false;
    };
    let mut memory = memory(params.block_count());
    let mut computed = [0; Output::MAX_LENGTH];
    let computed = &mut computed[..expected.len()];
    Argon2::new(Algorithm::Argon2id, version, params)
        .hash_password_into_with_memory(password.as_bytes(), salt, computed, &mut memory)
        .is_ok_and(|()| expected.as_bytes().ct_eq(computed).into())
}

fn costs(hash: &PasswordHash) -> Result<(Version, Params), String> {
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from);
    let version = version.map_err(|error| error.to_string())?;
    let params = Params::try_from(hash).map_err(|error| error.to_string())?;
    Ok((version, params))
}

/// Memory that goes back to the system when it is dropped. Of a smaller piece the allocator keeps one for each thread
/// that ever had one. What is reserved and not used costs nothing.
fn memory(blocks: usize) -> Vec<Block> {
    let mut memory = Vec::with_capacity(blocks.max(KEPT_BY_NOBODY));
    memory.resize(blocks, Block::new());
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_password_and_of_no_other() {
        let Password::Hashed(hashed) = Password::parse(&hash("correct horse").unwrap()).unwrap() else {
            panic!("it is a hash")
        };
        assert!(is_of(&hashed, "correct horse"));
        assert!(!is_of(&hashed, "correct horse "));
        assert!(!is_of(&hashed, ""));
    }

    #[test]
    fn what_other_programs_hash_is_understood() {
        // From the tests of the reference implementation.
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let Password::Hashed(hash) = Password::parse(known).unwrap() else {
            panic!("it is a hash")
        };
        assert!(is_of(&hash, "password"));
    }

    #[test]
    fn what_begins_like_a_hash_has_to_be_one_that_can_be_used() {
        for (text, reason) in [
            ("$argon2id$", "not a whole hash"),
            (
                "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
                "argon2i:",
            ),
            ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ", "last part"),
            (
                "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                "too long",
            ),
        ] {
            let error = Password::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert_eq!(Password::parse("$ecret").unwrap(), Password::from("$ecret"));
    }

    #[test]
    fn neither_a_password_nor_its_hash_is_shown() {
        assert_eq!(format!("{:?}", Password::from("secret")), "********");
        let hashed = Password::parse(&hash("secret").unwrap()).unwrap();
        assert_eq!(format!("{hashed:?}"), "******** (hashed)");
    }
}
