//! The output of a container's main process.

use bytes::Bytes;

use crate::domain::Timestamp;

/// Which part of the output to return. The default is all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Return at most this many of the latest lines.
    pub tail: Option<u64>,
    /// Return lines written at or after this time.
    pub since: Option<Timestamp>,
    /// Wait for further output until the container stops.
    pub follow: bool,
}

/// A piece of output: a line, or part of a very long line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// Where the process wrote it.
    pub stream: OutputStream,
    /// The output, with the line end if there was one.
    pub bytes: Bytes,
    /// When the engine received it, by the engine's clock.
    pub at: Option<Timestamp>,
}

/// An output of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output. With a terminal, both outputs arrive here.
    Stdout,
    /// Standard error.
    Stderr,
}
