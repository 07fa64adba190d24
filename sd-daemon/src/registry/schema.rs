//! The tables, and how a file becomes one that this version can use.

use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::OpenError;
use super::files::{self, PlacementError};

/// Memory for pages of the file. Readers are answered from memory of another kind.
const CACHE_KIB: i64 = 512;

/// Each entry turns the format before it into the next; the number of entries is the format.
///
/// The constraints repeat what the types say, so that no row can be written that could not be read.
const MIGRATIONS: &[&str] = &["
    create table container (
        id text primary key check (length(id) = 64),
        operation text not null unique check (length(operation) = 32),
        name text not null check (name <> ''),
        image text not null check (image <> ''),
        created_at integer not null check (created_at >= 0),
        idle_timeout integer check (idle_timeout >= 0),        -- seconds; 0 never; null the default
        generation integer not null check (generation >= 0),
        last_run text,
        state text not null
            check (state in ('starting', 'running', 'paused', 'stopping', 'stopped', 'removing')),
        since integer check ((since is not null) = (state in ('running', 'paused', 'stopped'))),
        cause text
            check (cause in ('requested', 'idle', 'exited', 'external', 'failed'))
            check ((cause is not null) = (state in ('stopping', 'stopped'))),
        ports text,                                            -- '22/tcp=49155 80/tcp=49156'
        app_port text,
        addresses text check ((addresses is not null) = (state = 'running')),
        last_active_at integer not null check (last_active_at >= 0),
        last_active_signal text not null check (last_active_signal in ('started', 'check-in')),
        connections integer not null check (connections >= 0),
        check (case state
            when 'removing' then true
            when 'starting' then ports is null
            when 'stopped' then ports is null
            else ports is not null
        end)
    ) strict;

    create table creation (
        operation text primary key check (length(operation) = 32),
        image text not null check (image <> ''),
        name text,
        idle_timeout integer check (idle_timeout >= 0),
        opened_at integer not null check (opened_at >= 0)
    ) strict;

    create table idempotency_key (
        key text primary key,
        request text not null,
        operation text not null,
        opened_at integer not null
    ) strict;

    create table instance (
        only_row integer primary key check (only_row = 1),
        id text not null check (length(id) = 32)
    ) strict;
    insert into instance values (1, lower(hex(randomblob(16))));
", "
    create table container_2 (
        id text primary key check (length(id) = 64),
        operation text not null unique check (length(operation) = 32),
        name text not null check (name <> ''),
        image text not null check (image <> ''),
        created_at integer not null check (created_at >= 0),
        idle_timeout integer check (idle_timeout >= 0),        -- seconds; 0 never; null: others decide
        max_lifetime integer check (max_lifetime >= 0),
        remove_after integer check (remove_after >= 0),
        label_idle_timeout integer check (label_idle_timeout >= 0),
        label_max_lifetime integer check (label_max_lifetime >= 0),
        label_remove_after integer check (label_remove_after >= 0),
        generation integer not null check (generation >= 0),
        last_run text,
        state text not null
            check (state in ('starting', 'running', 'paused', 'stopping', 'stopped', 'removing')),
        since integer check ((since is not null) = (state in ('running', 'paused', 'stopped'))),
        cause text
            check (cause in ('requested', 'idle', 'expired', 'exited', 'external', 'failed'))
            check ((cause is not null) = (state in ('stopping', 'stopped', 'removing'))),
        ports text,                                            -- '22/tcp=49155 80/tcp=49156'
        app_port text,
        addresses text check ((addresses is not null) = (state = 'running')),
        process integer check (process > 0) check (process is null or state = 'running'),
        evidence text not null check (evidence <> ''),         -- 'started=1772373731250/0 check-in=…/2'
        connections integer not null check (connections >= 0),
        keep_until integer check (keep_until >= 0),
        kept_from integer check (kept_from >= 0) check ((kept_from is null) = (keep_until is null)),
        warned_of integer check (warned_of >= 0),
        check (case state
            when 'removing' then true
            when 'starting' then ports is null
            when 'stopped' then ports is null
            else ports is not null
        end)
    ) strict;
    insert into container_2
        select id, operation, name, image, created_at, idle_timeout, null, null, null, null, null,
            generation, last_run, state, since, case state when 'removing' then 'requested' else cause end,
            ports, app_port, addresses, null, last_active_signal || '=' || last_active_at || '/' || connections,
            connections, null, null, null
        from container;
    drop table container;
    alter table container_2 rename to container;

    alter table creation add column max_lifetime integer check (max_lifetime >= 0);
    alter table creation add column remove_after integer check (remove_after >= 0);
    alter table creation add column label_idle_timeout integer check (label_idle_timeout >= 0);
    alter table creation add column label_max_lifetime integer check (label_max_lifetime >= 0);
    alter table creation add column label_remove_after integer check (label_remove_after >= 0);

    -- What happened. The number is never used twice: who follows events resumes after the last one seen.
    create table history (
        id integer primary key autoincrement,
        at integer not null check (at >= 0),
        container text not null check (length(container) = 64),
        name text not null,
        image text not null,
        what text not null check (what <> ''),
        why text not null,
        stops_at integer check (stops_at >= 0)
    ) strict;
    create index history_of_container on history (container, id);

    -- Tokens of containers are made from it.
    alter table instance add column secret text not null default '' check (length(secret) in (0, 64));
    update instance set secret = lower(hex(randomblob(32)));

    -- How far what happened was told to the outside.
    create table webhook (
        only_row integer primary key check (only_row = 1),
        delivered integer not null check (delivered >= 0)
    ) strict;
", "
    -- The engine that the containers are on, once one has answered.
    alter table instance add column engine text check (engine <> '');
", "
    -- By what to tell whether the machine's date was set since the last start.
    alter table instance add column boot text check (boot <> '');
    alter table instance add column ahead_of_boot integer check ((ahead_of_boot is null) = (boot is null));
", "
    -- Ids of containers are opaque: 1 to 128 lower-case letters, digits or dashes.
    create table container_2 (
        id text primary key check (length(id) between 1 and 128) check (id not glob '*[^a-z0-9-]*'),
        operation text not null unique check (length(operation) = 32),
        name text not null check (name <> ''),
        image text not null check (image <> ''),
        created_at integer not null check (created_at >= 0),
        idle_timeout integer check (idle_timeout >= 0),        -- seconds; 0 never; null: others decide
        max_lifetime integer check (max_lifetime >= 0),
        remove_after integer check (remove_after >= 0),
        label_idle_timeout integer check (label_idle_timeout >= 0),
        label_max_lifetime integer check (label_max_lifetime >= 0),
        label_remove_after integer check (label_remove_after >= 0),
        generation integer not null check (generation >= 0),
        last_run text,
        state text not null
            check (state in ('starting', 'running', 'paused', 'stopping', 'stopped', 'removing')),
        since integer check ((since is not null) = (state in ('running', 'paused', 'stopped'))),
        cause text
            check (cause in ('requested', 'idle', 'expired', 'exited', 'external', 'failed'))
            check ((cause is not null) = (state in ('stopping', 'stopped', 'removing'))),
        ports text,                                            -- '22/tcp=49155 80/tcp=49156'
        app_port text,
        addresses text check ((addresses is not null) = (state = 'running')),
        process integer check (process > 0) check (process is null or state = 'running'),
        evidence text not null check (evidence <> ''),         -- 'started=1772373731250/0 check-in=…/2'
        connections integer not null check (connections >= 0),
        keep_until integer check (keep_until >= 0),
        kept_from integer check (kept_from >= 0) check ((kept_from is null) = (keep_until is null)),
        warned_of integer check (warned_of >= 0),
        check (case state
            when 'removing' then true
            when 'starting' then ports is null
            when 'stopped' then ports is null
            else ports is not null
        end)
    ) strict;
    insert into container_2 select * from container;
    drop table container;
    alter table container_2 rename to container;

    create table history_2 (
        id integer primary key autoincrement,
        at integer not null check (at >= 0),
        container text not null
            check (length(container) between 1 and 128) check (container not glob '*[^a-z0-9-]*'),
        name text not null,
        image text not null,
        what text not null check (what <> ''),
        why text not null,
        stops_at integer check (stops_at >= 0)
    ) strict;
    insert into history_2 select * from history;
    -- The next number stays the same, also if the latest events were deleted.
    delete from sqlite_sequence where name = 'history_2';
    insert into sqlite_sequence (name, seq) select 'history_2', seq from sqlite_sequence where name = 'history';
    drop table history;
    alter table history_2 rename to history;
    create index history_of_container on history (container, id);
", "
    -- Reasons and actors as JSON. Rows of older versions have none: their reason is the text in the column why.
    alter table history add column reason text check (json_valid(reason));
    alter table history add column actor text check (json_valid(actor));
    alter table container add column intent_reason text check (json_valid(intent_reason));
    alter table container add column intent_actor text
        check (json_valid(intent_actor)) check ((intent_actor is null) = (intent_reason is null));
    alter table creation add column requested_by text check (json_valid(requested_by));
"];

/// Opens the registry file, or makes a new one where there is none.
///
/// A file that cannot be read is never replaced: what it knew is worth more than a quick start.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let unusable = |source| OpenError::inaccessible(path, source);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(OpenError::damaged(path, "it is a directory")),
        Ok(found) if found.len() == 0 => return Err(OpenError::damaged(path, "it is empty")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => begin(path)?,
        Err(error) => return Err(unusable(error)),
    }
    let failed = |error| open_error(path, error);
    let mut connection = Connection::open_with_flags(path, FLAGS).map_err(failed)?;
    // An operator may look inside with sqlite3 while the daemon runs.
    connection.busy_timeout(BUSY_PATIENCE).map_err(failed)?;
    let found = format(&connection).map_err(failed)?;
    let known = newest_format();
    if found > known {
        return Err(OpenError::Newer {
            file: path.display().to_string(),
            found,
            supported: known,
        });
    }
    if found == 0 {
        return Err(OpenError::damaged(path, "it is not a registry of sd-daemon"));
    }
    check(&connection)
        .map_err(failed)?
        .map_or(Ok(()), |reason| Err(OpenError::damaged(path, &reason)))?;
    configure(&connection).map_err(failed)?;
    migrate(&mut connection, found).map_err(failed)?;
    Ok(connection)
}

/// No file is made in passing, and the path is no more than a path.
pub(super) const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// How long somebody else may hold the file.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);

/// Makes an empty registry. Where there was one before, somebody took it away, and that is not to be forgotten.
fn begin(path: &Path) -> Result<(), OpenError> {
    if let Some(trace) = files::trace_of_deleted(path) {
        let reason = format!("it is missing, although {} exists", trace.display());
        return Err(OpenError::damaged(path, &reason));
    }
    tracing::info!(file = %path.display(), "beginning a new registry");
    let placed = files::stage(path, |new| begin_at(new, newest_format()))
        .and_then(|(database, _)| Ok(database.place()?));
    placed.map_err(|error| match error {
        PlacementError::File(source) => OpenError::inaccessible(path, source),
        PlacementError::Database(error) => open_error(path, error),
    })
}

/// Writes an empty registry of a format into a file that nobody reads before it is complete.
pub(super) fn begin_at(path: &Path, format: u32) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open_with_flags(path, FLAGS)?;
    connection.pragma_update(None, "journal_mode", "memory")?;
    connection.pragma_update(None, "synchronous", "off")?;
    migrate_to(&mut connection, 0, format)?;
    Ok(connection)
}

pub(super) fn open_error(path: &Path, error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        None
        | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
            OpenError::damaged(path, &error.to_string())
        }
        // A full disk, a file system that is read-only, somebody who holds the file: it may be in order.
        Some(_) => OpenError::inaccessible(path, io::Error::other(error)),
    }
}

/// Which of the formats the file has; 0 is none of them.
pub(super) fn format(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("pragma user_version", [], |row| row.get(0))
}

pub(super) fn newest_format() -> u32 {
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A negative number counts kibibytes, a positive one pages.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // So that its log is there as well from here on.
    connection.execute_batch("begin immediate; commit")
}

/// What is wrong with the file, if anything. Every page is read, for one that is only needed later may be the bad one; and
/// each table is compared with its indexes: a bit of an id that has flipped makes another id, and is as good as any.
fn check(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let verdict: String = connection.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
    Ok((verdict != "ok").then_some(verdict))
}

/// Turns a file of an older format into one of the newest.
pub(super) fn migrate(connection: &mut Connection, found: u32) -> rusqlite::Result<()> {
    migrate_to(connection, found, newest_format())
}

fn migrate_to(connection: &mut Connection, found: u32, wanted: u32) -> rusqlite::Result<()> {
    let wanted = MIGRATIONS.iter().zip(1_u32..).take(wanted as usize);
    for (migration, format) in wanted.skip(found as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", format)?;
        transaction.commit()?;
    }
    Ok(())
}
