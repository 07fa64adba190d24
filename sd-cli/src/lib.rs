//! The spin-docker command line, behind the binary `sd`.
//!
//! A command is a function of its arguments, a [client](sd_client::Client) and a printer. The crate is
//! a library so that tests can read the definitions that help texts, completions and manual pages are
//! generated from.

mod args;
mod call_error;
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
