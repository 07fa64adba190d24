//! Create, start, stop, remove and inspect.

use std::time::Duration;

use sd_daemon::domain::{Exit, LiveState, Observation, ObservedState};
use sd_daemon::engine::{ContainerSpec, EngineError, Managed};

use super::support::{GRACE, create, create_and_start, exit, inspect, missing, run, start_with_command};
use crate::harness::{Harness, new_name, new_operation};

pub(crate) async fn new_container_has_its_name_and_has_not_run(harness: &impl Harness) {
    let name = new_name();
    let spec = ContainerSpec {
        name: Some(name.clone()),
        ..harness.spec()
    };
    let id = harness.engine().create(&spec).await.unwrap();
    let expected = Observation {
        name,
        state: ObservedState::Created,
    };
    assert_eq!(inspect(harness, id).await, expected);
}

pub(crate) async fn engine_picks_a_missing_name(harness: &impl Harness) {
    let (first, second) = (create(harness).await, create(harness).await);
    assert_ne!(
        inspect(harness, first).await.name,
        inspect(harness, second).await.name
    );
}

pub(crate) async fn second_container_of_a_name_is_refused(harness: &impl Harness) {
    let spec = ContainerSpec {
        name: Some(new_name()),
        ..harness.spec()
    };
    harness.engine().create(&spec).await.unwrap();
    let second = ContainerSpec {
        operation: new_operation(),
        ..spec
    };
    let second = harness.engine().create(&second).await;
    assert_eq!(second, Err(EngineError::NameInUse));
}

pub(crate) async fn container_is_labelled_with_its_operation(harness: &impl Harness) {
    let operation = new_operation();
    let spec = ContainerSpec {
        operation,
        ..harness.spec()
    };
    let id = harness.engine().create(&spec).await.unwrap();
    assert_eq!(
        harness.engine().managed().await,
        Ok(vec![Managed { id, operation }])
    );
}

pub(crate) async fn foreign_container_has_no_operation(harness: &impl Harness) {
    harness.make_foreign();
    assert_eq!(harness.engine().managed().await, Ok(Vec::new()));
}

pub(crate) async fn labelled_container_is_listed_for_the_operator(harness: &impl Harness) {
    let name = new_name();
    let spec = ContainerSpec {
        name: Some(name.clone()),
        ..harness.spec()
    };
    let id = harness.engine().create(&spec).await.unwrap();
    let labelled = harness.engine().labelled().await.unwrap();
    let listed = labelled.iter().find(|container| container.id == id).unwrap();
    assert_eq!(listed.name.trim_start_matches('/'), name.as_str());
    assert_eq!(listed.image, spec.image.to_string());
    assert!(!listed.instance.is_empty());
}

pub(crate) async fn start_of_a_running_container_changes_nothing(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let before = inspect(harness, id).await;
    harness.engine().start(id).await.unwrap();
    assert_eq!(inspect(harness, id).await, before);
}

pub(crate) async fn stop_of_a_stopped_container_changes_nothing(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    harness.engine().stop(id, GRACE).await.unwrap();
    let before = inspect(harness, id).await;
    harness.engine().stop(id, GRACE).await.unwrap();
    assert_eq!(inspect(harness, id).await, before);
}

pub(crate) async fn stop_of_a_created_container_changes_nothing(harness: &impl Harness) {
    let id = create(harness).await;
    harness.engine().stop(id, GRACE).await.unwrap();
    assert_eq!(inspect(harness, id).await.state, ObservedState::Created);
}

pub(crate) async fn container_that_ignores_the_signal_is_killed(harness: &impl Harness) {
    let id = start_with_command(harness, harness.stubborn_command()).await;
    harness.engine().stop(id, Duration::from_secs(1)).await.unwrap();
    // Without events, the exit code is all that the engine reports of a killed process.
    let exit = exit(&inspect(harness, id).await);
    assert!(
        matches!(exit, Some(Exit::Killed | Exit::Exited { code: 137 })),
        "{exit:?}"
    );
}

pub(crate) async fn inspection_of_a_missing_container_is_none(harness: &impl Harness) {
    assert_eq!(harness.engine().inspect(missing()).await, Ok(None));
}

pub(crate) async fn removal_of_a_missing_container_succeeds(harness: &impl Harness) {
    assert_eq!(harness.engine().remove(missing()).await, Ok(()));
}

pub(crate) async fn missing_container_cannot_be_started_or_stopped(harness: &impl Harness) {
    let engine = harness.engine();
    assert_eq!(engine.start(missing()).await, Err(EngineError::NoSuchContainer));
    assert_eq!(
        engine.stop(missing(), GRACE).await,
        Err(EngineError::NoSuchContainer)
    );
}

pub(crate) async fn container_named_like_an_id_is_not_that_container(harness: &impl Harness) {
    let (id, other) = (create(harness).await, create(harness).await);
    let name = id.to_string().parse().unwrap();
    harness.rename(other, &name);
    harness.remove(id);
    assert_eq!(harness.engine().inspect(id).await, Ok(None));
    assert_eq!(harness.engine().remove(id).await, Ok(()));
    assert_eq!(inspect(harness, other).await.name, name);
}

pub(crate) async fn removal_of_a_running_container_kills_it(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    harness.engine().remove(id).await.unwrap();
    assert_eq!(harness.engine().inspect(id).await, Ok(None));
}

pub(crate) async fn removal_deletes_anonymous_volumes(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let volume = harness.volume_of(id);
    assert!(harness.has_volume(&volume));
    harness.engine().remove(id).await.unwrap();
    assert!(!harness.has_volume(&volume));
}

pub(crate) async fn running_container_has_ports_and_an_address(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let ObservedState::Live {
        state,
        endpoints,
        addresses,
        ..
    } = inspect(harness, id).await.state
    else {
        panic!("the container does not run")
    };
    assert_eq!(state, LiveState::Running);
    assert_eq!(endpoints.ports().len(), 2);
    assert!(endpoints.ssh().is_some_and(|port| port != 0));
    assert!(
        endpoints
            .app()
            .is_some_and(|port| port != 0 && Some(port) != endpoints.ssh())
    );
    assert_eq!(addresses.len(), 1);
}

pub(crate) async fn each_run_has_its_own_identity(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let live = run(&inspect(harness, id).await);
    harness.engine().stop(id, GRACE).await.unwrap();
    let ended = run(&inspect(harness, id).await);
    harness.engine().start(id).await.unwrap();
    let next = run(&inspect(harness, id).await);
    assert!(live.is_some());
    assert_eq!(live, ended);
    assert_ne!(next, ended);
}

pub(crate) async fn missing_program_is_rejected_at_the_start(harness: &impl Harness) {
    let spec = ContainerSpec {
        command: harness.missing_command(),
        ..harness.spec()
    };
    let id = harness.engine().create(&spec).await.unwrap();
    let started = harness.engine().start(id).await;
    assert!(matches!(started, Err(EngineError::Rejected(_))), "{started:?}");
    assert_eq!(inspect(harness, id).await.state, ObservedState::Created);
}

pub(crate) async fn external_rename_is_visible(harness: &impl Harness) {
    let (id, name) = (create(harness).await, new_name());
    harness.rename(id, &name);
    assert_eq!(inspect(harness, id).await.name, name);
}
