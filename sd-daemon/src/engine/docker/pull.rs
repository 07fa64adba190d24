//! Image downloads.

use std::io;

use futures_util::TryStreamExt;
use futures_util::stream::{BoxStream, StreamExt};
use http_body_util::BodyExt;
use serde::Deserialize;
use tokio_util::codec::{FramedRead, LinesCodec};
use tokio_util::io::StreamReader;

use super::connection::{Connection, RawRequest};
use super::error::{CallError, one_line};
use super::limits;
use crate::domain::ImageRef;
use crate::engine::{EngineError, PullProgress};

/// The longest progress report, in bytes.
const MAX_LINE: usize = 64 << 10;

/// A line of the response.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    id: Option<String>,
    status: Option<String>,
    #[serde(rename = "progressDetail")]
    progress: Option<Progress>,
    error: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Progress {
    current: Option<u64>,
    total: Option<u64>,
}

/// Requests a download.
pub(super) async fn pull(
    connection: &Connection,
    image: &ImageRef,
) -> Result<BoxStream<'static, Result<PullProgress, EngineError>>, EngineError> {
    let request = RawRequest::post(format!("/images/create?{}", parameters(image)));
    let response = match connection.open(limits::PULL_HEAD, request).await {
        Ok(response) => response,
        Err(refused) if refused.has_status(404) => return Err(EngineError::NoSuchImage),
        Err(refused) => return Err(refused.into()),
    };
    let body = response.into_body().into_data_stream().map_err(io::Error::other);
    let lines = FramedRead::new(StreamReader::new(body), LinesCodec::new_with_max_length(MAX_LINE));
    Ok(lines
        .map_err(|error| CallError::broken(&error).into())
        .and_then(async |line| report(&line))
        .boxed())
}

/// The parameters of a download. Without a tag Docker would download every tag of the image.
fn parameters(image: &ImageRef) -> String {
    let text = image.as_str();
    let (name, tag) = match text.rsplit_once('@') {
        Some((name, digest)) => (name, digest),
        // A colon before the last slash belongs to the port of the registry.
        None => match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            Some(_) | None => (text, "latest"),
        },
    };
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("fromImage", name)
        .append_pair("tag", tag)
        .finish()
}

/// Reads a line: a report, or the error that ended the download.
fn report(line: &str) -> Result<PullProgress, EngineError> {
    let line: Line = serde_json::from_str(line).map_err(|error| CallError::invalid(&error.to_string()))?;
    if let Some(error) = line.error {
        return Err(EngineError::Rejected(one_line(&error)));
    }
    let progress = line.progress.unwrap_or_default();
    Ok(PullProgress {
        layer: line.id,
        status: one_line(&line.status.unwrap_or_default()),
        current: progress.current,
        total: progress.total,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_without_a_tag_is_the_latest() {
        for (image, expected) in [
            ("web", "fromImage=web&tag=latest"),
            ("team/web:1.2", "fromImage=team%2Fweb&tag=1.2"),
            ("host:5000/web", "fromImage=host%3A5000%2Fweb&tag=latest"),
            ("host:5000/web:1", "fromImage=host%3A5000%2Fweb&tag=1"),
            ("web@sha256:ab12", "fromImage=web&tag=sha256%3Aab12"),
        ] {
            assert_eq!(parameters(&image.parse().unwrap()), expected);
        }
    }

    #[test]
    fn lines_are_reports_or_errors() {
        let downloading = report(
            r#"{"status":"Downloading","progressDetail":{"current":10,"total":20},"progress":"[=>]","id":"e1caac4eb9d2"}"#,
        );
        assert_eq!(
            downloading,
            Ok(PullProgress {
                layer: Some("e1caac4eb9d2".to_owned()),
                status: "Downloading".to_owned(),
                current: Some(10),
                total: Some(20),
            })
        );
        let digest = report(r#"{"status":"Digest: sha256:ab12"}"#).unwrap();
        assert_eq!((digest.layer, digest.current), (None, None));
        assert_eq!(
            report(r#"{"errorDetail":{"message":"no space left"},"error":"no space left"}"#),
            Err(EngineError::Rejected("no space left".to_owned()))
        );
        assert!(report("<html>").is_err());
    }
}
