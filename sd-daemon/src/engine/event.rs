//! Events of an engine.

use crate::domain::ContainerId;

/// A hint that something changed at the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineEvent {
    /// Events may have been missed: inspect every container.
    Resync,
    /// Inspect this container.
    Changed(ContainerId),
}
