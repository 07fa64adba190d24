//! Tests of the registry on a real disk, and the functions that they share.

mod creations;
mod files;
mod history;
mod records;
mod schema;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::files::FILE_NAME;
use super::*;
use crate::clock::ManualClock;
use crate::domain::{
    Actor, Caller, ContainerId, ContainerPort, Creation, Endpoints, Exit, IdempotencyKey, Input, Lifecycle,
    Limits, LiveState, Observation, ObservedState, OperationId, Policy, ProcessId, Reason, Record, Refusal,
    Report, Request, RunId, StopCause, TimeLimit, Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_772_373_731_250);
/// A limit that no test reaches.
const LIMIT: u32 = 100;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW))
}

fn open(directory: &TempDir) -> Registry {
    try_open(directory.path()).unwrap()
}

fn try_open(directory: &Path) -> Result<Registry, OpenError> {
    Registry::open(StateDirectory::claim(directory)?, clock())
}

/// Drops the last handle, and waits until the thread has released the directory.
async fn close(registry: Registry) {
    let worker = Arc::clone(&registry.worker);
    drop(registry);
    worker.wait().await;
}

fn operation(number: u8) -> OperationId {
    OperationId::from_bytes([number; 16])
}

fn id(number: u8) -> ContainerId {
    format!("{number:02x}").repeat(32).parse().unwrap()
}

fn creation(number: u8, key: Option<(&str, &str)>) -> Creation {
    Creation {
        operation: operation(number),
        image: "team/web:1.2".parse().unwrap(),
        name: None,
        limits: Limits {
            idle_timeout: Some(TimeLimit::After(Duration::from_secs(60))),
            max_lifetime: Some(TimeLimit::Never),
            remove_after: None,
        },
        label_limits: Limits {
            remove_after: Some(TimeLimit::After(Duration::from_secs(90))),
            ..Limits::default()
        },
        key: key.map(|(key, request)| IdempotencyKey {
            key: key.to_owned(),
            request: request.to_owned(),
        }),
        opened_at: NOW,
        requested_by: Caller::of_api("admin", "127.0.0.1".parse().unwrap()),
    }
}

async fn bound(registry: &Registry, number: u8) -> Arc<Record> {
    registry
        .open_creation(creation(number, None), LIMIT)
        .await
        .unwrap();
    let name = format!("name{number}").parse().unwrap();
    registry
        .bind(operation(number), id(number), name)
        .await
        .unwrap()
        .unwrap()
}

async fn apply(registry: &Registry, number: u8, input: Input) -> Applied {
    registry
        .apply(id(number), input, policy())
        .await
        .unwrap()
        .unwrap()
}

fn live(run: &str, state: LiveState) -> Input {
    let ports = BTreeMap::from([(ContainerPort::SSH, 49_153), (ContainerPort::tcp(5432), 49_154)]);
    observed(ObservedState::Live {
        run: RunId::new(run),
        state,
        endpoints: Endpoints::new(ports, Some(5432)),
        addresses: vec!["172.17.0.2".parse().unwrap(), "fd00::2".parse().unwrap()],
        process: ProcessId::new(4_711),
    })
}

fn vanished() -> Input {
    Input::Vanished
}

fn policy() -> Policy {
    Policy {
        default_idle_timeout: TimeLimit::Never,
        default_max_lifetime: TimeLimit::Never,
        default_remove_after: TimeLimit::Never,
        image_rules: [].into(),
        restart_grace: Duration::ZERO,
        resumed_at: NOW,
        warn_before: Duration::ZERO,
    }
}

fn requested(request: Request) -> Input {
    Input::Requested {
        request,
        by: Caller::unidentified(),
    }
}

fn report(generation: u64, connections: u32) -> Input {
    let report = Report {
        connections: Some(connections),
        busy_for: None,
        counts: true,
    };
    Input::CheckIn { generation, report }
}

fn observed(state: ObservedState) -> Input {
    Input::Observed(Observation {
        name: "renamed".parse().unwrap(),
        state,
    })
}
