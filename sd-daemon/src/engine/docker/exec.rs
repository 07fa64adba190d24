//! Commands in a container.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use futures_util::stream::StreamExt;
use hyper::StatusCode;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio_util::codec::FramedRead;

use super::connection::{Connection, RawRequest};
use super::error::CallError;
use super::frames::OutputDecoder;
use super::{inspection, limits};
use crate::domain::ContainerId;
use crate::engine::{EngineError, ExecProcess, ExecSession, ExecSpec, TerminalSize};

/// The interval between inspections of a command that has not exited. The API has no call that waits.
const POLL: Duration = Duration::from_millis(50);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "these are the fields of the API")]
struct CreateRequest<'spec> {
    attach_stdin: bool,
    attach_stdout: bool,
    attach_stderr: bool,
    tty: bool,
    cmd: &'spec [String],
    env: &'spec [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'spec str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<&'spec str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Created {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StartRequest {
    detach: bool,
    tty: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    running: bool,
    exit_code: Option<i64>,
}

/// Starts a command and connects its input and output.
pub(super) async fn start(
    connection: &Arc<Connection>,
    id: ContainerId,
    spec: &ExecSpec,
) -> Result<ExecSession, CallError> {
    let process = Process {
        connection: Arc::clone(connection),
        id: create(connection, id, spec).await?,
    };
    let request = RawRequest::post(format!("/exec/{}/start", process.id)).with_upgrade();
    let request = request.with_json(&StartRequest {
        detach: false,
        tty: spec.terminal.is_some(),
    })?;
    let response = connection.open(limits::STREAM_HEAD, request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(CallError::invalid("the engine did not upgrade the connection"));
    }
    let upgraded = hyper::upgrade::on(response).await;
    let upgraded = upgraded.map_err(|error| CallError::broken(&error))?;
    if let Some(size) = spec.terminal {
        // The command runs all the same; it sees the engine's default size.
        if let Err(error) = process.resize(size).await {
            tracing::debug!(%error, "failed to set the terminal size of a command");
        }
    }
    let (output, input) = tokio::io::split(TokioIo::new(upgraded));
    let decoder = match spec.terminal {
        Some(_) => OutputDecoder::Raw,
        None => OutputDecoder::Frames,
    };
    let output = FramedRead::new(output, decoder).map_err(|error| CallError::broken(&error).into());
    Ok(ExecSession {
        output: output.boxed(),
        input: Box::pin(input),
        process: Arc::new(process),
    })
}

async fn create(connection: &Connection, id: ContainerId, spec: &ExecSpec) -> Result<String, CallError> {
    let request = RawRequest::post(format!("/containers/{id}/exec")).with_json(&CreateRequest {
        attach_stdin: true,
        attach_stdout: true,
        attach_stderr: true,
        tty: spec.terminal.is_some(),
        cmd: &spec.command,
        env: &spec.environment,
        user: spec.user.as_deref(),
        working_dir: spec.working_dir.as_deref(),
    })?;
    let reply = connection.fetch(limits::READ, request).await?;
    if !(200..300).contains(&reply.status) {
        return Err(reply.refusal());
    }
    let created: Created = inspection::parse(&reply.body)?;
    // The id becomes part of a path.
    if created.id.is_empty() || !created.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(CallError::invalid("the id of the command is invalid"));
    }
    Ok(created.id)
}

struct Process {
    connection: Arc<Connection>,
    id: String,
}

#[async_trait]
impl ExecProcess for Process {
    async fn resize(&self, size: TerminalSize) -> Result<(), EngineError> {
        let TerminalSize { rows, columns } = size;
        let target = format!("/exec/{}/resize?h={rows}&w={columns}", self.id);
        let reply = self
            .connection
            .fetch(limits::READ, RawRequest::post(target))
            .await?;
        match reply.found()? {
            Some(_) => Ok(()),
            None => Err(EngineError::NotRunning),
        }
    }

    async fn wait(&self) -> Result<i64, EngineError> {
        loop {
            let request = RawRequest::get(format!("/exec/{}/json", self.id));
            let reply = self.connection.fetch(limits::READ, request).await?;
            // The engine deletes the commands of a container that has stopped.
            let body = reply.found()?.ok_or(EngineError::NotRunning)?;
            let inspected: Inspected = inspection::parse(&body)?;
            match inspected.exit_code {
                Some(code) if !inspected.running => return Ok(code),
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }
}
