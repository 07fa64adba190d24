//! The formats of data on stdout.

use clap::ValueEnum;
use serde::Deserialize;

/// How data is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Aligned columns for people
    #[default]
    Table,
    /// The answer of the API, indented; a list is one array
    Json,
    /// The answer of the API, one value per line
    Jsonl,
}
