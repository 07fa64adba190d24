//! The labels of containers, images and networks that spin-docker writes or reads.
//!
//! Labels of an image become labels of its containers. A label is therefore never proof that this daemon created a
//! container.

/// Names the create that a container came from. The daemon writes it on every container.
pub const OPERATION: &str = "spin-docker.operation";

/// Names the registry that a container belongs to. The daemon writes it on every container.
pub const INSTANCE: &str = "spin-docker.instance";

/// Marks the network that the daemon creates, for people. The daemon writes it on the network.
pub const NETWORK: &str = "spin-docker.network";

/// Names the port of the application. The author of an image writes it.
pub const APP_PORT: &str = "spin-docker.app-port";

/// Sets the idle timeout of an image's containers. The author of an image writes it.
pub const IDLE_TIMEOUT: &str = "spin-docker.idle-timeout";

/// Sets the maximum lifetime of an image's containers. The author of an image writes it.
pub const MAX_LIFETIME: &str = "spin-docker.max-lifetime";

/// Sets the time from stop to removal of an image's containers. The author of an image writes it.
pub const REMOVE_AFTER: &str = "spin-docker.remove-after";
