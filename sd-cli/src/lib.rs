//! spin-docker from the command line: the insides of the binary `sd`.
//!
//! A command is a function of its arguments, a [client](sd_client::Client) and a printer. This file
//! puts the three together and decides which commands talk to a daemon; it knows nothing of what any
//! command does. It is a library so that tests can reach the definitions that help texts,
//! completions and manual pages are made from.

mod args;
mod clock;
mod commands;
mod error;
mod exit;
mod explain;
pub mod help;
mod output;
mod run;
mod settings;
mod signals;

pub use crate::args::Cli;
pub use crate::exit::Exit;
pub use crate::run::run;
