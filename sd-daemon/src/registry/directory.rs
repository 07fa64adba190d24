//! The state directory: who may use it, and one daemon at a time.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::OpenError;

/// A state directory that this process has for itself.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    /// The lock goes with the file.
    _lock: File,
}

impl StateDirectory {
    /// Makes the directory if it is missing and claims it; a second claim is refused.
    ///
    /// The directory is readable by its owner only: environment variables of containers and the keys of
    /// requests are nobody else's business.
    pub fn claim(path: &Path) -> Result<Self, OpenError> {
        let failed = |reason| OpenError::unusable(path, reason);
        if path.is_file() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        // One that was there keeps its mode, for it may hold other things. The files are private anyway.
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o022 != 0 {
            return Err(OpenError::Exposed {
                directory: path.display().to_string(),
            });
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(fs::TryLockError::WouldBlock) => Err(OpenError::InUse {
                directory: path.display().to_string(),
            }),
            Err(fs::TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
