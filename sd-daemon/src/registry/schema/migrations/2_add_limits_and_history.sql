create table container_2 (
    id text primary key check (length(id) = 64),
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

-- Ids are never reused, because clients resume after the last id they received.
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

-- Tokens of containers are derived from the secret.
alter table instance add column secret text not null default '' check (length(secret) in (0, 64));
update instance set secret = lower(hex(randomblob(32)));

-- The id of the last event delivered to the webhook.
create table webhook (
    only_row integer primary key check (only_row = 1),
    delivered integer not null check (delivered >= 0)
) strict;
