//! Pause and unpause.

use sd_daemon::domain::{ContainerId, LiveState, ObservedState};
use sd_daemon::engine::EngineError;

use super::support::{GRACE, create, create_and_start, inspect, missing, run};
use crate::harness::Harness;

async fn live_state(harness: &impl Harness, id: ContainerId) -> Option<LiveState> {
    match inspect(harness, id).await.state {
        ObservedState::Live { state, .. } => Some(state),
        ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => None,
    }
}

pub(crate) async fn external_pause_is_visible_in_the_same_run(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let before = inspect(harness, id).await;
    harness.pause(id);
    assert_eq!(live_state(harness, id).await, Some(LiveState::Paused));
    assert_eq!(run(&inspect(harness, id).await), run(&before));
}

pub(crate) async fn pause_and_unpause_are_idempotent(harness: &impl Harness) {
    let (engine, id) = (harness.engine(), create_and_start(harness).await);
    let before = run(&inspect(harness, id).await);
    for _ in 0..2 {
        engine.pause(id).await.unwrap();
        assert_eq!(live_state(harness, id).await, Some(LiveState::Paused));
    }
    for _ in 0..2 {
        engine.unpause(id).await.unwrap();
        assert_eq!(live_state(harness, id).await, Some(LiveState::Running));
    }
    assert_eq!(run(&inspect(harness, id).await), before);
}

pub(crate) async fn only_running_containers_can_be_paused(harness: &impl Harness) {
    let engine = harness.engine();
    let id = create(harness).await;
    assert_eq!(engine.pause(id).await, Err(EngineError::NotRunning));
    assert_eq!(engine.unpause(id).await, Err(EngineError::NotRunning));
    engine.start(id).await.unwrap();
    engine.stop(id, GRACE).await.unwrap();
    assert_eq!(engine.pause(id).await, Err(EngineError::NotRunning));
    assert_eq!(engine.pause(missing()).await, Err(EngineError::NoSuchContainer));
    assert_eq!(engine.unpause(missing()).await, Err(EngineError::NoSuchContainer));
}

pub(crate) async fn paused_container_cannot_be_started(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    harness.engine().pause(id).await.unwrap();
    let started = harness.engine().start(id).await;
    assert!(matches!(started, Err(EngineError::Rejected(_))), "{started:?}");
}

pub(crate) async fn stop_kills_a_paused_container(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    harness.engine().pause(id).await.unwrap();
    harness.engine().stop(id, GRACE).await.unwrap();
    assert!(!inspect(harness, id).await.is_live());
}

pub(crate) async fn paused_container_can_be_removed(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    harness.engine().pause(id).await.unwrap();
    harness.engine().remove(id).await.unwrap();
    assert_eq!(harness.engine().inspect(id).await, Ok(None));
}
