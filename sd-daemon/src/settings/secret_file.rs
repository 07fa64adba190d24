//! Reading secrets from files that only their owner can read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use secrecy::SecretString;

use super::SettingsError;

/// The longest secret that is read, in bytes. A private key has a few thousand.
const MAX_LENGTH: u64 = 64 * 1024;
/// The permissions of group and others.
const OTHERS: u32 = 0o077;

/// Reads a secret from a file that other users can neither read nor replace.
pub(super) fn read_secret(key: &'static str, path: &Path) -> Result<SecretString, SettingsError> {
    let file = path.display();
    let invalid = |reason: String| SettingsError::invalid(key, reason);
    let opened = open(path).map_err(|source| match Errno::from_io_error(&source) {
        Some(Errno::LOOP) => invalid(format!("{file} is a symbolic link; name the file itself")),
        _ => SettingsError::unreadable(key, path, source),
    })?;
    validate_owner(&opened, path).map_err(|problem| match problem {
        Problem::Io(source) => SettingsError::unreadable(key, path, source),
        Problem::Owner(reason) => invalid(reason),
    })?;
    let mut text = String::new();
    opened
        .take(MAX_LENGTH)
        .read_to_string(&mut text)
        .map_err(|source| SettingsError::unreadable(key, path, source))?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    if text.is_empty() {
        return Err(invalid(format!("{file} is empty")));
    }
    Ok(SecretString::from(text))
}

enum Problem {
    Io(io::Error),
    Owner(String),
}

/// Checks the opened file and not its path, which could name another file a moment later.
fn validate_owner(opened: &File, path: &Path) -> Result<(), Problem> {
    let metadata = opened.metadata().map_err(Problem::Io)?;
    let file = path.display();
    if !metadata.is_file() {
        return Err(Problem::Owner(format!("{file} is not a regular file")));
    }
    if metadata.mode() & OTHERS != 0 {
        let reason = format!("{file} is accessible to other users; run chmod 600 {file}");
        return Err(Problem::Owner(reason));
    }
    if ![0, rustix::process::geteuid().as_raw()].contains(&metadata.uid()) {
        let reason = format!("{file} belongs to another user, who can change it; run chown on it");
        return Err(Problem::Owner(reason));
    }
    Ok(())
}

/// Follows no symbolic link, because another user could own it, and does not wait for the writer of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}
