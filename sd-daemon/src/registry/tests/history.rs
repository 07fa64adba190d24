//! How much of what happened is kept, and that readers are shown what is on the disk.

use super::*;
use crate::domain::RecordedEvent;

/// As many as are kept in all, and of one container.
const IN_ALL: usize = 10_000;
const OF_ONE: usize = 100;

fn all(registry: &Registry) -> Vec<RecordedEvent> {
    registry.history().after(0, usize::MAX)
}

/// What a daemon that starts now reads.
async fn reopened(registry: Registry, directory: &TempDir) -> Registry {
    close(registry).await;
    open(directory)
}

/// Something that is told of a container each time.
async fn change(registry: &Registry, number: u8, seconds: u64) {
    let idle_timeout = Some(TimeLimit::After(Duration::from_secs(seconds)));
    let limits = Limits {
        idle_timeout,
        ..Limits::default()
    };
    apply(registry, number, requested(Request::SetLimits(limits))).await;
}

#[tokio::test]
async fn of_one_container_the_latest_are_kept_and_others_lose_nothing_by_that() {
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
    assert_eq!(kept.len(), OF_ONE);
    let ids: Vec<_> = kept.iter().map(|event| event.id).collect();
    assert!(ids.is_sorted() && ids.last() == all(&registry).last().map(|event| &event.id));
    assert!(!of_other.is_empty());
    assert_eq!(registry.history().of(id(2)), of_other);
    let shown = all(&registry);
    assert_eq!(all(&reopened(registry, &directory).await), shown);
}

#[tokio::test]
async fn of_all_the_latest_are_kept_and_the_oldest_are_forgotten_one_by_one() {
    let directory = tempfile::tempdir().unwrap();
    close(open(&directory)).await;
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    connection
        .execute(
            "with recursive number(n) as (select 1 union all select n + 1 from number where n < ?1)
             insert into history (at, container, name, image, what, why)
             select 0, printf('%064x', n), 'old', 'old', 'removed', '' from number",
            [IN_ALL],
        )
        .unwrap();
    drop(connection);
    let registry = open(&directory);
    assert_eq!(all(&registry).len(), IN_ALL);
    bound(&registry, 1).await;
    for seconds in 1..=3 {
        let oldest = all(&registry)[0].id;
        change(&registry, 1, seconds).await;
        let kept = all(&registry);
        assert_eq!((kept.len(), kept[0].id), (IN_ALL, oldest + 1));
    }
    let shown = all(&registry);
    let registry = reopened(registry, &directory).await;
    assert_eq!(all(&registry), shown);
    // Numbers are not given twice, whatever was forgotten.
    change(&registry, 1, 4).await;
    assert_eq!(all(&registry).last().unwrap().id, shown.last().unwrap().id + 1);
}
