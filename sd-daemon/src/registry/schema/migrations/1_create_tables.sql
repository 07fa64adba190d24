create table container (
    id text primary key check (length(id) = 64),
    operation text not null unique check (length(operation) = 32),
    name text not null check (name <> ''),
    image text not null check (image <> ''),
    created_at integer not null check (created_at >= 0),
    idle_timeout integer check (idle_timeout >= 0),        -- seconds; 0: no limit; null: not set
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
