//! The container object.

use sd_client::api::{self, route};

use super::values::{seconds, timestamp};
use crate::domain::{ContainerPort, Endpoints, Lifecycle, Policy, Record, StopCause, Timestamp};

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

pub(super) fn status(lifecycle: &Lifecycle) -> api::Status {
    match lifecycle {
        Lifecycle::Starting => api::Status::Starting,
        Lifecycle::Running { .. } => api::Status::Running,
        Lifecycle::Paused { .. } => api::Status::Paused,
        // A running container is stopped before it is removed; a stopped one stays stopped until then.
        Lifecycle::Stopping { .. }
        | Lifecycle::Removing {
            endpoints: Some(_), ..
        } => api::Status::Stopping,
        Lifecycle::Stopped { .. } | Lifecycle::Removing { endpoints: None, .. } => api::Status::Stopped,
    }
}

pub(super) fn started_at(lifecycle: &Lifecycle) -> Option<Timestamp> {
    match lifecycle {
        Lifecycle::Running { since, .. } | Lifecycle::Paused { since, .. } => Some(*since),
        Lifecycle::Starting
        | Lifecycle::Stopping { .. }
        | Lifecycle::Stopped { .. }
        | Lifecycle::Removing { .. } => None,
    }
}

pub(super) fn stop_reason(lifecycle: &Lifecycle) -> Option<api::StopReason> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn removing(endpoints: Option<Endpoints>) -> Lifecycle {
        Lifecycle::Removing {
            cause: StopCause::Requested,
            endpoints,
        }
    }

    #[test]
    fn status_follows_the_lifecycle() {
        let since = Timestamp::from_millis(1);
        let endpoints = Endpoints::default();
        let expected = [
            (Lifecycle::Starting, api::Status::Starting),
            (
                Lifecycle::Running {
                    since,
                    endpoints: endpoints.clone(),
                    addresses: Vec::new(),
                    process: None,
                },
                api::Status::Running,
            ),
            (
                Lifecycle::Paused {
                    since,
                    endpoints: endpoints.clone(),
                },
                api::Status::Paused,
            ),
            (removing(Some(endpoints)), api::Status::Stopping),
            (removing(None), api::Status::Stopped),
        ];
        for (lifecycle, status_on_wire) in expected {
            assert_eq!(status(&lifecycle), status_on_wire, "{lifecycle:?}");
        }
    }

    #[test]
    fn only_live_containers_have_a_start_time() {
        assert_eq!(started_at(&Lifecycle::Starting), None);
        assert_eq!(started_at(&removing(None)), None);
        let paused = Lifecycle::Paused {
            since: Timestamp::from_millis(7),
            endpoints: Endpoints::default(),
        };
        assert_eq!(started_at(&paused), Some(Timestamp::from_millis(7)));
    }

    #[test]
    fn stop_reason_has_the_words_of_the_api() {
        let expected = [
            (StopCause::Requested, api::StopReason::Requested),
            (StopCause::Idle, api::StopReason::Idle),
            (StopCause::Expired, api::StopReason::Expired),
            (StopCause::Exited, api::StopReason::Exited),
            (StopCause::External, api::StopReason::External),
            (StopCause::Failed, api::StopReason::Failed),
        ];
        for (cause, reason) in expected {
            let stopped = Lifecycle::Stopped {
                since: Timestamp::from_millis(1),
                cause,
            };
            assert_eq!(stop_reason(&stopped), Some(reason));
        }
        assert_eq!(stop_reason(&Lifecycle::Starting), None);
    }
}
