//! What the run is told: by `script/chaos`, or by `cargo test`, which passes on what test programs know.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// As long as a run is that is one test among many.
const SHORT: Duration = Duration::from_secs(25);

/// Puts a daemon on a real Docker engine under load, kills it again and again, and asks whether everything is true
/// that always has to be.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
pub(crate) struct Arguments {
    /// How long there is load; 25 seconds when this is missing.
    #[arg(long)]
    minutes: Option<f64>,

    /// Repeats what a run with this seed did, as far as what happens at once lets it.
    #[arg(long)]
    pub(crate) seed: Option<u64>,

    /// Never kill the daemon under load, and compare what it uses afterwards with what it used at its start, and with one
    /// that is started on the same registry.
    #[arg(long)]
    pub(crate) no_kills: bool,

    /// The program; the one that was built for the tests when this is missing.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_sd-daemon"))]
    pub(crate) daemon: PathBuf,

    /// Names of tests; without the word chaos among them nothing is done.
    filters: Vec<String>,

    #[arg(long, hide = true)]
    list: bool,
    #[arg(long, hide = true)]
    nocapture: bool,
}

impl Arguments {
    /// Whether this test is meant.
    pub(crate) fn want_a_run(&self) -> bool {
        let is_meant = self.filters.is_empty()
            || self
                .filters
                .iter()
                .any(|filter| "chaos".contains(filter.as_str()));
        is_meant && !self.list
    }

    pub(crate) fn duration(&self) -> Duration {
        self.minutes
            .map_or(SHORT, |minutes| Duration::from_secs_f64(minutes.max(0.0) * 60.0))
    }
}
