//! One file per endpoint: what each request accepts, changes and returns.

mod activity;
mod authentication;
mod check_in;
mod check_in_token;
mod container_references;
mod containers_create;
mod containers_create_fields;
mod containers_delete;
mod containers_get;
mod containers_list;
mod containers_patch;
mod events;
mod extend;
mod health;
mod host_check;
mod images;
mod openapi;
