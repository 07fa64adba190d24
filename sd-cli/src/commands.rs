//! One file per command: its options (`Args`) and its action (`run`).
//!
//! A command is a function of its arguments, a client and a printer. It decides neither which daemon
//! to use nor how to format data.

pub(crate) mod check_in;
pub(crate) mod completions;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod extend;
pub(crate) mod hold;
pub(crate) mod images;
pub(crate) mod ls;
mod readiness;
mod references;
pub(crate) mod rm;
pub(crate) mod show;
pub(crate) mod start;
pub(crate) mod stop;
mod wait;
pub(crate) mod why;
