//! Commands in containers of the engine in memory.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::watch;
use tokio_util::io::ReaderStream;

use super::FakeEngine;
use crate::engine::{
    EngineError, ExecProcess, ExecSession, ExecSpec, OutputChunk, OutputStream, TerminalSize,
};

/// Input that was written and not read yet, in bytes.
const BUFFER: usize = 64 << 10;

/// Runs one of the commands that the fake implements.
pub(super) fn run(spec: &ExecSpec) -> Result<ExecSession, EngineError> {
    let (input, output) = tokio::io::duplex(BUFFER);
    let exit = watch::Sender::new(None);
    let process = Process {
        exit: exit.clone(),
        has_terminal: spec.terminal.is_some(),
    };
    let command: Vec<&str> = spec.command.iter().map(String::as_str).collect();
    let output = match command[..] {
        [FakeEngine::COPYING_PROGRAM] => {
            let chunk = |bytes| OutputChunk {
                stream: OutputStream::Stdout,
                bytes,
            };
            let copied = ReaderStream::new(output)
                .map_ok(chunk)
                .map_err(|error| EngineError::Unavailable(error.to_string()));
            let end = stream::once(async move {
                exit.send_replace(Some(0));
            });
            copied.chain(end.filter_map(async |()| None)).boxed()
        }
        [FakeEngine::EXITING_PROGRAM, code] => {
            exit.send_replace(Some(code.parse().unwrap_or_default()));
            stream::empty().boxed()
        }
        _ => {
            return Err(EngineError::Rejected(format!(
                "{:?}: no such file",
                spec.command.first()
            )));
        }
    };
    Ok(ExecSession {
        output,
        input: Box::pin(input),
        process: Arc::new(process),
    })
}

struct Process {
    exit: watch::Sender<Option<i64>>,
    has_terminal: bool,
}

#[async_trait]
impl ExecProcess for Process {
    async fn resize(&self, _: TerminalSize) -> Result<(), EngineError> {
        if self.has_terminal && self.exit.borrow().is_none() {
            Ok(())
        } else {
            Err(EngineError::Rejected("the command has no terminal".to_owned()))
        }
    }

    async fn wait(&self) -> Result<i64, EngineError> {
        let mut exit = self.exit.subscribe();
        let code = exit.wait_for(Option::is_some).await;
        code.ok().and_then(|code| *code).ok_or(EngineError::NotRunning)
    }
}
