//! The registry on a real disk: what is acknowledged is found again. Long, because one file is written by all of it.

mod history;

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
/// More containers than a test has.
const MOST: u32 = 100;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOW))
}

fn open(directory: &TempDir) -> Registry {
    try_open(directory.path()).unwrap()
}

fn try_open(directory: &Path) -> Result<Registry, OpenError> {
    Registry::open(StateDirectory::claim(directory)?, clock())
}

/// Waits until the thread has let go of the directory, as it does when the last handle is gone.
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
        .open_creation(creation(number, None), MOST)
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

#[tokio::test]
async fn every_state_is_found_again_exactly_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    let running = || live("first", LiveState::Running);
    let histories = [
        vec![],
        vec![running()],
        vec![live("first", LiveState::Paused)],
        vec![running(), requested(Request::Stop)],
        vec![
            running(),
            observed(ObservedState::Ended {
                run: RunId::new("first"),
                exit: Exit::Killed,
            }),
        ],
        vec![
            running(),
            requested(Request::Remove(crate::domain::RemoveMode::Graceful)),
        ],
        vec![requested(Request::Remove(crate::domain::RemoveMode::Force))],
        vec![
            running(),
            requested(Request::SetLimits(Limits {
                idle_timeout: Some(TimeLimit::Never),
                ..Limits::default()
            })),
        ],
        vec![running(), report(1, 3)],
    ];
    for (history, number) in histories.into_iter().zip(1..) {
        bound(&registry, number).await;
        for input in history {
            apply(&registry, number, input).await;
        }
    }
    registry
        .open_creation(creation(100, Some(("key", "request"))), MOST)
        .await
        .unwrap();
    registry.flush().await.unwrap();
    let before = registry.snapshot();
    close(registry).await;

    let after = open(&directory).snapshot();
    assert_eq!(before.records().count(), 9);
    for record in before.records() {
        assert_eq!(after.get(record.id()), Some(record));
    }
    assert_eq!(after.records().count(), 9);
    assert_eq!(
        after.creations().collect::<Vec<_>>(),
        before.creations().collect::<Vec<_>>()
    );
    assert_eq!(after.instance(), before.instance());
}

#[tokio::test]
async fn activity_is_written_down_at_the_latest_when_the_registry_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    bound(&registry, 1).await;
    apply(&registry, 1, live("first", LiveState::Running)).await;
    apply(&registry, 1, report(1, 3)).await;
    assert_eq!(
        registry.snapshot().get(id(1)).unwrap().activity().connections,
        3,
        "readers see it at once"
    );
    close(registry).await;
    assert_eq!(
        open(&directory)
            .snapshot()
            .get(id(1))
            .unwrap()
            .activity()
            .connections,
        3
    );
}

#[tokio::test]
async fn what_has_vanished_is_gone_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    bound(&registry, 1).await;
    let applied = apply(&registry, 1, vanished()).await;
    assert_eq!((applied.record, applied.change), (None, Change::Changed));
    assert!(registry.snapshot().get(id(1)).is_none());
    close(registry).await;
    assert!(open(&directory).snapshot().get(id(1)).is_none());
}

#[tokio::test]
async fn what_nobody_knows_cannot_be_changed() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    let applied = apply(&registry, 1, requested(Request::Start)).await;
    assert_eq!(
        (applied.record, applied.change, applied.effect),
        (None, Change::Unchanged, None)
    );
}

#[tokio::test]
async fn a_refusal_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    bound(&registry, 1).await;
    apply(&registry, 1, live("first", LiveState::Paused)).await;
    let refused = registry
        .apply(id(1), requested(Request::Start), policy())
        .await
        .unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::Paused);
    assert!(matches!(
        registry.snapshot().get(id(1)).unwrap().lifecycle(),
        Lifecycle::Paused { .. }
    ));
}

#[tokio::test]
async fn a_key_stands_for_one_request_until_that_has_failed() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    let wanted = |number, request| creation(number, Some(("key", request)));
    assert_eq!(
        registry.open_creation(wanted(1, "web"), MOST).await.unwrap(),
        OpenOutcome::Opened
    );
    assert_eq!(
        registry.open_creation(wanted(2, "web"), MOST).await.unwrap(),
        OpenOutcome::Duplicate(operation(1))
    );
    assert_eq!(
        registry.open_creation(wanted(3, "db"), MOST).await.unwrap(),
        OpenOutcome::KeyReused
    );
    registry.close_creation(operation(1)).await.unwrap();
    assert_eq!(
        registry.open_creation(wanted(4, "db"), MOST).await.unwrap(),
        OpenOutcome::Opened
    );
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let clock = clock();
    let registry = Registry::open(
        StateDirectory::claim(directory.path()).unwrap(),
        Arc::clone(&clock) as _,
    )
    .unwrap();
    let wanted = |number| creation(number, Some(("key", "web")));
    registry.open_creation(wanted(1), MOST).await.unwrap();
    registry
        .bind(operation(1), id(1), "name".parse().unwrap())
        .await
        .unwrap();
    clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(
        registry.open_creation(wanted(2), MOST).await.unwrap(),
        OpenOutcome::Duplicate(operation(1))
    );
    clock.advance(Duration::from_secs(1));
    assert_eq!(
        registry.open_creation(wanted(3), MOST).await.unwrap(),
        OpenOutcome::Opened
    );
    // And it does not stay for want of another one.
    clock.advance(Duration::from_secs(24 * 60 * 60 + 1));
    registry.flush().await.unwrap();
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    let keys: u32 = connection
        .query_row("select count(*) from idempotency_key", [], |row| row.get(0))
        .unwrap();
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn a_creation_that_was_closed_cannot_be_bound() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    registry.open_creation(creation(1, None), MOST).await.unwrap();
    registry.close_creation(operation(1)).await.unwrap();
    assert_eq!(
        registry
            .bind(operation(1), id(1), "name".parse().unwrap())
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn readers_see_what_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    bound(&registry, 1).await;
    let states = [live("first", LiveState::Running), requested(Request::Stop)];
    for input in states {
        let applied = apply(&registry, 1, input).await;
        assert_eq!(registry.snapshot().get(id(1)).cloned(), applied.record);
    }
}

#[tokio::test]
async fn a_second_daemon_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _registry = open(&directory);
    let error = try_open(directory.path()).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
}

#[tokio::test]
async fn the_directory_and_its_files_are_private() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let registry = try_open(&state).unwrap();
    bound(&registry, 1).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for entry in fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE_NAME);
    let garbage = "this is not a registry ".repeat(1000);
    fs::write(&file, &garbage).unwrap();
    let error = try_open(directory.path()).err().unwrap();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), garbage);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    close(open(&directory)).await;
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let error = try_open(directory.path()).err().unwrap();
    assert!(matches!(error, OpenError::Newer { found: 999, .. }), "{error}");
}

#[test]
fn a_directory_that_others_can_write_into_and_a_file_are_not_claimed() {
    let directory = tempfile::tempdir().unwrap();
    for mode in [0o777, 0o1777, 0o770, 0o702] {
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = StateDirectory::claim(directory.path()).unwrap_err();
        assert!(error.to_string().contains("chmod go-w"), "{mode:o}: {error}");
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(StateDirectory::claim(directory.path()).is_ok());
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = StateDirectory::claim(&file).unwrap_err().to_string();
    assert_eq!(error.matches("not a directory").count(), 1, "{error}");
}

#[tokio::test]
async fn a_file_of_the_version_before_knows_no_engine_and_learns_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE_NAME);
    fs::write(&file, "").unwrap();
    drop(schema::begin_at(&file, 2).unwrap());
    let registry = open(&directory);
    bound(&registry, 1).await;
    let engine_identity_or = async |found: &str| registry.engine_identity_or(found.to_owned()).await.unwrap();
    assert_eq!(engine_identity_or("first").await, "first");
    assert_eq!(
        engine_identity_or("second").await,
        "first",
        "there is a container on it"
    );
    apply(&registry, 1, vanished()).await;
    assert_eq!(engine_identity_or("second").await, "second");
}

#[tokio::test]
async fn format_5_keeps_its_reasons_as_text() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE_NAME);
    fs::write(&file, "").unwrap();
    let connection = schema::begin_at(&file, 5).unwrap();
    let (removing, opened) = (id(1), operation(2));
    let rows = format!(
        "insert into container (id, operation, name, image, created_at, generation, state, cause, evidence, connections)
         values ('{removing}', '{}', 'web', 'web', 1, 1, 'removing', 'requested', 'started=1/0', 0);
         insert into creation (operation, image, opened_at) values ('{opened}', 'web', 1);
         insert into history (at, container, name, image, what, why)
         values (1, '{removing}', 'web', 'web', 'started', 'asked for over the API'),
             (2, '{removing}', 'web', 'web', 'stopped', '');",
        operation(1)
    );
    connection.execute_batch(&rows).unwrap();
    drop(connection);
    let registry = open(&directory);
    let history = registry.history().of(removing);
    let reasons: Vec<_> = history.iter().map(|event| event.event.reason.clone()).collect();
    let text = Reason::Text {
        text: "asked for over the API".into(),
    };
    assert_eq!(reasons, [Some(text), None]);
    assert!(history.iter().all(|event| event.event.actor.is_none()));
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.get(removing).unwrap().intent(), None);
    let creation = snapshot.creations().next().unwrap();
    assert_eq!(creation.requested_by, Caller::unidentified());
}

#[tokio::test]
async fn events_of_one_client_share_it_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    bound(&registry, 1).await;
    bound(&registry, 2).await;
    let all_share = |registry: &Registry| {
        let events = registry.history().after(0, usize::MAX);
        let callers: Vec<_> = events
            .iter()
            .filter_map(|event| match &event.event.actor {
                Some(Actor::Caller(caller)) => Some(Arc::clone(caller)),
                _ => None, // only clients are shared
            })
            .collect();
        assert_eq!(callers.len(), 2);
        Arc::ptr_eq(&callers[0], &callers[1])
    };
    assert!(all_share(&registry), "as they are recorded");
    close(registry).await;
    assert!(all_share(&open(&directory)), "as they are read");
}

#[tokio::test]
async fn format_4_keeps_its_rows_and_the_next_event_number() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE_NAME);
    fs::write(&file, "").unwrap();
    let connection = schema::begin_at(&file, 4).unwrap();
    let container = id(1);
    let rows = format!(
        "insert into container (id, operation, name, image, created_at, generation, state, since, cause, evidence,
             connections)
         values ('{container}', '{}', 'web', 'web', 1, 1, 'stopped', 1, 'requested', 'started=1/0', 0);
         insert into history (at, container, name, image, what, why)
         values (1, '{container}', 'web', 'web', 'created', ''), (2, '{container}', 'web', 'web', 'stopped', '');
         delete from history where at = 2;",
        operation(1)
    );
    connection.execute_batch(&rows).unwrap();
    drop(connection);
    let registry = open(&directory);
    assert_eq!(registry.snapshot().get(container).unwrap().name().as_str(), "web");
    close(registry).await;
    let connection = rusqlite::Connection::open(&file).unwrap();
    let last: i64 = connection
        .query_row(
            "select seq from sqlite_sequence where name = 'history'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(last, 2);
}

#[tokio::test]
async fn opaque_container_id_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    registry.open_creation(creation(1, None), MOST).await.unwrap();
    let id: ContainerId = "web-1".parse().unwrap();
    registry
        .bind(operation(1), id, "web".parse().unwrap())
        .await
        .unwrap();
    close(registry).await;
    assert!(open(&directory).snapshot().get(id).is_some());
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_refused_by_the_schema() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    bound(&registry, 1).await;
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    for nonsense in [
        "update container set state = 'running'",
        "update container set state = 'stopped', since = 1",
        "update container set ports = '22/tcp=1'",
        "update container set state = 'dreaming'",
        "update container set id = ''",
        "update container set id = '../images'",
        "update container set id = 'UPPER'",
        "update container set created_at = 'yesterday'",
    ] {
        assert!(connection.execute(nonsense, []).is_err(), "{nonsense}");
    }
}

#[tokio::test]
async fn a_cause_is_kept_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    bound(&registry, 1).await;
    apply(&registry, 1, live("first", LiveState::Running)).await;
    let ended = ObservedState::Ended {
        run: RunId::new("first"),
        exit: Exit::Exited { code: 0 },
    };
    apply(&registry, 1, observed(ended)).await;
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    let cause: String = connection
        .query_row("select cause from container", [], |row| row.get(0))
        .unwrap();
    assert_eq!(cause, "exited");
    let record = registry.snapshot().get(id(1)).cloned().unwrap();
    assert_eq!(
        record.lifecycle(),
        &Lifecycle::Stopped {
            since: NOW,
            cause: StopCause::Exited
        }
    );
}

#[tokio::test]
async fn creations_and_containers_count_together_and_a_repetition_is_not_one_more() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    let wanted = |number| creation(number, Some(("key", "request")));
    let open = async |creation| registry.open_creation(creation, 2).await.unwrap();
    assert_eq!(open(wanted(1)).await, OpenOutcome::Opened);
    assert_eq!(open(creation(2, None)).await, OpenOutcome::Opened);
    assert_eq!(open(creation(3, None)).await, OpenOutcome::LimitReached);
    let name = "hungry_bell".parse().unwrap();
    registry.bind(operation(1), id(1), name).await.unwrap();
    assert_eq!(open(creation(3, None)).await, OpenOutcome::LimitReached);
    assert_eq!(open(wanted(4)).await, OpenOutcome::Duplicate(operation(1)));
    registry.close_creation(operation(2)).await.unwrap();
    assert_eq!(open(creation(3, None)).await, OpenOutcome::Opened);
}
