//! The formats of data on stdout.

use clap::ValueEnum;
use serde::Deserialize;

/// The format in which data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Aligned columns
    #[default]
    Table,
    /// The response of the API, indented; a list is one array
    Json,
    /// The response of the API, one value per line
    Jsonl,
}
