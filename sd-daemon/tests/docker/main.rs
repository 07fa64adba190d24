//! The shipped program on a real Docker engine: as users, scripts and containers meet it, and as it is
//! killed.
//!
//! `script/bootstrap` makes sure that there is an engine.

#[path = "../support/docker.rs"]
mod docker;

mod another_engine;
mod at_once;
mod behind_its_back;
mod command;
mod confined;
mod crash;
mod crash_sweep;
mod daemon;
mod derived;
mod engine_calls;
mod engine_fails;
mod event_stream;
mod fault_proxy;
mod foreign;
mod hostile_images;
mod hostile_page;
mod in_use;
mod lost_replies;
mod measured;
mod network;
mod original_api;
mod private_engine;
mod recover;
mod registry_damage;
mod registry_faults;
mod reused_address;
mod sessions;
mod signals;
mod strace;
mod systemd;
mod use_it;
mod webhook;
