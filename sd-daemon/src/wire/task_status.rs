//! The status of a background task.

use sd_client::api;

use super::values::timestamp;
use crate::task_status::TaskStatus;

pub(crate) fn task_status(status: TaskStatus) -> api::TaskStatus {
    api::TaskStatus {
        name: status.name.to_owned(),
        last_run_at: status.last_run_at.map(timestamp),
        last_error: status.last_error,
        failing_since: status.failing_since.map(timestamp),
    }
}
