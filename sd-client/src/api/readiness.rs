//! The response of `GET /readyz`.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// The daemon can do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// The background tasks of the daemon. A failing task does not make the daemon unready.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub tasks: Vec<TaskStatus>,
}

/// The status of one background task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskStatus {
    /// The name of the task.
    pub name: String,
    /// When its latest run ended, or null before the first run.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub last_run_at: Option<Timestamp>,
    /// The error of its latest failed run, or null. It stays after the next success.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub last_error: Option<String>,
    /// Since when every run has failed, or null if the latest run succeeded.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub failing_since: Option<Timestamp>,
}
