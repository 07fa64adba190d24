//! `sd check-in`: a container reports how many connections it serves, or for how long it is busy.
//!
//! Runs inside containers, without user and password: the daemon identifies the container by its
//! address or by its token. The settings of the other commands are not read.

mod command;
mod connections;
mod gateway;
mod periodic;
mod process_group;
mod program;
mod target;

pub(crate) use command::{Args, run};
