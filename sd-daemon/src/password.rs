//! The password of the API: in clear text or as an argon2id hash.

use std::fmt;

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// The prefix of hashes in PHC format.
const HASH_PREFIX: &str = "$argon2";
/// The most memory that a check may use, in KiB. Two checks run at once.
const MAX_MEMORY: u32 = 256 * 1024;
/// The most passes over that memory.
const MAX_PASSES: u32 = 16;
/// From this number of blocks on (33 MiB), glibc returns freed memory to the kernel at once.
const MIN_ALLOCATED_BLOCKS: usize = 33 * 1024;

/// A password or its hash. `Debug` shows neither.
#[derive(Clone)]
pub enum Password {
    /// The password itself.
    Plain(SecretString),
    /// Its hash.
    Hashed(Box<PasswordHash>),
}

impl Password {
    /// Reads the contents of a password file. A text that begins like a hash has to be a usable one.
    pub fn parse(text: SecretString) -> Result<Self, String> {
        if !text.expose_secret().starts_with(HASH_PREFIX) {
            return Ok(Self::Plain(text));
        }
        let hash = PasswordHash::new(text.expose_secret())
            .map_err(|error| format!("is not a complete hash ({error})"))?;
        if hash.algorithm != Algorithm::Argon2id.ident() {
            return Err(format!(
                "is a hash of type {}; only argon2id is supported",
                hash.algorithm
            ));
        }
        let params = Params::try_from(&hash)
            .map_err(|error| format!("is a hash with invalid parameters ({error})"))?;
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err("is a hash without its last part".to_owned());
        }
        if params.m_cost() > MAX_MEMORY || params.t_cost() > MAX_PASSES {
            return Err(format!(
                "is a hash that is too expensive to check; the limits are m={MAX_MEMORY} and t={MAX_PASSES}"
            ));
        }
        Ok(Self::Hashed(Box::new(hash)))
    }

    /// Whether it is this password. For a hash this takes tens of milliseconds.
    pub fn is(&self, password: &str) -> bool {
        match self {
            Self::Plain(plain) => plain.expose_secret() == password,
            Self::Hashed(hash) => verify(hash, password),
        }
    }
}

impl From<&str> for Password {
    fn from(password: &str) -> Self {
        Self::Plain(SecretString::from(password))
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

/// Returns a hash of a password, for a password file. The salt is random, so each call returns another hash.
pub fn hash(password: &SecretString) -> Result<String, String> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.expose_secret().as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

/// Whether a password has this hash. Takes tens of milliseconds and tens of megabytes.
pub fn verify(hash: &PasswordHash, password: &str) -> bool {
    let (Some(salt), Some(expected), Ok((version, params))) = (&hash.salt, &hash.hash, costs(hash)) else {
        return false;
    };
    let mut memory = allocate(params.block_count());
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

/// Allocates memory that returns to the kernel when it is dropped.
///
/// glibc keeps smaller allocations in the arena of each thread that made one. Reserved pages that are not used cost
/// nothing.
fn allocate(blocks: usize) -> Vec<Block> {
    let mut memory = Vec::with_capacity(blocks.max(MIN_ALLOCATED_BLOCKS));
    memory.resize(blocks, Block::new());
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(password: &str) -> SecretString {
        SecretString::from(hash(&SecretString::from(password)).unwrap())
    }

    fn parse_hash(text: SecretString) -> Box<PasswordHash> {
        match Password::parse(text).unwrap() {
            Password::Hashed(hash) => hash,
            Password::Plain(_) => panic!("expected a hash"),
        }
    }

    #[test]
    fn hash_verifies_its_password_only() {
        let hashed = parse_hash(hash_of("correct horse"));
        assert!(verify(&hashed, "correct horse"));
        assert!(!verify(&hashed, "correct horse "));
        assert!(!verify(&hashed, ""));
    }

    #[test]
    fn hash_of_the_reference_implementation_is_verified() {
        let known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify(&parse_hash(known.into()), "password"));
    }

    #[test]
    fn unusable_hash_is_rejected_with_a_reason() {
        for (text, reason) in [
            ("$argon2id$", "not a complete hash"),
            (
                "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
                "argon2i;",
            ),
            ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ", "last part"),
            (
                "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                "too expensive",
            ),
        ] {
            let error = Password::parse(text.into()).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(Password::parse("$ecret".into()).unwrap().is("$ecret"));
    }

    #[test]
    fn debug_shows_neither_password_nor_hash() {
        assert_eq!(format!("{:?}", Password::from("secret")), "********");
        let hashed = Password::parse(hash_of("secret")).unwrap();
        assert_eq!(format!("{hashed:?}"), "******** (hashed)");
    }
}
