//! The output of a container's main process.

use std::io;
use std::time::UNIX_EPOCH;

use bytes::{Buf, Bytes};
use futures_util::TryStreamExt;
use futures_util::stream::{BoxStream, StreamExt};
use http_body_util::BodyExt;
use tokio_util::codec::FramedRead;
use tokio_util::io::StreamReader;

use super::connection::{Connection, RawRequest};
use super::error::CallError;
use super::frames::OutputDecoder;
use super::limits;
use crate::domain::{ContainerId, Timestamp};
use crate::engine::{EngineError, LogChunk, LogQuery, OutputChunk};

/// Requests the output. Containers have no terminal, so it is divided into frames.
pub(super) async fn open(
    connection: &Connection,
    id: ContainerId,
    query: LogQuery,
) -> Result<BoxStream<'static, Result<LogChunk, EngineError>>, CallError> {
    let request = RawRequest::get(format!("/containers/{id}/logs?{}", parameters(query)));
    let response = connection.open(limits::STREAM_HEAD, request).await?;
    let body = response.into_body().into_data_stream().map_err(io::Error::other);
    let chunks = FramedRead::new(StreamReader::new(body), OutputDecoder::Frames);
    Ok(chunks
        .map_ok(chunk)
        .map_err(|error| CallError::broken(&error).into())
        .boxed())
}

fn parameters(query: LogQuery) -> String {
    let LogQuery { tail, since, follow } = query;
    let tail = tail.map_or("all".to_owned(), |lines| lines.to_string());
    let since = since.map_or(0, Timestamp::as_millis);
    format!(
        "stdout=true&stderr=true&timestamps=true&follow={follow}&tail={tail}&since={}.{:03}",
        since / 1_000,
        since % 1_000
    )
}

/// Separates the time that the engine writes before each piece of output.
fn chunk(output: OutputChunk) -> LogChunk {
    let OutputChunk { stream, mut bytes } = output;
    let at = leading_time(&bytes);
    if let Some((_, length)) = at {
        bytes.advance(length);
    }
    LogChunk {
        stream,
        bytes,
        at: at.map(|(time, _)| time),
    }
}

/// Returns the time before the first space and the length of both.
fn leading_time(bytes: &Bytes) -> Option<(Timestamp, usize)> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let text = std::str::from_utf8(&bytes[..space]).ok()?;
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    let millis = time.duration_since(UNIX_EPOCH).ok()?.as_millis();
    Some((Timestamp::from_millis(millis.try_into().ok()?), space + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::OutputStream;

    fn read(text: &'static str) -> (Option<u64>, Bytes) {
        let chunk = chunk(OutputChunk {
            stream: OutputStream::Stdout,
            bytes: Bytes::from_static(text.as_bytes()),
        });
        (chunk.at.map(Timestamp::as_millis), chunk.bytes)
    }

    #[test]
    fn time_before_the_output_is_separated() {
        assert_eq!(
            read("2026-03-01T14:02:11.250123456Z ready to serve\n"),
            (Some(1_772_373_731_250), "ready to serve\n".into())
        );
        assert_eq!(read("ready to serve\n"), (None, "ready to serve\n".into()));
        assert_eq!(read("\u{0}"), (None, "\u{0}".into()));
    }

    #[test]
    fn query_is_sent_in_the_terms_of_docker() {
        assert_eq!(
            parameters(LogQuery::default()),
            "stdout=true&stderr=true&timestamps=true&follow=false&tail=all&since=0.000"
        );
        let query = LogQuery {
            tail: Some(20),
            since: Some(Timestamp::from_millis(1_772_373_731_025)),
            follow: true,
        };
        assert_eq!(
            parameters(query),
            "stdout=true&stderr=true&timestamps=true&follow=true&tail=20&since=1772373731.025"
        );
    }
}
