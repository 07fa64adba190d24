//! The identity of a registry that no daemon has.

use std::process::Command;

use crate::docker::{docker, random};

/// The identity of one registry. Dropping it removes every container that carries it.
pub(crate) struct Instance(String);

impl Instance {
    /// An identity that nothing else has.
    pub(crate) fn new() -> Self {
        Self(random())
    }

    /// The same identity as that of a registry.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let filter = format!("label=spin-docker.instance={}", self.0);
        let found = docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]);
        for id in found.lines() {
            // It may be gone by now, which is what is wanted.
            let removed = Command::new("docker")
                .args(["rm", "--force", "--volumes", id])
                .output();
            drop(removed);
        }
    }
}
