//! The resource usage of the daemon.

use std::fmt;
use std::path::Path;

use anyhow::Context;

use crate::daemon::Daemon;

/// The allowed difference to a daemon that has run for a minute on the same registry. The allocator keeps some memory after
/// bursts.
const MEMORY_TOLERANCE_KIB: u64 = 1024;
/// The write-ahead log is merged from time to time.
const REGISTRY_TOLERANCE_KIB: u64 = 8 * 1024;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    memory_kib: u64,
    /// Anonymous memory: without the pages of the executable, which the kernel may evict.
    anonymous_kib: u64,
    descriptors: u64,
    threads: u64,
    registry_kib: u64,
}

impl Footprint {
    pub(crate) fn of(daemon: &Daemon) -> anyhow::Result<Self> {
        let process = daemon.process().context("the daemon is not running")?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("/proc/{process}/status has no {name}"))
        };
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"))?.count();
        Ok(Self {
            memory_kib: field("VmRSS:")?,
            anonymous_kib: field("RssAnon:")?,
            descriptors: u64::try_from(descriptors)?,
            threads: field("Threads:")?,
            registry_kib: registry_bytes(&daemon.registry()) / 1024,
        })
    }

    /// The descriptors and threads that are in use now and were not before. The daemon is idle both times.
    pub(crate) fn handles_since(&self, before: &Self) -> Vec<String> {
        let handles = [
            ("descriptors", before.descriptors, self.descriptors, 0),
            ("threads", before.threads, self.threads, 0),
        ];
        Self::grown("at its start", handles)
    }

    /// The memory and disk space beyond the usage of a daemon that has served less load.
    pub(crate) fn growth_since(&self, other: &Self) -> Vec<String> {
        let usages = [
            (
                "KiB of anonymous memory",
                other.anonymous_kib,
                self.anonymous_kib,
                MEMORY_TOLERANCE_KIB,
            ),
            (
                "KiB of registry",
                other.registry_kib,
                self.registry_kib,
                REGISTRY_TOLERANCE_KIB,
            ),
        ];
        Self::grown("after a restart", usages)
    }

    fn grown<const N: usize>(when: &str, usages: [(&str, u64, u64, u64); N]) -> Vec<String> {
        usages
            .into_iter()
            .filter(|(_, before, after, allowed)| *after > before + allowed)
            .map(|(what, before, after, _)| {
                format!("the daemon uses {before} {what} {when}, and {after} after the load")
            })
            .collect()
    }
}

/// The size of the registry with its write-ahead log.
fn registry_bytes(file: &Path) -> u64 {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    length(file) + length(&file.with_extension("sqlite3-wal"))
}

impl fmt::Display for Footprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} KiB of memory ({} anonymous), {} descriptors, {} threads, {} KiB of registry",
            self.memory_kib, self.anonymous_kib, self.descriptors, self.threads, self.registry_kib
        )
    }
}
