//! The processor time of a container, from its control group.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::ContainerId;

/// The control group hierarchies of this host.
#[derive(Debug, Default)]
pub(super) struct ControlGroups {
    /// The hierarchy of version 1 with the controller `cpuacct`.
    accounting: Option<Mount>,
    /// The hierarchy of version 2.
    unified: Option<Mount>,
}

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// The group at the mount point.
    root: String,
    point: PathBuf,
}

/// The file with the processor time of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CpuAccount {
    /// Contains a number of nanoseconds.
    Nanoseconds(PathBuf),
    /// Contains lines of names and numbers, one of them `usage_usec`.
    Statistics(PathBuf),
}

impl ControlGroups {
    /// Finds the hierarchies. If there are none, processor time is unknown.
    pub(super) fn find() -> Self {
        Self::parse(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    fn parse(mounts: &str) -> Self {
        let mut found = Self::default();
        for line in mounts.lines() {
            let Some((place, kind)) = line.split_once(" - ") else {
                continue;
            };
            let place: Vec<_> = place.split(' ').collect();
            let kind: Vec<_> = kind.split(' ').collect();
            let (&[_, _, _, root, point, ..], &[kind, _, options, ..]) = (&place[..], &kind[..]) else {
                continue;
            };
            let mount = || {
                Some(Mount {
                    root: root.to_owned(),
                    point: point.into(),
                })
            };
            match kind {
                "cgroup2" if found.unified.is_none() => found.unified = mount(),
                "cgroup" if options.split(',').any(|option| option == "cpuacct") => {
                    found.accounting = mount();
                }
                _ => {}
            }
        }
        found
    }

    /// Returns the account of a container, given the control groups of its main process, or `None` if it is not visible.
    pub(super) fn account(&self, control_groups: &str, id: ContainerId) -> Option<CpuAccount> {
        let id = id.to_string();
        let groups = || control_groups.lines().filter_map(hierarchy);
        let of = |mount: &Option<Mount>, is_wanted: fn(&str) -> bool| {
            let (_, group) = groups().find(|(controllers, _)| is_wanted(controllers))?;
            mount.as_ref()?.directory(whole_container(group, &id)?)
        };
        let accounting = of(&self.accounting, |controllers| {
            controllers.split(',').any(|controller| controller == "cpuacct")
        });
        let nanoseconds =
            accounting.map(|directory| CpuAccount::Nanoseconds(directory.join("cpuacct.usage")));
        nanoseconds.or_else(|| {
            let unified = of(&self.unified, str::is_empty)?;
            Some(CpuAccount::Statistics(unified.join("cpu.stat")))
        })
    }
}

impl Mount {
    /// The directory of a group.
    fn directory(&self, group: &str) -> Option<PathBuf> {
        let below = Path::new(group).strip_prefix(&self.root).ok()?;
        Some(self.point.join(below))
    }
}

impl CpuAccount {
    /// The processor time so far.
    pub(super) fn read(&self) -> Option<Duration> {
        match self {
            Self::Nanoseconds(file) => {
                let text = fs::read_to_string(file).ok()?;
                Some(Duration::from_nanos(text.trim().parse().ok()?))
            }
            Self::Statistics(file) => {
                let text = fs::read_to_string(file).ok()?;
                let used = text.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
                Some(Duration::from_micros(used.trim().parse().ok()?))
            }
        }
    }
}

/// The controllers and the group of a line `number:controllers:group`.
fn hierarchy(line: &str) -> Option<(&str, &str)> {
    line.split_once(':')?.1.split_once(':')
}

/// The group of the whole container. An init system in the container moves the main process into a child group.
fn whole_container<'group>(group: &'group str, id: &str) -> Option<&'group str> {
    let begin = group.find(id)?;
    let end = group[begin..]
        .find('/')
        .map_or(group.len(), |length| begin + length);
    Some(&group[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ContainerId {
        "ab".repeat(32).parse().unwrap()
    }

    #[test]
    fn version_1_uses_the_hierarchy_with_cpuacct() {
        let groups = ControlGroups::parse(
            "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
             31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
             32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        );
        let id = id();
        let process = format!("4:memory:/docker/{id}\n2:cpu,cpuacct:/docker/{id}\n0::/\n");
        let file = format!("/sys/fs/cgroup/cpu,cpuacct/docker/{id}/cpuacct.usage");
        let expected = CpuAccount::Nanoseconds(file.into());
        assert_eq!(groups.account(&process, id), Some(expected));
    }

    #[test]
    fn version_2_uses_the_group_of_the_container() {
        let groups =
            ControlGroups::parse("32 25 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
        let id = id();
        let process = format!("0::/system.slice/docker-{id}.scope/init.scope\n");
        let file = format!("/sys/fs/cgroup/system.slice/docker-{id}.scope/cpu.stat");
        let expected = CpuAccount::Statistics(file.into());
        assert_eq!(groups.account(&process, id), Some(expected));
    }

    #[test]
    fn invisible_group_has_no_account() {
        let id = id();
        let process = format!("0::/docker/{id}\n");
        assert_eq!(ControlGroups::parse("").account(&process, id), None);
        let below = ControlGroups::parse("32 25 0:28 /kubepods /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        assert_eq!(below.account(&process, id), None);
    }

    #[test]
    fn both_account_formats_are_parsed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "1500000000\n").unwrap();
        let used = CpuAccount::Nanoseconds(file.clone()).read();
        assert_eq!(used, Some(Duration::from_millis(1_500)));
        fs::write(
            &file,
            "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n",
        )
        .unwrap();
        let used = CpuAccount::Statistics(file).read();
        assert_eq!(used, Some(Duration::from_millis(1_500)));
    }
}
