//! Signals that count as activity of a container.

use std::time::Duration;

use clap::{Args, ValueEnum};
use sd_client::quantity::{CpuThreshold, Span, TimeLimit};
use serde::{Deserialize, Serialize};

use super::limits::{ImageRuleOptions, LimitOptions};
use super::values::{self, as_text, some_as_text};
use super::{AddressRange, SettingsError};
use crate::domain::UseRule;
use crate::service::{Signals, Switch};

const DEFAULT_PROBE_INTERVAL: Duration = Duration::from_secs(15);

/// Signals that count as activity of a container.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Activity")]
pub struct ActivityOptions {
    /// Count these signals as activity: check-in, connections (seen from the host), cpu.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_ACTIVITY_SIGNALS",
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "check-in,connections",
        hide_possible_values = true
    )]
    pub activity_signals: Vec<SignalName>,

    /// Probe containers from the host at this interval [default: 15s].
    ///
    /// The default becomes shorter while a container with a short idle timeout runs.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_PROBE_INTERVAL",
        value_name = "DURATION"
    )]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_as_text")]
    pub probe_interval: Option<Span>,

    /// Count connections that carry at least this many bytes of data a minute.
    ///
    /// Keep-alives of TCP and SSH are not data.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_CONNECTION_FLOOR",
        value_name = "BYTES",
        default_value = "1",
        value_parser = values::parse::<u64>
    )]
    #[serde(deserialize_with = "values::deserialize")]
    pub connection_floor: u64,

    /// Count processor use of at least this many cores, with the signal cpu.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_CPU_THRESHOLD",
        value_name = "CORES",
        default_value = "0.1"
    )]
    pub cpu_threshold: CpuThreshold,

    /// Ignore connections from these addresses or networks (such as monitoring).
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_IGNORE_SOURCES",
        value_name = "LIST",
        value_delimiter = ','
    )]
    pub ignore_sources: Vec<AddressRange>,

    /// Limit how long a container can report that it is busy.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_BUSY_LIMIT",
        value_name = "DURATION",
        default_value = "4h"
    )]
    #[serde(serialize_with = "as_text")]
    pub busy_limit: Span,
}

/// A signal of activity, by its name in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum SignalName {
    /// Reports of containers.
    CheckIn,
    /// Client connections seen from the host.
    Connections,
    /// Processor time.
    Cpu,
}

impl ActivityOptions {
    /// The signals that count, and what counts as use.
    pub(super) fn signals(&self) -> Signals {
        Signals {
            check_in: self.switch(SignalName::CheckIn),
            connections: self.switch(SignalName::Connections),
            use_rule: UseRule {
                bytes_per_minute: self.connection_floor,
                cpu_millicores: self
                    .counts(SignalName::Cpu)
                    .then(|| self.cpu_threshold.millicores()),
            },
            ignored_sources: self.ignore_sources.iter().map(|range| range.0).collect(),
            busy_limit: self.busy_limit.duration(),
        }
    }

    /// The time between two probes.
    pub fn probe_interval(&self) -> Duration {
        self.probe_interval.map_or(DEFAULT_PROBE_INTERVAL, Span::duration)
    }

    /// Checks the interval between probes if one is set, and sets the default one if it fits the timeouts.
    pub(super) fn resolve(
        &mut self,
        limits: &LimitOptions,
        rules: &[ImageRuleOptions],
    ) -> Result<(), SettingsError> {
        let validated = validate_probe_interval(self.probe_interval(), limits, rules);
        match self.probe_interval {
            Some(_) if self.probes() => validated,
            Some(_) => Ok(()),
            None => {
                if validated.is_ok() {
                    self.probe_interval = Span::try_from(DEFAULT_PROBE_INTERVAL).ok();
                }
                Ok(())
            }
        }
    }

    fn probes(&self) -> bool {
        self.counts(SignalName::Connections) || self.counts(SignalName::Cpu)
    }

    fn counts(&self, signal: SignalName) -> bool {
        self.activity_signals.contains(&signal)
    }

    fn switch(&self, signal: SignalName) -> Switch {
        if self.counts(signal) {
            Switch::On
        } else {
            Switch::Off
        }
    }
}

/// The interval must be shorter than the shortest idle timeout; otherwise a probe reports activity after the stop.
fn validate_probe_interval(
    interval: Duration,
    limits: &LimitOptions,
    rules: &[ImageRuleOptions],
) -> Result<(), SettingsError> {
    let default = ("idle_timeout".to_owned(), limits.idle_timeout);
    let rules = rules.iter().filter_map(|rule| {
        let key = format!("idle_timeout of the image rule {}", rule.image);
        Some((key, rule.idle_timeout?))
    });
    for (key, limit) in std::iter::once(default).chain(rules) {
        if let TimeLimit::After(timeout) = limit
            && interval >= timeout
        {
            let interval = TimeLimit::After(interval);
            let reason = format!(
                "{interval} is not shorter than {key}, {limit}; probe more often, or raise the timeout"
            );
            return Err(SettingsError::invalid("probe_interval", reason));
        }
    }
    Ok(())
}
