//! The description of a container to create.

use crate::domain::{ContainerPort, ImageRef, Name, OperationId};

/// A container to create. Everything that is not here is the same for every container and belongs to the engine's
/// policy.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerSpec {
    /// The create that this container belongs to.
    pub operation: OperationId,
    /// The image.
    pub image: ImageRef,
    /// The name. Without one the engine picks a name.
    pub name: Option<Name>,
    /// Environment variables as `KEY=value`.
    pub environment: Vec<String>,
    /// Command and arguments. If empty, the image's own command runs.
    pub command: Vec<String>,
    /// Memory limit in bytes.
    pub memory_bytes: Option<u64>,
    /// Processor limit in billionths of a core.
    pub nano_cpus: Option<u64>,
    /// Ports to publish.
    pub ports: Vec<ContainerPort>,
}
