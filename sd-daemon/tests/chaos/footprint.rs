//! What the daemon uses of the machine.

use std::fmt;
use std::path::Path;

use anyhow::Context;

use crate::daemon::Daemon;

/// What it may use more after the load than after a minute of it. The history fills up to 10000 events, in memory
/// and in the file, and the allocator keeps some of what a burst needed.
const MORE_MEMORY_KIB: u64 = 8 * 1024;
const MORE_REGISTRY_KIB: u64 = 16 * 1024;
/// Connections of clients that are kept for the next request, and threads that wait for more work.
const MORE_DESCRIPTORS: u64 = 12;
const MORE_THREADS: u64 = 4;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    memory_kib: u64,
    descriptors: u64,
    threads: u64,
    registry_kib: u64,
}

impl Footprint {
    pub(crate) fn of(daemon: &Daemon) -> anyhow::Result<Self> {
        let process = daemon.process().context("the daemon does not run")?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("/proc/{process}/status has no {name}"))
        };
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"))?.count();
        Ok(Self {
            memory_kib: field("VmRSS:")?,
            descriptors: u64::try_from(descriptors)?,
            threads: field("Threads:")?,
            registry_kib: registry_bytes(&daemon.registry()) / 1024,
        })
    }

    /// What there is much more of than before.
    pub(crate) fn growth_since(&self, before: &Self) -> Vec<String> {
        let pairs = [
            (
                "KiB of memory",
                before.memory_kib,
                self.memory_kib,
                MORE_MEMORY_KIB,
            ),
            (
                "descriptors",
                before.descriptors,
                self.descriptors,
                MORE_DESCRIPTORS,
            ),
            ("threads", before.threads, self.threads, MORE_THREADS),
            (
                "KiB of registry",
                before.registry_kib,
                self.registry_kib,
                MORE_REGISTRY_KIB,
            ),
        ];
        let grown = pairs
            .into_iter()
            .filter(|(_, before, after, allowed)| *after > before + allowed);
        grown
            .map(|(what, before, after, _)| {
                format!("the daemon used {before} {what} after a minute, and {after} now")
            })
            .collect()
    }
}

/// The file and its log of writes.
fn registry_bytes(file: &Path) -> u64 {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    length(file) + length(&file.with_extension("sqlite3-wal"))
}

impl fmt::Display for Footprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} KiB of memory, {} descriptors, {} threads, {} KiB of registry",
            self.memory_kib, self.descriptors, self.threads, self.registry_kib
        )
    }
}
