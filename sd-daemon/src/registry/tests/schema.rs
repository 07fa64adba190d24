//! The schema: constraints, older formats and newer ones.

use super::*;

#[tokio::test]
async fn newer_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    close(open(&directory)).await;
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    connection.pragma_update(None, "user_version", 999).unwrap();
    drop(connection);
    let error = try_open(directory.path()).err().unwrap();
    assert!(matches!(error, OpenError::Newer { found: 999, .. }), "{error}");
}

#[tokio::test]
async fn format_2_gets_an_engine_identity() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE_NAME);
    fs::write(&file, "").unwrap();
    drop(crate::registry::schema::create_with_format(&file, 2).unwrap());
    let registry = open(&directory);
    bound(&registry, 1).await;
    let engine_identity_or = async |found: &str| registry.engine_identity_or(found.to_owned()).await.unwrap();
    assert_eq!(engine_identity_or("first").await, "first");
    assert_eq!(
        engine_identity_or("second").await,
        "first",
        "a container is on the first engine"
    );
    apply(&registry, 1, vanished()).await;
    assert_eq!(engine_identity_or("second").await, "second");
}

#[tokio::test]
async fn format_5_keeps_its_reasons_as_text() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE_NAME);
    fs::write(&file, "").unwrap();
    let connection = crate::registry::schema::create_with_format(&file, 5).unwrap();
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
async fn format_4_keeps_its_rows_and_the_next_event_id() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE_NAME);
    fs::write(&file, "").unwrap();
    let connection = crate::registry::schema::create_with_format(&file, 4).unwrap();
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
    registry.open_creation(creation(1, None), LIMIT).await.unwrap();
    let id: ContainerId = "web-1".parse().unwrap();
    registry
        .bind(operation(1), id, "web".parse().unwrap())
        .await
        .unwrap();
    close(registry).await;
    assert!(open(&directory).snapshot().get(id).is_some());
}

#[tokio::test]
async fn invalid_rows_violate_constraints() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(&directory);
    bound(&registry, 1).await;
    let connection = rusqlite::Connection::open(directory.path().join(FILE_NAME)).unwrap();
    for nonsense in [
        "update container set state = 'running'",
        "update container set state = 'stopped', since = 1",
        "update container set ports = '22/tcp=1'",
        "update container set state = 'unknown'",
        "update container set id = ''",
        "update container set id = '../images'",
        "update container set id = 'UPPER'",
        "update container set created_at = 'yesterday'",
    ] {
        assert!(connection.execute(nonsense, []).is_err(), "{nonsense}");
    }
}

/// A registry of each older format, built by its own migrations.
#[tokio::test]
async fn every_older_format_opens_with_its_rows() {
    for format in 1..crate::registry::schema::newest_format() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE_NAME);
        fs::write(&file, "").unwrap();
        let connection = crate::registry::schema::create_with_format(&file, format).unwrap();
        let activity = match format {
            1 => ("last_active_at, last_active_signal", "1, 'started'"),
            _ => ("evidence", "'started=1/0'"),
        };
        let rows = format!(
            "insert into container (id, operation, name, image, created_at, generation, state, since, cause, connections,
                 {})
             values ('{}', '{}', 'web', 'web', 1, 1, 'stopped', 1, 'requested', 0, {});
             insert into creation (operation, image, opened_at) values ('{}', 'web', 1);
             insert into idempotency_key values ('key', 'request', '{}', {});",
            activity.0,
            id(1),
            operation(1),
            activity.1,
            operation(2),
            operation(2),
            NOW.as_millis(),
        );
        connection.execute_batch(&rows).unwrap();
        drop(connection);

        let registry = open(&directory);
        let snapshot = registry.snapshot();
        assert_eq!(
            snapshot.get(id(1)).unwrap().name().as_str(),
            "web",
            "format {format}"
        );
        assert!(snapshot.is_open(operation(2)), "format {format}");
        let key = IdempotencyKey {
            key: "key".to_owned(),
            request: "request".to_owned(),
        };
        assert_eq!(
            registry.find_key(key).await.unwrap(),
            KeyLookup::SameRequest(operation(2)),
            "format {format}"
        );
    }
}
