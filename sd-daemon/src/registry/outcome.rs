//! Results of registry operations.

use std::sync::Arc;

use crate::domain::{Effect, OperationId, Record};

/// The result of applying an input to a record.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The record after the input, or `None` if it was deleted or never existed.
    pub record: Option<Arc<Record>>,
    /// Whether the input changed the record.
    pub change: Change,
    /// The engine call that follows, if any.
    pub effect: Option<Effect>,
}

/// Whether an input changed a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The record is the same as before.
    Unchanged,
    /// The record was changed or deleted.
    Changed,
}

/// The result of opening a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenOutcome {
    /// The creation is saved; the create can proceed.
    Opened,
    /// The same request with the same key was received before, as this operation.
    Duplicate(OperationId),
    /// The key was used by a different request.
    KeyReused,
    /// The maximum number of containers is reached.
    LimitReached,
}

/// The result of looking up an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyLookup {
    /// No request used the key within its lifetime.
    Unused,
    /// The same request used the key, as this operation.
    SameRequest(OperationId),
    /// A different request used the key.
    DifferentRequest,
}
