-- Ids of containers are opaque: 1 to 128 lower-case letters, digits or dashes.
create table container_2 (
    id text primary key check (length(id) between 1 and 128) check (id not glob '*[^a-z0-9-]*'),
    operation text not null unique check (length(operation) = 32),
    name text not null check (name <> ''),
    image text not null check (image <> ''),
    created_at integer not null check (created_at >= 0),
    idle_timeout integer check (idle_timeout >= 0),        -- seconds; 0: no limit; null: not set
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
-- The next id stays the same, also if the latest events were deleted.
delete from sqlite_sequence where name = 'history_2';
insert into sqlite_sequence (name, seq) select 'history_2', seq from sqlite_sequence where name = 'history';
drop table history;
alter table history_2 rename to history;
create index history_of_container on history (container, id);
