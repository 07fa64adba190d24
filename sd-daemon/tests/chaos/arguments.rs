//! The arguments of a run: from `script/chaos`, or from `cargo test`, which passes the arguments of test harnesses.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// The default duration, for a run as one of the tests.
const DEFAULT_DURATION: Duration = Duration::from_secs(25);

/// Run a daemon on a real Docker engine under load, kill it repeatedly, and check the invariants.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
pub(crate) struct Arguments {
    /// The duration of the load in minutes [default: 25 seconds]
    #[arg(long)]
    minutes: Option<f64>,

    /// Repeat the run with this seed, as far as concurrency allows.
    #[arg(long)]
    pub(crate) seed: Option<u64>,

    /// Do not kill the daemon. Compare its resource usage after the load with that at its start, and with that of a daemon
    /// started on the same registry.
    #[arg(long)]
    pub(crate) no_kills: bool,

    /// The daemon to run.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_sd-daemon"))]
    pub(crate) daemon: PathBuf,

    /// Names of tests. The run is skipped unless one of them is part of `chaos`.
    filters: Vec<String>,

    #[arg(long, hide = true)]
    list: bool,
    #[arg(long, hide = true)]
    nocapture: bool,
}

impl Arguments {
    /// Whether the filters select the run.
    pub(crate) fn is_selected(&self) -> bool {
        let is_selected = self.filters.is_empty()
            || self
                .filters
                .iter()
                .any(|filter| "chaos".contains(filter.as_str()));
        is_selected && !self.list
    }

    pub(crate) fn duration(&self) -> Duration {
        self.minutes.map_or(DEFAULT_DURATION, |minutes| {
            Duration::from_secs_f64(minutes.max(0.0) * 60.0)
        })
    }
}
