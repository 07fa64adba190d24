//! The stream of container events.
//!
//! The format is "Server-sent events" of the HTML standard. The data of each event is the JSON of
//! [`Event`]; unknown fields are ignored.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;

use super::parser::Parser;
use crate::api::Event;
use crate::error::{Error, RequestSent};

/// A connection without data for this long is considered lost. The daemon sends an event or a comment every
/// 15 seconds.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);

/// The stream of container events. It ends when the daemon closes it.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    parser: Parser,
    url: String,
    silence_timeout: Duration,
}

impl EventStream {
    /// Reads events from a response. Fails if its content type is not `text/event-stream`.
    pub(crate) fn new(response: Response, url: &str, after: Option<u64>) -> Result<Self, Error> {
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(Error::Decode {
                url: url.to_owned(),
                status: response.status().as_u16(),
                reason: format!("expected text/event-stream, got {kind:?}"),
            });
        }
        Ok(Self {
            response,
            parser: Parser::resuming_after(after),
            url: url.to_owned(),
            silence_timeout: SILENCE_TIMEOUT,
        })
    }

    /// Waits for the next event. Returns `None` if the daemon has closed the stream.
    ///
    /// The future may be dropped without losing an event.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            if let Some(data) = self.parser.next_data() {
                return Some(self.read(&data));
            }
            match tokio::time::timeout(self.silence_timeout, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    if let Err(reason) = self.parser.feed(&chunk) {
                        return Some(Err(self.decode_error(reason)));
                    }
                }
                Ok(Ok(None)) => return None,
                Ok(Err(error)) => return Some(Err(Error::unreachable(&self.url, &error))),
                Err(_) => return Some(Err(self.silence_error())),
            }
        }
    }

    /// The id of the last event, for resuming after it. `None` before the first event.
    pub fn last_id(&self) -> Option<u64> {
        self.parser.last_id()
    }

    fn read(&mut self, data: &[u8]) -> Result<Event, Error> {
        let event: Event =
            serde_json::from_slice(data).map_err(|error| self.decode_error(error.to_string()))?;
        // The id is part of the data, so the stream may omit its id field.
        self.parser.set_last_id(event.id);
        Ok(event)
    }

    fn decode_error(&self, reason: String) -> Error {
        Error::Decode {
            url: self.url.clone(),
            status: self.response.status().as_u16(),
            reason,
        }
    }

    fn silence_error(&self) -> Error {
        Error::Unreachable {
            url: self.url.clone(),
            reason: format!("no data for {} s", self.silence_timeout.as_secs()),
            sent: RequestSent::Unknown,
        }
    }
}
