//! Records, as the wire describes containers. No decisions, only words.

use std::time::SystemTime;

use sd_client::api::{self, route};

use crate::domain::{ContainerPort, Endpoints, IdleRule, Lifecycle, Record, StopCause, TimeLimit, Timestamp};

/// The container object of a record.
pub(super) fn container(record: &Record, rule: &IdleRule) -> api::Container {
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
        created_at: Some(wire_time(record.created_at())),
        started_at: started_at(lifecycle).map(wire_time),
        last_active_at: record
            .last_run()
            .map(|_| wire_time(record.activity().last_active_at)),
        idle_timeout: match rule.timeout_of(record) {
            TimeLimit::Never => None,
            TimeLimit::After(timeout) => Some(timeout.as_secs()),
        },
        stops_at: rule.stops_at(record).map(wire_time),
        max_lifetime: None,
        remove_after: None,
        removes_at: None,
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
        Lifecycle::Stopping { .. } | Lifecycle::Removing { endpoints: Some(_) } => api::Status::Stopping,
        Lifecycle::Stopped { .. } | Lifecycle::Removing { endpoints: None } => api::Status::Stopped,
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
        Lifecycle::Stopping { cause, .. } | Lifecycle::Stopped { cause, .. } => Some(match cause {
            StopCause::Requested => api::StopReason::Requested,
            StopCause::Idle => api::StopReason::Idle,
            StopCause::Exited => api::StopReason::Exited,
            StopCause::External => api::StopReason::External,
            StopCause::Failed => api::StopReason::Failed,
        }),
        Lifecycle::Removing { .. } => Some(api::StopReason::Requested),
        Lifecycle::Starting | Lifecycle::Running { .. } | Lifecycle::Paused { .. } => None,
    }
}

fn wire_time(timestamp: Timestamp) -> api::Timestamp {
    SystemTime::from(timestamp).into()
}
