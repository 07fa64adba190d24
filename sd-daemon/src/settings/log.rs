//! How the log is written.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// How the log is written.
#[derive(Clone, Debug, Args, Serialize, Deserialize)]
#[command(next_help_heading = "Log")]
pub struct LogOptions {
    /// Write the log in this format: text, or json with one object a line.
    #[arg(
        long,
        global = true,
        env = "SD_DAEMON_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub log_format: LogFormat,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}
