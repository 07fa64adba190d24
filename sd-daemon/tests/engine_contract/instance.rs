//! The identity of a registry that no daemon uses.

use std::process::Command;

use crate::docker::{docker, random};

/// The identity of a registry. Dropping it removes every container with its label.
pub(crate) struct Instance(String);

impl Instance {
    /// A random identity.
    pub(crate) fn new() -> Self {
        Self(random())
    }

    /// The identity as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let filter = format!("label=spin-docker.instance={}", self.0);
        let found = docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]);
        for id in found.lines() {
            // A failure means that it is gone already.
            let removed = Command::new("docker")
                .args(["rm", "--force", "--volumes", id])
                .output();
            drop(removed);
        }
    }
}
