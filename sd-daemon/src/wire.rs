//! Records, as the wire describes containers. No decisions, only words.

mod events;

pub(crate) use events::event;

use std::time::SystemTime;

use sd_client::api::{self, route};

use crate::domain::{
    ContainerPort, DeadlineReason, EffectiveLimit, Endpoints, Lifecycle, LimitSource, Policy, Record, Signal,
    StopCause, TimeLimit, Timestamp,
};
use crate::service::{ActivityReport, ProbeStatus, Signals, Switch};
use crate::task_status::TaskStatus;

/// The container object of a record.
pub(crate) fn container(record: &Record, policy: &Policy) -> api::Container {
    let lifecycle = record.lifecycle();
    let endpoints = lifecycle.endpoints();
    let id = record.id().to_string();
    api::Container {
        uri: route::container(&id),
        container_id: id,
        name: format!("/{}", record.name().as_str()),
        image: record.image().to_string(),
        status: status(lifecycle),
        active: record.activity().connections,
        ssh_port: endpoints.and_then(Endpoints::ssh),
        app_port: endpoints.and_then(Endpoints::app),
        ports: endpoints
            .into_iter()
            .flat_map(Endpoints::ports)
            .map(text_port)
            .collect(),
        created_at: Some(timestamp(record.created_at())),
        started_at: started_at(lifecycle).map(timestamp),
        last_active_at: record
            .last_run()
            .map(|_| timestamp(record.activity().last_active().at)),
        idle_timeout: seconds(policy.idle_timeout(record)),
        stops_at: policy.stops_at(record).map(timestamp),
        max_lifetime: seconds(policy.max_lifetime(record)),
        remove_after: seconds(policy.remove_after(record)),
        removes_at: policy.removes_at(record).map(timestamp),
        stop_reason: stop_reason(lifecycle),
    }
}

fn text_port((port, host_port): (&ContainerPort, &u16)) -> (String, u16) {
    (port.to_string(), *host_port)
}

fn status(lifecycle: &Lifecycle) -> api::Status {
    match lifecycle {
        Lifecycle::Starting => api::Status::Starting,
        Lifecycle::Running { .. } => api::Status::Running,
        Lifecycle::Paused { .. } => api::Status::Paused,
        // A live container that is being removed is stopped first; one at rest stays so until it is gone.
        Lifecycle::Stopping { .. }
        | Lifecycle::Removing {
            endpoints: Some(_), ..
        } => api::Status::Stopping,
        Lifecycle::Stopped { .. } | Lifecycle::Removing { endpoints: None, .. } => api::Status::Stopped,
    }
}

fn started_at(lifecycle: &Lifecycle) -> Option<Timestamp> {
    match lifecycle {
        Lifecycle::Running { since, .. } | Lifecycle::Paused { since, .. } => Some(*since),
        Lifecycle::Starting
        | Lifecycle::Stopping { .. }
        | Lifecycle::Stopped { .. }
        | Lifecycle::Removing { .. } => None,
    }
}

fn stop_reason(lifecycle: &Lifecycle) -> Option<api::StopReason> {
    match lifecycle {
        Lifecycle::Stopping { cause, .. }
        | Lifecycle::Stopped { cause, .. }
        | Lifecycle::Removing { cause, .. } => Some(match cause {
            StopCause::Requested => api::StopReason::Requested,
            StopCause::Idle => api::StopReason::Idle,
            StopCause::Expired => api::StopReason::Expired,
            StopCause::Exited => api::StopReason::Exited,
            StopCause::External => api::StopReason::External,
            StopCause::Failed => api::StopReason::Failed,
        }),
        Lifecycle::Starting | Lifecycle::Running { .. } | Lifecycle::Paused { .. } => None,
    }
}

/// Everything about who uses a container.
pub(crate) fn activity(report: &ActivityReport, signals: &Signals) -> api::Activity {
    let ActivityReport {
        record,
        policy,
        latest_probe: view,
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
            _ => None, // no other state is at rest
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
        connections: view.as_ref().and_then(open_connections),
        signals: all_signals(record, view.as_ref(), signals),
        history: history.iter().map(events::history_entry).collect(),
    }
}

fn seconds(effective: EffectiveLimit) -> Option<u64> {
    limit_seconds(effective.limit)
}

/// A limit in seconds, or `None` if it is unlimited.
fn limit_seconds(limit: TimeLimit) -> Option<u64> {
    match limit {
        TimeLimit::Never => None,
        TimeLimit::After(duration) => Some(duration.as_secs()),
    }
}

fn source(source: LimitSource) -> api::PolicySource {
    match source {
        LimitSource::Container => api::PolicySource::Container,
        LimitSource::ImageLabel => api::PolicySource::ImageLabel,
        LimitSource::ImageRule => api::PolicySource::ImageRule,
        LimitSource::Default => api::PolicySource::Default,
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

fn open_connections(view: &ProbeStatus) -> Option<api::OpenConnections> {
    let ProbeStatus::Probed { at, result: look } = view else {
        return None;
    };
    Some(api::OpenConnections {
        seen_at: timestamp(*at),
        open: look.connections(),
        ports: look
            .open
            .iter()
            .map(|(port, open)| (port.to_string(), *open))
            .collect(),
        bytes_per_minute: look.bytes_per_minute,
    })
}

/// Every signal: whether it counts, why not, and its latest word.
fn all_signals(record: &Record, view: Option<&ProbeStatus>, signals: &Signals) -> Vec<api::Signal> {
    const SWITCHED_OFF: &str = "the daemon's settings leave it out";
    let switched = |switch: Switch| (switch == Switch::Off).then(|| SWITCHED_OFF.to_owned());
    let blind = match view {
        Some(ProbeStatus::Failed(blind)) => Some(blind.to_string()),
        Some(ProbeStatus::Probed { .. }) | None => None,
    };
    let cpu = match signals.use_rule.cpu_millicores {
        Some(_) => Switch::On,
        None => Switch::Off,
    };
    let reasons = [
        (Signal::Started, None),
        (Signal::CheckIn, switched(signals.check_in)),
        (
            Signal::Connections,
            switched(signals.connections).or_else(|| blind.clone()),
        ),
        (Signal::Cpu, switched(cpu).or(blind)),
    ];
    let describe = |(signal, reason): (Signal, Option<String>)| {
        let readings = record.activity().readings.get(&signal);
        api::Signal {
            kind: signal_kind(signal),
            state: match reason {
                Some(_) => api::SignalState::Off,
                None => api::SignalState::On,
            },
            reason,
            at: readings.map(|readings| timestamp(readings.at)),
            value: readings
                .filter(|_| signal != Signal::Started)
                .map(|readings| u64::from(readings.value)),
        }
    };
    reasons.map(describe).into()
}

pub(crate) fn task_status(status: TaskStatus) -> api::TaskStatus {
    api::TaskStatus {
        name: status.name.to_owned(),
        last_run_at: status.last_run_at.map(timestamp),
        last_error: status.last_error,
        failing_since: status.failing_since.map(timestamp),
    }
}

pub(crate) fn timestamp(timestamp: Timestamp) -> api::Timestamp {
    SystemTime::from(timestamp).into()
}
