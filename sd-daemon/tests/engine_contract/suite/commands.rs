//! Commands in containers.

use futures_util::{StreamExt, TryStreamExt};
use sd_daemon::engine::{EngineError, ExecSession, ExecSpec, OutputChunk, TerminalSize};
use tokio::io::AsyncWriteExt;

use super::support::{create, create_and_start, in_time, missing};
use crate::harness::Harness;

fn spec(command: Vec<String>) -> ExecSpec {
    ExecSpec {
        command,
        ..ExecSpec::default()
    }
}

pub(crate) async fn command_reads_input_and_writes_output(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let command = spec(harness.copying_command());
    let ExecSession {
        output,
        mut input,
        process,
    } = harness.engine().exec(id, &command).await.unwrap();
    in_time(input.write_all(b"hello\n")).await.unwrap();
    in_time(input.shutdown()).await.unwrap();
    let chunks: Vec<OutputChunk> = in_time(output.try_collect()).await.unwrap();
    let text: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
    assert_eq!(text, b"hello\n");
    assert_eq!(in_time(process.wait()).await, Ok(0));
}

pub(crate) async fn command_returns_its_exit_code(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let command = spec(harness.exiting_command(3));
    let session = harness.engine().exec(id, &command).await.unwrap();
    let chunks: Vec<OutputChunk> = in_time(session.output.try_collect()).await.unwrap();
    assert_eq!(chunks, []);
    assert_eq!(in_time(session.process.wait()).await, Ok(3));
}

pub(crate) async fn terminal_of_a_command_can_be_resized(harness: &impl Harness) {
    let id = create_and_start(harness).await;
    let command = ExecSpec {
        terminal: Some(TerminalSize {
            rows: 24,
            columns: 80,
        }),
        ..spec(harness.copying_command())
    };
    let mut session = harness.engine().exec(id, &command).await.unwrap();
    in_time(session.input.write_all(b"hello\n")).await.unwrap();
    let mut text = Vec::new();
    while !text.windows(5).any(|window| window == b"hello") {
        let chunk = in_time(session.output.next()).await.unwrap().unwrap();
        text.extend_from_slice(&chunk.bytes);
    }
    let size = TerminalSize {
        rows: 50,
        columns: 132,
    };
    assert_eq!(session.process.resize(size).await, Ok(()));
}

pub(crate) async fn command_needs_a_running_container(harness: &impl Harness) {
    let command = spec(harness.exiting_command(0));
    let (engine, id) = (harness.engine(), create(harness).await);
    assert_eq!(
        engine.exec(id, &command).await.err(),
        Some(EngineError::NotRunning)
    );
    assert_eq!(
        engine.exec(missing(), &command).await.err(),
        Some(EngineError::NoSuchContainer)
    );
    engine.start(id).await.unwrap();
    engine.pause(id).await.unwrap();
    let refused = engine.exec(id, &command).await.err();
    assert!(matches!(refused, Some(EngineError::Rejected(_))), "{refused:?}");
}
