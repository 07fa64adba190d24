//! The token by which a container is known where its address does not tell: remote and rootless engines,
//! networks that hide who calls.
//!
//! It is made from the container's operation and the registry's secret, so there is nothing to keep: not on
//! the disk, and not through a crash.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::OperationId;

/// Bytes of the seal on a token. More than anybody can guess.
const SEAL_BYTES: usize = 16;

/// The token of the container that an operation made.
pub(super) fn of(operation: OperationId, secret: &str) -> String {
    let seal = seal(operation, secret).finalize().into_bytes();
    let digits = seal[..SEAL_BYTES].iter().map(|byte| format!("{byte:02x}"));
    format!("{operation}.{}", digits.collect::<String>())
}

/// The operation that a token names, when it is one of ours.
pub(super) fn read(token: &str, secret: &str) -> Option<OperationId> {
    let (operation, given) = token.split_once('.')?;
    let operation = operation.parse().ok()?;
    let mut bytes = [0; SEAL_BYTES];
    // An identity of as many bytes is read the same way.
    bytes.copy_from_slice(given.parse::<OperationId>().ok()?.as_bytes());
    seal(operation, secret).verify_truncated_left(&bytes).ok()?;
    Some(operation)
}

fn seal(operation: OperationId, secret: &str) -> Hmac<Sha256> {
    let mut seal = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key may have any length");
    seal.update(b"check-in ");
    seal.update(operation.to_string().as_bytes());
    seal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_operation_and_no_other_text_does() {
        let operation: OperationId = "cd".repeat(16).parse().unwrap();
        let token = of(operation, "secret");
        assert_eq!(read(&token, "secret"), Some(operation));
        assert_eq!(read(&token, "another"), None);
        let other = format!("{}{}", "ab".repeat(16), &token[32..]);
        for wrong in ["", ".", &token[..40], &token.to_uppercase(), &other] {
            assert_eq!(read(wrong, "secret"), None, "{wrong}");
        }
    }
}
