//! Steps that several cases share.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sd_daemon::domain::{ContainerId, Exit, Observation, ObservedState, RunId};
use sd_daemon::engine::{ContainerSpec, EngineEvent};

use crate::harness::Harness;

/// Longer than any step takes on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// The grace period of containers that handle the stop signal.
pub(super) const GRACE: Duration = Duration::from_secs(10);

pub(super) async fn create(harness: &impl Harness) -> ContainerId {
    harness.engine().create(&harness.spec()).await.unwrap()
}

pub(super) async fn create_and_start(harness: &impl Harness) -> ContainerId {
    let id = create(harness).await;
    harness.engine().start(id).await.unwrap();
    id
}

pub(super) async fn start_with_command(harness: &impl Harness, command: Vec<String>) -> ContainerId {
    let spec = ContainerSpec {
        command,
        ..harness.spec()
    };
    let id = harness.engine().create(&spec).await.unwrap();
    harness.engine().start(id).await.unwrap();
    id
}

pub(super) async fn inspect(harness: &impl Harness, id: ContainerId) -> Observation {
    harness
        .engine()
        .inspect(id)
        .await
        .unwrap()
        .expect("the container exists")
}

/// Inspects a container at each of its events until it is as wanted.
pub(super) async fn wait_for(
    harness: &impl Harness,
    events: &mut BoxStream<'static, EngineEvent>,
    id: ContainerId,
    is_wanted: impl Fn(&Observation) -> bool,
) -> Observation {
    let seen = async {
        loop {
            let event = events.next().await.expect("events never end");
            let is_hint = [EngineEvent::Resync, EngineEvent::Changed(id)].contains(&event);
            if is_hint {
                let seen = inspect(harness, id).await;
                if is_wanted(&seen) {
                    return seen;
                }
            }
        }
    };
    in_time(seen).await
}

/// Fails the test if a step takes too long.
pub(super) async fn in_time<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, step)
        .await
        .expect("the step ends in time")
}

/// The id of a container that does not exist.
pub(super) fn missing() -> ContainerId {
    "ab".repeat(32).parse().unwrap()
}

pub(super) fn run(observation: &Observation) -> Option<RunId> {
    match &observation.state {
        ObservedState::Created | ObservedState::Unknown => None,
        ObservedState::Live { run, .. } | ObservedState::Ended { run, .. } => Some(run.clone()),
    }
}

pub(super) fn exit(observation: &Observation) -> Option<Exit> {
    match &observation.state {
        ObservedState::Ended { exit, .. } => Some(*exit),
        ObservedState::Created | ObservedState::Live { .. } | ObservedState::Unknown => None,
    }
}
