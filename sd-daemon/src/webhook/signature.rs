//! Signatures of the Standard Webhooks specification, version 1: HMAC-SHA256 over id, timestamp and body.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// The prefix of a secret in the form of the specification. The key follows in base64.
const PREFIX: &str = "whsec_";

/// The key that signs posts. `Debug` does not show it.
#[derive(Clone, Debug)]
pub struct SigningKey(SecretSlice<u8>);

/// The error for a secret that is not a key.
#[derive(Debug, thiserror::Error)]
#[error("the part after {PREFIX} is not a base64 key; `openssl rand -base64 32` makes one")]
pub struct InvalidKey;

impl SigningKey {
    /// Reads a key. After `whsec_` the bytes of the key are in base64; any other text is the key itself.
    ///
    /// # Errors
    ///
    /// Fails if the part after `whsec_` is empty or not base64.
    pub fn parse(secret: &str) -> Result<Self, InvalidKey> {
        let Some(encoded) = secret.strip_prefix(PREFIX) else {
            return Ok(Self(secret.as_bytes().to_owned().into()));
        };
        match STANDARD_PAD_INDIFFERENT.decode(encoded) {
            Ok(key) if !key.is_empty() => Ok(Self(key.into())),
            Ok(_) | Err(_) => Err(InvalidKey),
        }
    }

    /// Returns the value of the signature header. `seconds` is the value of the timestamp header.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        let mut code =
            Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("HMAC accepts keys of any length");
        code.update(format!("{id}.{seconds}.").as_bytes());
        code.update(body);
        format!("v1,{}", STANDARD.encode(code.finalize().into_bytes()))
    }
}

impl PartialEq for SigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the tests of the reference libraries of the specification.
    #[test]
    fn signature_matches_the_example_of_the_specification() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn key_is_base64_after_the_prefix_and_plain_otherwise() {
        let plain = SigningKey::parse("hush").unwrap();
        assert_eq!(SigningKey::parse("whsec_aHVzaA==").unwrap(), plain);
        assert_eq!(SigningKey::parse("whsec_aHVzaA").unwrap(), plain);
        for wrong in ["whsec_", "whsec_not base64", "whsec_aHVzaA==="] {
            assert!(SigningKey::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn debug_output_hides_the_key() {
        let debug = format!("{:?}", SigningKey::parse("hush").unwrap());
        assert!(!debug.contains("hush") && !debug.contains("104"), "{debug}");
    }
}
