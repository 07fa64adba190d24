//! Resource usage of the daemon, read from `/proc`.

use std::time::Duration;

use crate::daemon::Daemon;

impl Daemon {
    /// The peak resident memory in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = self.in_proc("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|line| line.trim().strip_suffix(" kB"));
        1024 * kilobytes
            .and_then(|number| number.parse::<u64>().ok())
            .expect("the kernel reports VmHWM")
    }

    /// The CPU time used so far.
    pub(crate) fn processor_time(&self) -> Duration {
        const TICKS_PER_SECOND: u64 = 100;
        let stat = self.in_proc("stat");
        // The name of the process is in parentheses. User and system time are the 12th and 13th field after it.
        let (_, fields) = stat
            .rsplit_once(") ")
            .expect("the line contains the process name");
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.map(|ticks| ticks.expect("the field is a number")).sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }

    fn in_proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.pid())).expect("the daemon is running")
    }

    /// The number of open file descriptors.
    pub(crate) fn open_files(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.pid());
        std::fs::read_dir(directory)
            .expect("the daemon is running")
            .count()
    }

    /// The number of threads.
    pub(crate) fn threads(&self) -> usize {
        let directory = format!("/proc/{}/task", self.pid());
        std::fs::read_dir(directory)
            .expect("the daemon is running")
            .count()
    }
}
