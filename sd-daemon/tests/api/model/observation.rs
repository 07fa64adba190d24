//! Reads the observable state of a daemon and its engine at one time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use sd_client::api::ContainerQuery;
use sd_daemon::clock::Clock;
use sd_daemon::domain::{ContainerId, LiveState, Observation, ObservedState, OperationId};
use sd_daemon::engine::Engine;
use sd_daemon::engine::fake::{Call, FakeEngine};

use crate::auditor::{EngineContainer, Rows, SystemState};
use crate::ledger::{Ledger, Presence};
use crate::support::TestDaemon;

/// The variable with the number that a container reports.
pub(super) const NUMBER: &str = "SD_TEST_NUMBER";

/// Reads everything that the auditor checks. The engine must be connected.
pub(super) async fn observe_all(daemon: &TestDaemon, ledger: &Ledger) -> SystemState {
    let listed = daemon
        .client
        .containers(&ContainerQuery::default())
        .await
        .unwrap();
    let mut activities = BTreeMap::new();
    for container in &listed {
        // A container that is removed meanwhile has no activity.
        if let Ok(activity) = daemon.client.activity(&container.container_id).await {
            activities.insert(container.container_id.clone(), activity);
        }
    }
    let mut answers_for_gone = BTreeMap::new();
    for (id, account) in ledger.accounts() {
        if account.presence() == Presence::Deleted {
            let answer = daemon.client.container(id).await;
            let status = answer.map_or_else(|error| error.problem().unwrap().status, |_| 200);
            answers_for_gone.insert(id.clone(), status);
        }
    }
    let (engine, foreign) = containers(&daemon.engine, ledger).await;
    let volumes = ledger.accounts().values().flat_map(|account| &account.volumes);
    SystemState {
        now: SystemTime::from(daemon.clock.now()),
        clock_error: Duration::ZERO,
        listed,
        activities,
        answers_for_gone,
        rows: Rows::read(&daemon.registry_file()).unwrap(),
        engine,
        volumes: volumes
            .filter(|volume| daemon.engine.has_volume(volume))
            .cloned()
            .collect(),
        foreign,
    }
}

/// The containers of the daemon, and the states of all other containers.
async fn containers(
    engine: &FakeEngine,
    ledger: &Ledger,
) -> (Vec<EngineContainer>, BTreeMap<String, String>) {
    let specs = specs(engine);
    let operations: BTreeMap<ContainerId, OperationId> = {
        let managed = engine.managed().await.unwrap();
        managed
            .into_iter()
            .map(|managed| (managed.id, managed.operation))
            .collect()
    };
    let (mut seen, mut foreign) = (Vec::new(), BTreeMap::new());
    for id in engine.containers() {
        let Some(observation) = engine.observation_of(id) else {
            continue;
        };
        if ledger.all_foreign().contains_key(&id.to_string()) {
            foreign.insert(id.to_string(), format!("{observation:?}"));
            continue;
        }
        let operation = operations[&id];
        let (image, number) = specs.get(&operation).cloned().unwrap_or_default();
        seen.push(as_seen(id, operation, image, number, &observation));
    }
    (seen, foreign)
}

/// The image and the number of each create at the engine.
fn specs(engine: &FakeEngine) -> BTreeMap<OperationId, (String, Option<u32>)> {
    let creates = engine.calls().into_iter().filter_map(|call| match call {
        Call::Create(spec) => Some(spec),
        _ => None,
    });
    let number = |environment: &[String]| {
        let mut values = environment
            .iter()
            .filter_map(|variable| variable.strip_prefix(NUMBER)?.strip_prefix('='));
        values.next()?.parse().ok()
    };
    creates
        .map(|spec| {
            (
                spec.operation,
                (spec.image.to_string(), number(&spec.environment)),
            )
        })
        .collect()
}

fn as_seen(
    id: ContainerId,
    operation: OperationId,
    image: String,
    number: Option<u32>,
    observation: &Observation,
) -> EngineContainer {
    let (status, ports) = match &observation.state {
        ObservedState::Created => ("created", BTreeMap::new()),
        ObservedState::Ended { .. } => ("stopped", BTreeMap::new()),
        ObservedState::Unknown => ("unknown", BTreeMap::new()),
        ObservedState::Live { state, endpoints, .. } => {
            let ports = endpoints
                .ports()
                .iter()
                .map(|(port, host)| (port.to_string(), *host));
            let status = match state {
                LiveState::Running => "running",
                LiveState::Paused => "paused",
            };
            (status, ports.collect())
        }
    };
    EngineContainer {
        id: id.to_string(),
        operation: operation.to_string(),
        name: format!("/{}", observation.name.as_str()),
        image,
        status: status.to_owned(),
        ports,
        number,
    }
}

/// The containers that the daemon has started, stopped or removed so far.
pub(super) fn changed(engine: &FakeEngine) -> BTreeSet<String> {
    let calls = engine.calls().into_iter();
    let changed = calls.filter_map(|call| match call {
        Call::Start(id) | Call::Stop(id, _) | Call::Remove(id) => Some(id.to_string()),
        _ => None,
    });
    changed.collect()
}
