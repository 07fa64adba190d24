//! One file per story: several requests, background tasks, time and failures together.

mod capacity;
mod client_disconnect;
mod clock_changes;
mod concurrency;
mod connection_timeouts;
mod engine_unavailable;
mod external_changes;
mod host_activity;
mod idempotency;
mod idle_stop;
mod idle_stop_race;
mod other_engine;
mod panics;
mod restart;
mod reused_address;
mod time_limits;
mod webhook;
