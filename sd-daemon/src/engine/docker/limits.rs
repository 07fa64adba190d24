//! Time limits of calls, from the request to the end of the response body.
//!
//! They are generous: their purpose is to distinguish an engine that hangs from one that is busy.

use std::time::Duration;

pub(super) const READ: Duration = Duration::from_secs(15);
pub(super) const LIST: Duration = Duration::from_secs(30);
pub(super) const CREATE: Duration = Duration::from_secs(60);
pub(super) const START: Duration = Duration::from_secs(120);
pub(super) const REMOVE: Duration = Duration::from_secs(60);
pub(super) const PAUSE: Duration = Duration::from_secs(30);

/// In addition to the container's grace period.
pub(super) const STOP: Duration = Duration::from_secs(30);

/// Until the response head of logs or of a command. The stream after it has no limit.
pub(super) const STREAM_HEAD: Duration = Duration::from_secs(30);

/// Until the response head of a pull. The engine contacts the image registry before it responds.
pub(super) const PULL_HEAD: Duration = Duration::from_secs(120);

/// Until a container disappears that another program removes.
pub(super) const FOREIGN_REMOVAL: Duration = Duration::from_secs(30);
