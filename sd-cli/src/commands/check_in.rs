//! `sd check-in`: reports from inside a container how many connections it serves, or that it is busy.
//!
//! The daemon identifies the container by its address or by its token, so no user and password are
//! needed, and the settings of the other commands are not read.

mod command;
mod connections;
mod gateway;
mod interval;
mod process_group;
mod program;
mod repeat;
mod report;
mod target;

pub(crate) use command::{Args, run};
