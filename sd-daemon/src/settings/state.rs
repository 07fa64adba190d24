//! Where the registry is.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::SettingsError;

/// Where the registry is.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Registry")]
pub struct StateOptions {
    /// Keep the registry in this directory [default: /var/lib/spin-docker as root].
    ///
    /// For other users the default is spin-docker in their own state directory.
    #[arg(long, global = true, env = "SD_DAEMON_STATE_DIR", value_name = "DIRECTORY")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_dir: Option<PathBuf>,
}

impl StateOptions {
    /// Sets the default directory of this user if none is set, and returns the directory.
    pub(super) fn resolve(&mut self) -> Result<PathBuf, SettingsError> {
        let directory = match self.state_dir.take() {
            Some(directory) => directory,
            None => default_directory()?,
        };
        Ok(self.state_dir.insert(directory).clone())
    }
}

fn default_directory() -> Result<PathBuf, SettingsError> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/spin-docker"));
    }
    let directories = directories::ProjectDirs::from("", "", "spin-docker");
    let directory = directories.as_ref().and_then(directories::ProjectDirs::state_dir);
    directory
        .map(Path::to_owned)
        .ok_or_else(|| SettingsError::invalid("state_dir", "has no default without a home directory: set it"))
}
