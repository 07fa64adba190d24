//! HTTP basic authentication.
//!
//! Guessing is slow: an address from which wrong passwords came may try again only now and then. Until then it is told
//! so whatever it presents, also what is right; otherwise the answer would still tell a good guess. Others notice
//! nothing of it. Behind a proxy that the settings do not name all clients have the proxy's address, and share this.
//!
//! Where there is only a hash of the password, checking takes time and memory. Two are checked at once, some wait, and
//! the rest is told to come later; what was right is remembered for a minute.

mod hash_verification;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::client_address::Proxies;
use super::rate_limit::RateLimiter;
use crate::http::problem::Problem;
use crate::password::{self, Password};
use crate::server::{Connection, Peer};
use hash_verification::HashVerificationPool;

/// Wrong passwords that may come from an address at once; people mistype, and scripts have several clients.
const WRONG_AT_ONCE: u32 = 10;
/// After this long one more may come.
const WRONG_INTERVAL: Duration = Duration::from_secs(6);
/// How long it is remembered that a password was right: as long as a client that asks often does not notice the hash.
const MEMORY: Duration = Duration::from_secs(60);
/// Who finds all places to wait for a check taken comes again after this long.
const CROWDED: Duration = Duration::from_secs(1);

/// Who may use the API. Cheap to clone.
#[derive(Clone)]
pub struct Credentials(Arc<Guard>);

struct Guard {
    /// Only this process knows it: what is kept of credentials that were presented says nothing without it.
    key: [u8; 32],
    user: String,
    proof: StoredCredential,
    failures: RateLimiter,
    turnstile: HashVerificationPool,
}

/// What is known of the right credentials.
enum StoredCredential {
    Digest(Digest),
    Hash {
        hash: Box<PasswordHash>,
        lately: Mutex<Option<(Digest, Instant)>>,
    },
}

/// Stands for a user and a password.
type Digest = [u8; 32];

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Wrong,
    /// Too many wrong passwords came from there.
    Blocked(Duration),
    /// Too many passwords are being checked.
    Crowded,
}

impl Credentials {
    /// A user and a password.
    pub fn new(user: &str, password: impl Into<Password>) -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("a kernel without random numbers protects nothing");
        let proof = match password.into() {
            Password::Plain(password) => StoredCredential::Digest(digest(&key, user, &password)),
            Password::Hashed(hash) => StoredCredential::Hash {
                hash,
                lately: Mutex::default(),
            },
        };
        Self(Arc::new(Guard {
            key,
            user: user.to_owned(),
            proof,
            failures: RateLimiter::new(WRONG_AT_ONCE, WRONG_INTERVAL),
            turnstile: HashVerificationPool::default(),
        }))
    }

    /// Checks what came from an address.
    async fn check(&self, source: IpAddr, user: String, password: String) -> Result<(), Refusal> {
        let guard = &self.0;
        guard.is_open_to(source)?;
        let presented = digest(&guard.key, &user, &password);
        match &guard.proof {
            StoredCredential::Digest(right) => guard.decide(source, is_same(right, &presented)),
            StoredCredential::Hash { hash, lately } if !was_right(lately, &presented) => {
                let (guard, hash) = (Arc::clone(guard), hash.clone());
                let checked = self
                    .0
                    .turnstile
                    .run(move || guard.hash_and_decide(source, &hash, &user, &password));
                checked.await.unwrap_or(Err(Refusal::Crowded))
            }
            StoredCredential::Hash { .. } => Ok(()),
        }
    }
}

impl Guard {
    fn is_open_to(&self, source: IpAddr) -> Result<(), Refusal> {
        self.failures
            .look(source, Instant::now())
            .map_err(Refusal::Blocked)
    }

    fn decide(&self, source: IpAddr, is_right: bool) -> Result<(), Refusal> {
        if is_right {
            return Ok(());
        }
        self.failures
            .take(source, Instant::now())
            .map_err(Refusal::Blocked)?;
        Err(Refusal::Wrong)
    }

    /// Takes as long for a user who is not known. While this waited for its turn, others may have answered the question.
    fn hash_and_decide(
        &self,
        source: IpAddr,
        hash: &PasswordHash,
        user: &str,
        password: &str,
    ) -> Result<(), Refusal> {
        self.is_open_to(source)?;
        let presented = digest(&self.key, user, password);
        let StoredCredential::Hash { lately, .. } = &self.proof else {
            return Err(Refusal::Wrong);
        };
        if was_right(lately, &presented) {
            return Ok(());
        }
        let is_password = password::is_of(hash, password);
        let is_user = is_same(&digest(&self.key, &self.user, password), &presented);
        let is_right = is_password & is_user;
        if is_right {
            *lately.lock().unwrap_or_else(PoisonError::into_inner) = Some((presented, Instant::now()));
        }
        self.decide(source, is_right)
    }
}

/// Nothing that holds this lock can panic.
fn was_right(lately: &Mutex<Option<(Digest, Instant)>>, presented: &Digest) -> bool {
    let lately = *lately.lock().unwrap_or_else(PoisonError::into_inner);
    lately.is_some_and(|(right, at)| at.elapsed() < MEMORY && is_same(&right, presented))
}

/// Compares without telling by the time it takes how much was right.
fn is_same(right: &Digest, presented: &Digest) -> bool {
    right.ct_eq(presented).into()
}

fn digest(key: &[u8; 32], user: &str, password: &str) -> Digest {
    let mut code = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    // The length keeps "ab" with "c" apart from "a" with "bc".
    code.update(&(user.len() as u64).to_le_bytes());
    code.update(user.as_bytes());
    code.update(password.as_bytes());
    code.finalize().into_bytes().into()
}

/// Lets a request pass that carries the credentials.
pub(in crate::http) async fn require(
    State((credentials, proxies)): State<(Credentials, Proxies)>,
    Extension(peer): Extension<Peer>,
    Extension(guest): Extension<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    // Nothing was guessed by who presents nothing.
    let (user, password) = presented(request.headers()).ok_or_else(Problem::unauthorized)?;
    let source = proxies.client(peer.address(), request.headers());
    match credentials.check(source, user, password).await {
        Ok(()) => {
            guest.authenticated();
            Ok(next.run(request).await)
        }
        Err(Refusal::Wrong) => Err(Problem::unauthorized()),
        Err(Refusal::Blocked(wait)) => Err(Problem::too_often(
            "too many wrong passwords came from this address",
            wait,
        )),
        Err(Refusal::Crowded) => Err(Problem::too_often(
            "too many passwords are being checked",
            CROWDED,
        )),
    }
}

pub(in crate::http) fn presented(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests;
