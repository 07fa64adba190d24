//! The state directory: its permissions, and the lock that admits one daemon at a time.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::OpenError;

/// A state directory that is locked by this process.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
    /// The lock is released when the file is closed.
    _lock: File,
}

impl StateDirectory {
    /// Creates the directory if it does not exist, and locks it.
    ///
    /// A new directory is accessible to its owner only, because it holds the secret of the registry and idempotency
    /// keys.
    ///
    /// # Errors
    ///
    /// Fails if another process has locked the directory, if other users can write to it, or if it cannot be accessed.
    pub fn claim(path: &Path) -> Result<Self, OpenError> {
        let failed = |reason| OpenError::inaccessible(path, reason);
        if path.is_file() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        // An existing directory keeps its mode, because it may hold other files. The files of the registry are private
        // in any case.
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o022 != 0 {
            return Err(OpenError::WritableByOthers {
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

    /// The path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
