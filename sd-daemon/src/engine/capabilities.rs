//! The capabilities of an engine.

/// The functions of an engine that differ between engines and their setups.
///
/// An engine reports them after it was connected. A caller checks a capability before it offers a function to users;
/// a call without the capability returns an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each flag is an independent function of the engine"
)]
pub struct Capabilities {
    /// The processes of containers may be visible on this host. Without it, containers must check in.
    pub probe: bool,
    /// Containers can be paused and unpaused.
    pub pause: bool,
    /// Containers can be renamed.
    pub rename: bool,
    /// Limits of a running container can be changed.
    pub update: bool,
    /// The engine keeps the output of main processes.
    pub logs: bool,
    /// The engine can download images.
    pub pull: bool,
    /// Commands can be run in containers.
    pub exec: bool,
    /// Containers can be put on networks of their own.
    pub networks: bool,
}

/// The name and the capabilities that an engine reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Product and version for people, for example `Docker 20.10.24`.
    pub name: String,
    /// The functions that it has.
    pub capabilities: Capabilities,
}
