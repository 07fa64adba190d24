//! Check-in tokens: identify a container where its address does not, as with remote and rootless engines and
//! on networks that hide the sender.
//!
//! A token consists of the id of the operation that created the container and of a MAC over it, keyed with
//! the registry's secret. Tokens are therefore not stored, and survive a crash.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::OperationId;

/// Bytes of the MAC in a token: 128 bits cannot be guessed.
const MAC_BYTES: usize = 16;

/// The token of the container that an operation created.
pub(super) fn issue(operation: OperationId, secret: &str) -> String {
    let mac = mac(operation, secret).finalize().into_bytes();
    let digits = mac[..MAC_BYTES].iter().map(|byte| format!("{byte:02x}"));
    format!("{operation}.{}", digits.collect::<String>())
}

/// The operation in a token. Returns `None` if this registry has not issued the token.
pub(super) fn verify(token: &str, secret: &str) -> Option<OperationId> {
    let (operation, given) = token.split_once('.')?;
    let operation = operation.parse().ok()?;
    let mut bytes = [0; MAC_BYTES];
    // The MAC is as long as an operation id, and has the same format.
    bytes.copy_from_slice(given.parse::<OperationId>().ok()?.as_bytes());
    mac(operation, secret).verify_truncated_left(&bytes).ok()?;
    Some(operation)
}

fn mac(operation: OperationId, secret: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC accepts keys of any length");
    mac.update(b"check-in ");
    mac.update(operation.to_string().as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_identifies_its_operation_and_cannot_be_altered() {
        let operation: OperationId = "cd".repeat(16).parse().unwrap();
        let token = issue(operation, "secret");
        assert_eq!(verify(&token, "secret"), Some(operation));
        assert_eq!(verify(&token, "another"), None);
        let other = format!("{}{}", "ab".repeat(16), &token[32..]);
        for wrong in ["", ".", &token[..40], &token.to_uppercase(), &other] {
            assert_eq!(verify(wrong, "secret"), None, "{wrong}");
        }
    }
}
