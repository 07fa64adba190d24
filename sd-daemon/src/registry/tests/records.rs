//! Records: what is saved, and what readers see.

use super::*;

#[tokio::test]
async fn every_state_survives_a_reopen() {
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
        .open_creation(creation(100, Some(("key", "request"))), LIMIT)
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
async fn activity_is_written_when_the_registry_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    bound(&registry, 1).await;
    apply(&registry, 1, live("first", LiveState::Running)).await;
    apply(&registry, 1, report(1, 3)).await;
    assert_eq!(
        registry.snapshot().get(id(1)).unwrap().activity().connections,
        3,
        "readers see it immediately"
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
async fn vanished_container_stays_deleted_after_a_reopen() {
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
async fn input_for_an_unknown_container_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    let applied = apply(&registry, 1, requested(Request::Start)).await;
    assert_eq!(
        (applied.record, applied.change, applied.effect),
        (None, Change::Unchanged, None)
    );
}

#[tokio::test]
async fn refused_input_changes_nothing() {
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
async fn snapshot_contains_acknowledged_changes() {
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
async fn stop_cause_is_stored_by_name() {
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
