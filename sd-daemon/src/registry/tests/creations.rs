//! Creations and idempotency keys.

use super::*;

#[tokio::test]
async fn key_belongs_to_one_request_until_its_create_fails() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    let wanted = |number, request| creation(number, Some(("key", request)));
    assert_eq!(
        registry.open_creation(wanted(1, "web"), LIMIT).await.unwrap(),
        OpenOutcome::Opened
    );
    assert_eq!(
        registry.open_creation(wanted(2, "web"), LIMIT).await.unwrap(),
        OpenOutcome::Duplicate(operation(1))
    );
    assert_eq!(
        registry.open_creation(wanted(3, "db"), LIMIT).await.unwrap(),
        OpenOutcome::KeyReused
    );
    registry.close_creation(operation(1)).await.unwrap();
    assert_eq!(
        registry.open_creation(wanted(4, "db"), LIMIT).await.unwrap(),
        OpenOutcome::Opened
    );
}

#[tokio::test]
async fn key_expires_after_a_day() {
    let directory = tempfile::tempdir().unwrap();
    let clock = clock();
    let registry = Registry::open(
        StateDirectory::claim(directory.path()).unwrap(),
        Arc::clone(&clock) as _,
    )
    .unwrap();
    let wanted = |number| creation(number, Some(("key", "web")));
    registry.open_creation(wanted(1), LIMIT).await.unwrap();
    registry
        .bind(operation(1), id(1), "name".parse().unwrap())
        .await
        .unwrap();
    clock.advance(Duration::from_secs(24 * 60 * 60));
    assert_eq!(
        registry.open_creation(wanted(2), LIMIT).await.unwrap(),
        OpenOutcome::Duplicate(operation(1))
    );
    clock.advance(Duration::from_secs(1));
    assert_eq!(
        registry.open_creation(wanted(3), LIMIT).await.unwrap(),
        OpenOutcome::Opened
    );
    // It is also deleted if no other key is used.
    clock.advance(Duration::from_secs(24 * 60 * 60 + 1));
    registry.flush().await.unwrap();
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    let keys: u32 = connection
        .query_row("select count(*) from idempotency_key", [], |row| row.get(0))
        .unwrap();
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn closed_creation_cannot_be_bound() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    registry.open_creation(creation(1, None), LIMIT).await.unwrap();
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
async fn limit_counts_containers_and_open_creations() {
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
