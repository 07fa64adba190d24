//! Events, and how containers end.

use futures_util::StreamExt;
use sd_daemon::domain::{Exit, Observation};
use sd_daemon::engine::EngineEvent;

use super::support::{create, create_and_start, exit, in_time, wait_for};
use crate::harness::Harness;

pub(crate) async fn main_process_that_returns_has_exited(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let mut events = harness.engine().events();
    harness.exit(id);
    let ended = wait_for(harness, &mut events, id, |seen| exit(seen).is_some()).await;
    assert_eq!(exit(&ended), Some(Exit::Exited { code: 0 }));
}

pub(crate) async fn externally_stopped_container_ended_by_signal(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let mut events = harness.engine().events();
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    // The exit code is 0: only the event of the signal shows that the process did not exit by itself.
    harness.stop(id);
    wait_for(harness, &mut events, id, |seen| exit(seen) == Some(Exit::Killed)).await;
}

pub(crate) async fn first_event_is_a_resync(harness: &impl Harness) {
    create(harness).await;
    let first = in_time(harness.engine().events().next().into_future()).await;
    assert_eq!(first, Some(EngineEvent::Resync));
}

pub(crate) async fn external_start_is_an_event(harness: &impl Harness) {
    let (id, mut events) = (create(harness).await, harness.engine().events());
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    harness.start(id);
    wait_for(harness, &mut events, id, Observation::is_live).await;
}

pub(crate) async fn external_stop_is_an_event(harness: &impl Harness) {
    let (id, mut events) = (create_and_start(harness).await, harness.engine().events());
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    harness.stop(id);
    wait_for(harness, &mut events, id, |seen| !seen.is_live()).await;
}

pub(crate) async fn external_removal_is_an_event(harness: &impl Harness) {
    let (id, mut events) = (create(harness).await, harness.engine().events());
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    harness.remove(id);
    in_time(async {
        while let Some(event) = events.next().await {
            if event == EngineEvent::Changed(id) && harness.engine().inspect(id).await == Ok(None) {
                return;
            }
        }
    })
    .await;
}
