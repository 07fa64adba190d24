//! A create operation that has no container yet.

use super::{Caller, ImageRef, Limits, Name, OperationId, Timestamp};

/// A create operation that was requested and has no container id yet.
///
/// The registry stores it before the engine is called. After a crash, the daemon finds the container of an open
/// creation by the label of the operation and removes it: no client has received its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// The identity of the operation.
    pub operation: OperationId,
    /// The image as named in the request.
    pub image: ImageRef,
    /// The requested name.
    pub name: Option<Name>,
    /// Limits of the container itself.
    pub limits: Limits,
    /// Limits that labels of the image set.
    pub label_limits: Limits,
    /// The idempotency key of the request.
    pub key: Option<IdempotencyKey>,
    /// When the creation was requested.
    pub opened_at: Timestamp,
    /// The client that requested it.
    pub requested_by: Caller,
}

/// The idempotency key of a create request, and the request it was sent with: the key cannot be used for another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key as the client chose it.
    pub key: String,
    /// A digest of the request: equal for equal requests only.
    pub request: String,
}
