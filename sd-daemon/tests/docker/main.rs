//! Tests of the built daemon and command on a real Docker engine: requests, crashes, faults and external changes.
//!
//! `script/bootstrap` starts the engine.

#[path = "../support/docker.rs"]
mod docker;

mod activity;
mod address_reuse;
mod another_engine;
mod concurrency;
mod container_limits;
mod crash;
mod crash_sweep;
mod cross_origin_page;
mod daemon;
mod derived_images;
mod end_to_end;
mod engine_calls;
mod engine_fails;
mod event_stream;
mod external_changes;
mod fault_proxy;
mod foreign_containers;
mod hostile_images;
mod login_sessions;
mod lost_replies;
mod network;
mod original_api;
mod private_engine;
mod process_usage;
mod recovery;
mod registry_damage;
mod registry_faults;
mod sd_command;
mod signals;
mod strace;
mod systemd;
mod webhook;
