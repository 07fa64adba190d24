//! The history: limits, ids, and the events after a reopen.

use super::*;
use crate::domain::RecordedEvent;
use crate::registry::rows::events::{MAX_EVENTS, MAX_EVENTS_OF_CONTAINER};

fn all(registry: &Registry) -> Vec<RecordedEvent> {
    registry.history().after(0, usize::MAX)
}

/// Closes the registry, and opens it again.
async fn reopened(registry: Registry, directory: &TempDir) -> Registry {
    close(registry).await;
    open(directory)
}

/// Changes a container, which records an event.
async fn change(registry: &Registry, number: u8, seconds: u64) {
    let idle_timeout = Some(TimeLimit::After(Duration::from_secs(seconds)));
    let limits = Limits {
        idle_timeout,
        ..Limits::default()
    };
    apply(registry, number, requested(Request::SetLimits(limits))).await;
}

#[tokio::test]
async fn limit_per_container_keeps_its_latest_events() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    for number in [1, 2] {
        bound(&registry, number).await;
        change(&registry, number, 1).await;
    }
    let of_other = registry.history().of(id(2));
    for seconds in 2..=150 {
        change(&registry, 1, seconds).await;
    }
    let kept = registry.history().of(id(1));
    assert_eq!(kept.len(), MAX_EVENTS_OF_CONTAINER);
    let ids: Vec<_> = kept.iter().map(|event| event.id).collect();
    assert!(ids.is_sorted() && ids.last() == all(&registry).last().map(|event| &event.id));
    assert!(!of_other.is_empty());
    assert_eq!(registry.history().of(id(2)), of_other);
    let shown = all(&registry);
    assert_eq!(all(&reopened(registry, &directory).await), shown);
}

#[tokio::test]
async fn limit_of_all_events_deletes_the_oldest_ones() {
    let directory = tempfile::tempdir().unwrap();
    close(open(&directory)).await;
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    connection
        .execute(
            "with recursive number(n) as (select 1 union all select n + 1 from number where n < ?1)
             insert into history (at, container, name, image, what, why)
             select 0, printf('%064x', n), 'old', 'old', 'removed', '' from number",
            [MAX_EVENTS],
        )
        .unwrap();
    drop(connection);
    let registry = open(&directory);
    assert_eq!(all(&registry).len(), MAX_EVENTS);
    bound(&registry, 1).await;
    for seconds in 1..=3 {
        let oldest = all(&registry)[0].id;
        change(&registry, 1, seconds).await;
        let kept = all(&registry);
        assert_eq!((kept.len(), kept[0].id), (MAX_EVENTS, oldest + 1));
    }
    let shown = all(&registry);
    let registry = reopened(registry, &directory).await;
    assert_eq!(all(&registry), shown);
    // Ids are not reused after events were deleted.
    change(&registry, 1, 4).await;
    assert_eq!(all(&registry).last().unwrap().id, shown.last().unwrap().id + 1);
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
