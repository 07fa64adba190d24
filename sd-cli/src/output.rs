//! The output of `sd`: data on stdout, messages and progress on stderr.
//!
//! Commands hand values to the [`Printer`]. Formats, terminals and write errors are handled here.

mod details;
mod escape;
mod format;
pub(crate) mod human;
mod printer;
mod spinner;
mod table;
mod terminal;
mod when;

pub(crate) use details::container_details;
pub(crate) use format::Format;
pub(crate) use printer::Printer;
pub(crate) use table::{Ids, shown_name};
pub(crate) use terminal::Terminal;
pub(crate) use when::When;
