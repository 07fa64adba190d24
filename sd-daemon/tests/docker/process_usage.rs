//! What the program costs, as the kernel counts it.

use std::time::Duration;

use crate::daemon::Daemon;

impl Daemon {
    /// The most memory it has had so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = self.in_proc("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = peak.and_then(|line| line.trim().strip_suffix(" kB"));
        1024 * kilobytes
            .and_then(|number| number.parse::<u64>().ok())
            .expect("the kernel tells")
    }

    /// The processor time it has used so far.
    pub(crate) fn processor_time(&self) -> Duration {
        const TICKS_PER_SECOND: u64 = 100;
        let stat = self.in_proc("stat");
        // Its name stands in parentheses, and user and system time are the 12th and 13th field after that.
        let (_, fields) = stat.rsplit_once(") ").expect("it has a name");
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.map(|ticks| ticks.expect("it is a number")).sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }

    fn in_proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process())).expect("it runs")
    }

    /// How many files and sockets it has open.
    pub(crate) fn open_files(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.process());
        std::fs::read_dir(directory).expect("it runs").count()
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> usize {
        let directory = format!("/proc/{}/task", self.process());
        std::fs::read_dir(directory).expect("it runs").count()
    }
}
