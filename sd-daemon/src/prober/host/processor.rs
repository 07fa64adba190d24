//! The processor time of a container, from the books of its control group.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::ContainerId;

/// Where control groups are mounted on this host.
#[derive(Debug, Default)]
pub(super) struct ControlGroups {
    /// The hierarchy of version 1 that accounts for processor time.
    accounting: Option<Mount>,
    /// The hierarchy of version 2.
    unified: Option<Mount>,
}

#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// The group that is seen at the mount point.
    root: String,
    point: PathBuf,
}

/// The file in which the kernel adds up what the processes of one group used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// A number of nanoseconds.
    Nanoseconds(PathBuf),
    /// Lines of names and numbers; one is `usage_usec`.
    Statistics(PathBuf),
}

impl ControlGroups {
    /// Finds them; an unusual host shows none, and then processor time is not known.
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

    /// The account of a container, given the control groups of its main process.
    pub(super) fn account(&self, control_groups: &str, id: ContainerId) -> Option<Account> {
        let id = id.to_string();
        let groups = || control_groups.lines().filter_map(hierarchy);
        let of = |mount: &Option<Mount>, is_wanted: fn(&str) -> bool| {
            let (_, group) = groups().find(|(controllers, _)| is_wanted(controllers))?;
            mount.as_ref()?.directory(whole_container(group, &id)?)
        };
        let accounting = of(&self.accounting, |controllers| {
            controllers.split(',').any(|controller| controller == "cpuacct")
        });
        let nanoseconds = accounting.map(|directory| Account::Nanoseconds(directory.join("cpuacct.usage")));
        nanoseconds.or_else(|| {
            let unified = of(&self.unified, str::is_empty)?;
            Some(Account::Statistics(unified.join("cpu.stat")))
        })
    }
}

impl Mount {
    /// Where a group is found.
    fn directory(&self, group: &str) -> Option<PathBuf> {
        let below = Path::new(group).strip_prefix(&self.root).ok()?;
        Some(self.point.join(below))
    }
}

impl Account {
    /// What has been used so far.
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

/// The group of the whole container: one that runs an init system has put its main process further down.
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
    fn version_1_is_read_where_it_accounts() {
        let groups = ControlGroups::parse(
            "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
             31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
             32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
        );
        let id = id();
        let process = format!("4:memory:/docker/{id}\n2:cpu,cpuacct:/docker/{id}\n0::/\n");
        let file = format!("/sys/fs/cgroup/cpu,cpuacct/docker/{id}/cpuacct.usage");
        let expected = Account::Nanoseconds(file.into());
        assert_eq!(groups.account(&process, id), Some(expected));
    }

    #[test]
    fn version_2_is_read_for_the_whole_container() {
        let groups =
            ControlGroups::parse("32 25 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
        let id = id();
        let process = format!("0::/system.slice/docker-{id}.scope/init.scope\n");
        let file = format!("/sys/fs/cgroup/system.slice/docker-{id}.scope/cpu.stat");
        let expected = Account::Statistics(file.into());
        assert_eq!(groups.account(&process, id), Some(expected));
    }

    #[test]
    fn a_group_that_cannot_be_seen_from_here_has_no_account() {
        let id = id();
        let process = format!("0::/docker/{id}\n");
        assert_eq!(ControlGroups::parse("").account(&process, id), None);
        let below = ControlGroups::parse("32 25 0:28 /kubepods /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        assert_eq!(below.account(&process, id), None);
    }

    #[test]
    fn both_kinds_of_account_are_understood() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "1500000000\n").unwrap();
        let used = Account::Nanoseconds(file.clone()).read();
        assert_eq!(used, Some(Duration::from_millis(1_500)));
        fs::write(
            &file,
            "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n",
        )
        .unwrap();
        let used = Account::Statistics(file).read();
        assert_eq!(used, Some(Duration::from_millis(1_500)));
    }
}
