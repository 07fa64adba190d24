//! Verifies a user and a password.
//!
//! Each address may fail ten times, then once every six seconds. Until then all logins from it get 429, even correct
//! ones, so that a correct guess cannot be distinguished. Logins from other addresses are not affected. Clients behind a
//! proxy that is not in `trusted_proxies` share the proxy's address, and therefore this limit.
//!
//! If only a hash of the password is configured, a verification takes time and memory. Two run at a time, some wait, and
//! the rest get 429. A successful login is remembered for a minute; failures are never remembered.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::hash_verification_pool::HashVerificationPool;
use crate::http::middleware::rate_limit::RateLimiter;
use crate::password::{self, Password};

/// Failed logins that an address may have at once. Users mistype passwords, and a script may have several clients.
const MAX_FAILURES: u32 = 10;
/// Interval after which an address may fail once more.
const FAILURE_INTERVAL: Duration = Duration::from_secs(6);
/// How long a successful login is remembered: clients that send requests often do not wait for a hash each time.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// The credentials of the API. Cheap to clone.
#[derive(Clone)]
pub struct Credentials(Arc<Verifier>);

struct Verifier {
    /// Random for each process. Digests of credentials are useless without it.
    key: SecretBox<[u8; 32]>,
    user: Arc<str>,
    stored: StoredCredential,
    failures: RateLimiter,
    pool: HashVerificationPool,
}

/// The configured credentials.
enum StoredCredential {
    Digest(Digest),
    Hash {
        hash: Box<PasswordHash>,
        recently_verified: Mutex<Option<(Digest, Instant)>>,
    },
}

/// A keyed digest of a user and a password.
type Digest = [u8; 32];

/// The reason why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    WrongCredentials,
    /// The address has too many failed logins. It may try again after this long.
    TooManyFailures(Duration),
    /// Too many logins wait for the verification of a hash.
    PoolFull,
}

impl Credentials {
    /// How long a client has to wait when too many logins are being verified.
    pub(super) const POOL_RETRY_AFTER: Duration = Duration::from_secs(1);

    /// Credentials of one user.
    pub fn new(user: &str, password: impl Into<Password>) -> Self {
        let mut key = Box::new([0; 32]);
        getrandom::fill(&mut *key).expect("the kernel has random numbers; the API is not safe without them");
        let stored = match password.into() {
            Password::Plain(password) => {
                StoredCredential::Digest(digest(&key, user, password.expose_secret()))
            }
            Password::Hashed(hash) => StoredCredential::Hash {
                hash,
                recently_verified: Mutex::default(),
            },
        };
        Self(Arc::new(Verifier {
            key: SecretBox::new(key),
            user: user.into(),
            stored,
            failures: RateLimiter::new(MAX_FAILURES, FAILURE_INTERVAL),
            pool: HashVerificationPool::default(),
        }))
    }

    /// Verifies the credentials of a login from an address. Returns the user.
    pub(super) async fn verify(
        &self,
        address: IpAddr,
        user: String,
        password: SecretString,
    ) -> Result<Arc<str>, Refusal> {
        let verifier = &self.0;
        verifier.check_failures(address)?;
        let presented = verifier.digest(&user, &password);
        match &verifier.stored {
            StoredCredential::Digest(correct) => verifier.decide(address, is_equal(correct, &presented))?,
            StoredCredential::Hash {
                hash,
                recently_verified,
            } if !is_recent(recently_verified, &presented) => {
                let (verifier, hash) = (Arc::clone(verifier), hash.clone());
                let outcome = self
                    .0
                    .pool
                    .run(move || verifier.verify_hash(address, &hash, &user, &password));
                outcome.await.unwrap_or(Err(Refusal::PoolFull))?;
            }
            StoredCredential::Hash { .. } => {}
        }
        Ok(Arc::clone(&verifier.user))
    }
}

impl Verifier {
    fn digest(&self, user: &str, password: &SecretString) -> Digest {
        digest(self.key.expose_secret(), user, password.expose_secret())
    }

    fn check_failures(&self, address: IpAddr) -> Result<(), Refusal> {
        self.failures
            .peek(address, Instant::now())
            .map_err(Refusal::TooManyFailures)
    }

    fn decide(&self, address: IpAddr, is_correct: bool) -> Result<(), Refusal> {
        if is_correct {
            return Ok(());
        }
        self.failures
            .check(address, Instant::now())
            .map_err(Refusal::TooManyFailures)?;
        Err(Refusal::WrongCredentials)
    }

    /// Takes the same time for an unknown user as for a wrong password.
    fn verify_hash(
        &self,
        address: IpAddr,
        hash: &PasswordHash,
        user: &str,
        password: &SecretString,
    ) -> Result<(), Refusal> {
        // While this login waited in the pool, another one may have used up the failures or verified the password.
        self.check_failures(address)?;
        let presented = self.digest(user, password);
        let StoredCredential::Hash {
            recently_verified, ..
        } = &self.stored
        else {
            return Err(Refusal::WrongCredentials);
        };
        if is_recent(recently_verified, &presented) {
            return Ok(());
        }
        let is_password = password::verify(hash, password.expose_secret());
        let is_user = is_equal(&self.digest(&self.user, password), &presented);
        let is_correct = is_password & is_user;
        if is_correct {
            *recently_verified.lock() = Some((presented, Instant::now()));
        }
        self.decide(address, is_correct)
    }
}

fn is_recent(recently_verified: &Mutex<Option<(Digest, Instant)>>, presented: &Digest) -> bool {
    let recent = *recently_verified.lock();
    recent.is_some_and(|(correct, at)| at.elapsed() < REMEMBERED_FOR && is_equal(&correct, presented))
}

/// Compares in constant time.
fn is_equal(correct: &Digest, presented: &Digest) -> bool {
    correct.ct_eq(presented).into()
}

fn digest(key: &[u8; 32], user: &str, password: &str) -> Digest {
    let mut code = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    // The length distinguishes "ab" with "c" from "a" with "bc".
    code.update(&(user.len() as u64).to_le_bytes());
    code.update(user.as_bytes());
    code.update(password.as_bytes());
    code.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
