//! Commands that run in a container beside its main process.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::io::AsyncWrite;

use super::{EngineError, OutputStream};

/// A command to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecSpec {
    /// Command and arguments.
    pub command: Vec<String>,
    /// Additional environment variables as `KEY=value`.
    pub environment: Vec<String>,
    /// The user, as `name`, `uid` or `uid:gid`. `None` is the container's user.
    pub user: Option<String>,
    /// The working directory. `None` is the container's directory.
    pub working_dir: Option<String>,
    /// The size of the terminal. `None` runs the command without a terminal.
    pub terminal: Option<TerminalSize>,
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters a line.
    pub columns: u16,
}

/// A piece of output of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputChunk {
    /// Where the command wrote it.
    pub stream: OutputStream,
    /// The output.
    pub bytes: Bytes,
}

/// A command that was started.
///
/// The session has no time limit. Dropping `output` and `input` closes the connection; the engine may let the command
/// continue.
pub struct ExecSession {
    /// The output. The stream ends when the command exits and its output has been read.
    pub output: BoxStream<'static, Result<OutputChunk, EngineError>>,
    /// The input. Shutting it down closes the standard input of the command.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// The command itself.
    pub process: Arc<dyn ExecProcess>,
}

impl fmt::Debug for ExecSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ExecSession").finish_non_exhaustive()
    }
}

/// Control of a command that was started.
#[async_trait]
pub trait ExecProcess: Send + Sync + 'static {
    /// Changes the size of the terminal.
    async fn resize(&self, size: TerminalSize) -> Result<(), EngineError>;

    /// Waits until the command exits and returns its exit code. The caller limits the time.
    async fn wait(&self) -> Result<i64, EngineError>;
}
