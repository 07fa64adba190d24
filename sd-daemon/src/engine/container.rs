//! Containers as an engine lists them.

use crate::domain::{ContainerId, OperationId};

/// A container with an operation label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Managed {
    /// The container.
    pub id: ContainerId,
    /// The create that the label names. The label is a hint: only an open intent in the registry proves that this
    /// daemon created the container.
    pub operation: OperationId,
}

/// A container with an instance label, as shown to an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledContainer {
    /// The container.
    pub id: ContainerId,
    /// The registry that the label names.
    pub instance: String,
    /// The name, as the engine shows it.
    pub name: String,
    /// The image.
    pub image: String,
    /// The state, as the engine shows it, for example `Up 3 hours`.
    pub state: String,
}
