-- The clock reference of the last start, to detect wall-clock changes.
alter table instance add column boot text check (boot <> '');
alter table instance add column ahead_of_boot integer check ((ahead_of_boot is null) = (boot is null));
