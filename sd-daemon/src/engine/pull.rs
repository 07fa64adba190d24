//! The progress of an image download.

/// A progress report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer that the report is about. `None` if it is about the image.
    pub layer: Option<String>,
    /// The step as the engine names it, for example `Downloading`.
    pub status: String,
    /// Bytes done.
    pub current: Option<u64>,
    /// Bytes in total.
    pub total: Option<u64>,
}
