//! The activity of a container.

use sd_client::api;

use super::container::{started_at, status, stop_reason};
use super::events;
use super::values::{seconds, source, timestamp};
use crate::domain::{DeadlineReason, Lifecycle, Record, Signal};
use crate::service::{ActivityReport, ProbeStatus, Signals, Switch};

/// The activity of a container: its use, its deadlines and its history.
pub(crate) fn activity(report: &ActivityReport, signals: &Signals) -> api::Activity {
    let ActivityReport {
        record,
        policy,
        latest_probe,
        history,
        now,
    } = report;
    let lifecycle = record.lifecycle();
    let deadline = policy.deadline(record);
    let last_active = record.last_run().map(|_| record.activity().last_active());
    let limits = [
        policy.idle_timeout(record),
        policy.max_lifetime(record),
        policy.remove_after(record),
    ];
    let [idle_timeout, max_lifetime, remove_after] = limits.map(seconds);
    let [idle_timeout_source, max_lifetime_source, remove_after_source] =
        limits.map(|limit| source(limit.source));
    api::Activity {
        container_id: record.id().to_string(),
        name: format!("/{}", record.name().as_str()),
        image: record.image().to_string(),
        status: status(lifecycle),
        at: timestamp(*now),
        created_at: timestamp(record.created_at()),
        started_at: started_at(lifecycle).map(timestamp),
        stopped_at: match lifecycle {
            Lifecycle::Stopped { since, .. } => Some(timestamp(*since)),
            Lifecycle::Starting
            | Lifecycle::Running { .. }
            | Lifecycle::Paused { .. }
            | Lifecycle::Stopping { .. }
            | Lifecycle::Removing { .. } => None,
        },
        stop_reason: stop_reason(lifecycle),
        last_active_at: last_active.map(|last| timestamp(last.at)),
        last_active_signal: last_active.map(|last| signal_kind(last.signal)),
        idle_timeout,
        idle_timeout_source,
        max_lifetime,
        max_lifetime_source,
        remove_after,
        remove_after_source,
        stops_at: deadline.map(|deadline| timestamp(deadline.at)),
        stops_because: deadline.map(|deadline| stops_because(deadline.because)),
        removes_at: policy.removes_at(record).map(timestamp),
        keep_until: record.activity().keep_until.map(timestamp),
        connections: latest_probe.as_ref().and_then(open_connections),
        signals: all_signals(record, latest_probe.as_ref(), signals),
        history: history.iter().map(events::history_entry).collect(),
    }
}

fn stops_because(because: DeadlineReason) -> api::StopsBecause {
    match because {
        DeadlineReason::IdleTimeout => api::StopsBecause::IdleTimeout,
        DeadlineReason::KeepUntil => api::StopsBecause::KeepUntil,
        DeadlineReason::Grace => api::StopsBecause::Grace,
        DeadlineReason::MaxLifetime => api::StopsBecause::MaxLifetime,
    }
}

fn signal_kind(signal: Signal) -> api::SignalKind {
    match signal {
        Signal::Started => api::SignalKind::Started,
        Signal::CheckIn => api::SignalKind::CheckIn,
        Signal::Connections => api::SignalKind::Connections,
        Signal::Cpu => api::SignalKind::Cpu,
    }
}

fn open_connections(latest_probe: &ProbeStatus) -> Option<api::OpenConnections> {
    let ProbeStatus::Probed { at, result } = latest_probe else {
        return None;
    };
    Some(api::OpenConnections {
        seen_at: timestamp(*at),
        open: result.connections(),
        ports: result
            .open
            .iter()
            .map(|(port, open)| (port.to_string(), *open))
            .collect(),
        bytes_per_minute: result.bytes_per_minute,
    })
}

/// Every signal: whether it counts, the reason if it does not, and its latest reading.
fn all_signals(record: &Record, latest_probe: Option<&ProbeStatus>, signals: &Signals) -> Vec<api::Signal> {
    const DISABLED: &str = "disabled in the daemon's settings";
    let disabled = |switch: Switch| (switch == Switch::Off).then(|| DISABLED.to_owned());
    let probe_error = match latest_probe {
        Some(ProbeStatus::Failed(error)) => Some(error.to_string()),
        Some(ProbeStatus::Probed { .. }) | None => None,
    };
    let cpu = match signals.use_rule.cpu_millicores {
        Some(_) => Switch::On,
        None => Switch::Off,
    };
    let reasons = [
        (Signal::Started, None),
        (Signal::CheckIn, disabled(signals.check_in)),
        (
            Signal::Connections,
            disabled(signals.connections).or_else(|| probe_error.clone()),
        ),
        (Signal::Cpu, disabled(cpu).or(probe_error)),
    ];
    let describe = |(signal, reason): (Signal, Option<String>)| {
        let reading = record.activity().readings.get(&signal);
        api::Signal {
            kind: signal_kind(signal),
            state: match reason {
                Some(_) => api::SignalState::Off,
                None => api::SignalState::On,
            },
            reason,
            at: reading.map(|reading| timestamp(reading.at)),
            value: reading
                .filter(|_| signal != Signal::Started)
                .map(|reading| u64::from(reading.value)),
        }
    };
    reasons.map(describe).into()
}
