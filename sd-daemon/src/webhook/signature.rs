//! Signatures of the Standard Webhooks specification, version 1: HMAC-SHA256 over id, time and body.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a secret in the specification's form begins with; base64 follows.
const PREFIX: &str = "whsec_";

/// What posts are signed with. It does not show up where it does not belong.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

/// Why a text is no secret.
#[derive(Debug, thiserror::Error)]
#[error("what follows {PREFIX} must be the secret in base64, such as `openssl rand -base64 32` makes it")]
pub struct UnusableKey;

impl SigningKey {
    /// The key that a secret stands for: after `whsec_` its bytes are in base64, any other text is the key as
    /// it is.
    pub fn of(secret: &str) -> Result<Self, UnusableKey> {
        let Some(encoded) = secret.strip_prefix(PREFIX) else {
            return Ok(Self(secret.as_bytes().to_owned()));
        };
        match STANDARD_PAD_INDIFFERENT.decode(encoded) {
            Ok(key) if !key.is_empty() => Ok(Self(key)),
            Ok(_) | Err(_) => Err(UnusableKey),
        }
    }

    /// The signature of a post, as its header has it. `seconds` is the time that the post names.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key may have any length");
        code.update(format!("{id}.{seconds}.").as_bytes());
        code.update(body);
        format!("v1,{}", STANDARD.encode(code.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("********")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the tests of the specification's own libraries.
    #[test]
    fn a_signature_is_the_one_that_the_specification_gives_as_an_example() {
        let key = SigningKey::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_base64_after_its_prefix_and_its_own_bytes_otherwise() {
        assert_eq!(
            SigningKey::of("whsec_aHVzaA==").unwrap(),
            SigningKey::of("hush").unwrap()
        );
        assert_eq!(
            SigningKey::of("whsec_aHVzaA").unwrap(),
            SigningKey::of("hush").unwrap()
        );
        for wrong in ["whsec_", "whsec_not base64", "whsec_aHVzaA==="] {
            assert!(SigningKey::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_does_not_show() {
        assert_eq!(format!("{:?}", SigningKey::of("hush").unwrap()), "********");
    }
}
