-- Reasons and actors as JSON. Rows of older versions have none: their reason is the text in the column why.
alter table history add column reason text check (json_valid(reason));
alter table history add column actor text check (json_valid(actor));
alter table container add column intent_reason text check (json_valid(intent_reason));
alter table container add column intent_actor text
    check (json_valid(intent_actor)) check ((intent_actor is null) = (intent_reason is null));
alter table creation add column requested_by text check (json_valid(requested_by));
