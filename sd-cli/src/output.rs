//! Everything that `sd` prints: data on stdout, messages and progress on stderr.
//!
//! Commands hand values to the [`Printer`] and do not deal with formats, terminals or write errors.

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
