//! The cases: each is a sentence of the contract.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sd_daemon::domain::{
    ContainerId, ContainerPort, Exit, Image, LiveState, Observation, ObservedState, RunId,
};
use sd_daemon::engine::{ContainerSpec, EngineError, EngineEvent, Managed};

use crate::harness::{Harness, new_name, new_operation};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a container is given to end when it does end.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) async fn images_are_listed_by_their_tags_in_order(harness: &impl Harness) {
    let image = harness.image().to_string();
    let images = harness.engine().images().await.unwrap();
    assert!(images.contains(&image), "{images:?}");
    assert!(images.is_sorted());
}

pub(crate) async fn an_image_tells_its_ports(harness: &impl Harness) {
    let exposed = vec![ContainerPort::SSH, ContainerPort::tcp(8000)];
    let expected = Image {
        exposed,
        app_port: Some(8000),
        ..Image::default()
    };
    assert_eq!(harness.engine().image(&harness.image()).await, Ok(expected));
}

pub(crate) async fn an_image_that_is_not_there_is_no_such_image(harness: &impl Harness) {
    let image = "no-such-image".parse().unwrap();
    assert_eq!(
        harness.engine().image(&image).await,
        Err(EngineError::NoSuchImage)
    );
    let spec = ContainerSpec {
        image,
        ..harness.spec()
    };
    assert_eq!(
        harness.engine().create(&spec).await,
        Err(EngineError::NoSuchImage)
    );
}

pub(crate) async fn a_new_container_has_its_name_and_has_not_run(harness: &impl Harness) {
    let name = new_name();
    let spec = ContainerSpec {
        name: Some(name.clone()),
        ..harness.spec()
    };
    let id = harness.engine().create(&spec).await.unwrap();
    assert_eq!(
        look(harness, id).await,
        Observation {
            name,
            state: ObservedState::Created
        }
    );
}

pub(crate) async fn a_container_without_a_name_is_given_one(harness: &impl Harness) {
    let (first, second) = (create(harness).await, create(harness).await);
    assert_ne!(look(harness, first).await.name, look(harness, second).await.name);
}

pub(crate) async fn a_name_that_is_taken_is_in_use(harness: &impl Harness) {
    let name = Some(new_name());
    harness
        .engine()
        .create(&ContainerSpec {
            name: name.clone(),
            ..harness.spec()
        })
        .await
        .unwrap();
    let second = harness
        .engine()
        .create(&ContainerSpec {
            name,
            ..harness.spec()
        })
        .await;
    assert_eq!(second, Err(EngineError::NameInUse));
}

pub(crate) async fn a_container_carries_the_operation_it_came_from(harness: &impl Harness) {
    let operation = new_operation();
    let id = harness
        .engine()
        .create(&ContainerSpec {
            operation,
            ..harness.spec()
        })
        .await
        .unwrap();
    assert_eq!(
        harness.engine().managed().await,
        Ok(vec![Managed { id, operation }])
    );
}

pub(crate) async fn a_container_made_by_somebody_else_carries_no_operation(harness: &impl Harness) {
    harness.make_foreign();
    assert_eq!(harness.engine().managed().await, Ok(Vec::new()));
}

pub(crate) async fn starting_a_running_container_changes_nothing(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let before = look(harness, id).await;
    harness.engine().start(id).await.unwrap();
    assert_eq!(look(harness, id).await, before);
}

pub(crate) async fn stopping_a_container_at_rest_changes_nothing(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    harness.engine().stop(id, GRACE).await.unwrap();
    let before = look(harness, id).await;
    harness.engine().stop(id, GRACE).await.unwrap();
    assert_eq!(look(harness, id).await, before);
}

pub(crate) async fn stopping_a_container_that_never_ran_changes_nothing(harness: &impl Harness) {
    let id = create(harness).await;
    harness.engine().stop(id, GRACE).await.unwrap();
    assert_eq!(look(harness, id).await.state, ObservedState::Created);
}

pub(crate) async fn a_container_that_does_not_end_when_asked_is_killed(harness: &impl Harness) {
    let spec = ContainerSpec {
        command: harness.stubborn_command(),
        ..harness.spec()
    };
    let id = harness.engine().create(&spec).await.unwrap();
    harness.engine().start(id).await.unwrap();
    harness.engine().stop(id, Duration::from_secs(1)).await.unwrap();
    assert_eq!(how_it_ended(&look(harness, id).await), Some(Exit::BySignal));
}

pub(crate) async fn a_missing_container_is_nothing_and_not_an_error(harness: &impl Harness) {
    assert_eq!(harness.engine().inspect(missing()).await, Ok(None));
}

pub(crate) async fn removing_a_missing_container_succeeds(harness: &impl Harness) {
    assert_eq!(harness.engine().remove(missing()).await, Ok(()));
}

pub(crate) async fn what_is_called_by_the_id_of_another_is_not_taken_for_it(harness: &impl Harness) {
    let (id, other) = (create(harness).await, create(harness).await);
    let name = id.to_string().parse().unwrap();
    harness.rename(other, &name);
    harness.remove(id);
    assert_eq!(harness.engine().inspect(id).await, Ok(None));
    assert_eq!(harness.engine().remove(id).await, Ok(()));
    assert_eq!(look(harness, other).await.name, name);
}

pub(crate) async fn removing_a_live_container_ends_it(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    harness.engine().remove(id).await.unwrap();
    assert_eq!(harness.engine().inspect(id).await, Ok(None));
}

pub(crate) async fn removing_a_container_takes_its_anonymous_volumes_along(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let volume = harness.volume_of(id);
    assert!(harness.has_volume(&volume));
    harness.engine().remove(id).await.unwrap();
    assert!(!harness.has_volume(&volume));
}

pub(crate) async fn a_running_container_shows_its_ports_and_addresses(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let ObservedState::Live {
        state,
        endpoints,
        addresses,
        ..
    } = look(harness, id).await.state
    else {
        panic!("the container is not live")
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

pub(crate) async fn each_run_has_an_identity_of_its_own(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let live = run(&look(harness, id).await);
    harness.engine().stop(id, GRACE).await.unwrap();
    let ended = run(&look(harness, id).await);
    harness.engine().start(id).await.unwrap();
    let next = run(&look(harness, id).await);
    assert!(live.is_some());
    assert_eq!(live, ended);
    assert_ne!(next, ended);
}

pub(crate) async fn a_frozen_container_is_live_and_paused(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let before = look(harness, id).await;
    harness.pause(id);
    let after = look(harness, id).await;
    assert!(
        matches!(
            after.state,
            ObservedState::Live {
                state: LiveState::Paused,
                ..
            }
        ),
        "{after:?}"
    );
    assert_eq!(run(&after), run(&before));
}

pub(crate) async fn a_frozen_container_cannot_be_started(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    harness.pause(id);
    let started = harness.engine().start(id).await;
    assert!(matches!(started, Err(EngineError::Rejected(_))), "{started:?}");
}

pub(crate) async fn a_frozen_container_can_be_stopped(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    harness.pause(id);
    harness.engine().stop(id, GRACE).await.unwrap();
    assert!(!look(harness, id).await.is_live());
}

pub(crate) async fn a_main_process_that_returns_ended_by_itself(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let mut events = harness.engine().events();
    harness.exit(id);
    let ended = see(harness, &mut events, id, |seen| how_it_ended(seen).is_some()).await;
    assert_eq!(how_it_ended(&ended), Some(Exit::ByItself { status: 0 }));
}

pub(crate) async fn a_main_process_that_somebody_stops_ended_by_signal(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let mut events = harness.engine().events();
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    // Its status will be 0: only the events tell that this was not its own doing.
    harness.stop(id);
    see(harness, &mut events, id, |seen| {
        how_it_ended(seen) == Some(Exit::BySignal)
    })
    .await;
}

pub(crate) async fn a_command_that_cannot_be_executed_is_rejected_and_has_not_run(harness: &impl Harness) {
    let spec = ContainerSpec {
        command: harness.missing_command(),
        ..harness.spec()
    };
    let id = harness.engine().create(&spec).await.unwrap();
    let started = harness.engine().start(id).await;
    assert!(matches!(started, Err(EngineError::Rejected(_))), "{started:?}");
    assert_eq!(look(harness, id).await.state, ObservedState::Created);
}

pub(crate) async fn a_name_given_by_somebody_else_is_seen(harness: &impl Harness) {
    let (id, name) = (create(harness).await, new_name());
    harness.rename(id, &name);
    assert_eq!(look(harness, id).await.name, name);
}

pub(crate) async fn it_is_the_same_engine_each_time_it_is_asked(harness: &impl Harness) {
    let identity = async || harness.engine().identity().await.unwrap();
    let first = identity().await;
    assert!(first.len() > 10, "{first:?} tells one from another");
    assert_eq!(identity().await, first);
}

pub(crate) async fn the_network_of_the_containers_has_a_gateway(harness: &impl Harness) {
    let gateway = harness.engine().gateway().await.unwrap();
    assert!(gateway.is_some_and(|address| !address.is_unspecified()));
}

pub(crate) async fn the_first_event_says_to_look_at_everything(harness: &impl Harness) {
    create(harness).await;
    let first = tokio::time::timeout(PATIENCE, harness.engine().events().next().into_future()).await;
    assert_eq!(first, Ok(Some(EngineEvent::Resync)));
}

pub(crate) async fn a_start_by_somebody_else_is_an_event(harness: &impl Harness) {
    let (id, mut events) = (create(harness).await, harness.engine().events());
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    harness.start(id);
    see(harness, &mut events, id, Observation::is_live).await;
}

pub(crate) async fn a_stop_by_somebody_else_is_an_event(harness: &impl Harness) {
    let (id, mut events) = (create_and_start(harness).await, harness.engine().events());
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    harness.stop(id);
    see(harness, &mut events, id, |seen| !seen.is_live()).await;
}

pub(crate) async fn a_removal_by_somebody_else_is_an_event(harness: &impl Harness) {
    let (id, mut events) = (create(harness).await, harness.engine().events());
    assert_eq!(events.next().await, Some(EngineEvent::Resync));
    harness.remove(id);
    let vanished = async {
        while let Some(event) = events.next().await {
            if event == EngineEvent::Changed(id) && harness.engine().inspect(id).await == Ok(None) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, vanished)
        .await
        .expect("the removal is told");
}

async fn create(harness: &impl Harness) -> ContainerId {
    harness.engine().create(&harness.spec()).await.unwrap()
}

async fn create_and_start(harness: &impl Harness) -> ContainerId {
    let id = create(harness).await;
    harness.engine().start(id).await.unwrap();
    id
}

async fn look(harness: &impl Harness, id: ContainerId) -> Observation {
    harness
        .engine()
        .inspect(id)
        .await
        .unwrap()
        .expect("the container exists")
}

/// Looks whenever an event says so, until a look shows what is waited for. An event that comes too early
/// does no harm; one that never comes fails the test.
async fn see(
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
                let seen = look(harness, id).await;
                if is_wanted(&seen) {
                    return seen;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, seen)
        .await
        .expect("the change is told")
}

fn missing() -> ContainerId {
    "ab".repeat(32).parse().unwrap()
}

fn run(observation: &Observation) -> Option<RunId> {
    match &observation.state {
        ObservedState::Created | ObservedState::Unknown => None,
        ObservedState::Live { run, .. } | ObservedState::Ended { run, .. } => Some(run.clone()),
    }
}

fn how_it_ended(observation: &Observation) -> Option<Exit> {
    match &observation.state {
        ObservedState::Ended { exit, .. } => Some(*exit),
        ObservedState::Created | ObservedState::Live { .. } | ObservedState::Unknown => None,
    }
}
