-- The identity of the engine that the containers are on.
alter table instance add column engine text check (engine <> '');
