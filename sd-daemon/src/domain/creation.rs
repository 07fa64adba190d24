//! The wish for a container that the engine has not made yet.

use super::{ImageRef, Limits, Name, OperationId, Timestamp};

/// A create that was asked for and has no container id yet.
///
/// It is written down before the engine is asked. What it leaves behind after a crash is found by the
/// operation's label, and removed: nobody was ever told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Identity of this create.
    pub operation: OperationId,
    /// The image as it was named.
    pub image: ImageRef,
    /// The name that was asked for.
    pub name: Option<Name>,
    /// The container's own limits.
    pub limits: Limits,
    /// The limits that labels of the image set.
    pub label_limits: Limits,
    /// What makes a repetition of the request the same request.
    pub key: Option<IdempotencyKey>,
    /// When it was asked for.
    pub opened_at: Timestamp,
}

/// The caller's key of a create, and what the request said, so that another one cannot hide behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// As the caller chose it.
    pub key: String,
    /// The request, or what stands for it: the same for the same request, and no other.
    pub request: String,
}
