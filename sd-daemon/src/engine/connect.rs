//! Picks the engine from the settings and constructs it.

use std::sync::Arc;

use super::docker::DockerEngine;
use super::{ConnectOptions, Engine};

/// Constructs the engine. The engine may be unavailable: the first call connects to it.
pub fn engine(options: ConnectOptions) -> Arc<dyn Engine> {
    Arc::new(DockerEngine::new(options))
}
