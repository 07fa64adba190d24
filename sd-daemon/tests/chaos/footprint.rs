//! What the daemon uses of the machine.

use std::fmt;
use std::path::Path;

use anyhow::Context;

use crate::daemon::Daemon;

/// What it may use more than one that was just started on the same registry and has worked for a minute: the allocator
/// keeps some of what bursts needed.
const MORE_MEMORY_KIB: u64 = 1024;
/// The log of writes is taken over by and by.
const MORE_REGISTRY_KIB: u64 = 8 * 1024;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    memory_kib: u64,
    /// Without the pages of the program, which the kernel takes and gives as others need memory.
    own_memory_kib: u64,
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
            own_memory_kib: field("RssAnon:")?,
            descriptors: u64::try_from(descriptors)?,
            threads: field("Threads:")?,
            registry_kib: registry_bytes(&daemon.registry()) / 1024,
        })
    }

    /// What it has taken since and not given back; it was at rest then, and is now.
    pub(crate) fn handles_since(&self, before: &Self) -> Vec<String> {
        let handles = [
            ("descriptors", before.descriptors, self.descriptors, 0),
            ("threads", before.threads, self.threads, 0),
        ];
        Self::grown("at its start", handles)
    }

    /// What it uses much more of than another one that has worked less.
    pub(crate) fn growth_since(&self, other: &Self) -> Vec<String> {
        let amounts = [
            (
                "KiB of memory of its own",
                other.own_memory_kib,
                self.own_memory_kib,
                MORE_MEMORY_KIB,
            ),
            (
                "KiB of registry",
                other.registry_kib,
                self.registry_kib,
                MORE_REGISTRY_KIB,
            ),
        ];
        Self::grown("after a new start", amounts)
    }

    fn grown<const N: usize>(when: &str, amounts: [(&str, u64, u64, u64); N]) -> Vec<String> {
        amounts
            .into_iter()
            .filter(|(_, before, after, allowed)| *after > before + allowed)
            .map(|(what, before, after, _)| {
                format!("the daemon uses {before} {what} {when}, and {after} after the load")
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
            "{} KiB of memory ({} its own), {} descriptors, {} threads, {} KiB of registry",
            self.memory_kib, self.own_memory_kib, self.descriptors, self.threads, self.registry_kib
        )
    }
}
