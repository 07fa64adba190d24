//! Events as they happen: `text/event-stream`, read piece by piece.
//!
//! The format is that of the HTML standard, "Server-sent events". What an event is about stands in its
//! data, which is the JSON of [`Event`]; fields that this version does not know are passed over.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;

use super::parser::Parser;
use crate::api::Event;
use crate::error::{Error, RequestSent};

/// The daemon says something every quarter of a minute, if only that it is there. A connection on which
/// nothing comes for this long is lost, whatever the network believes.
pub(crate) const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// What happens to containers, as it happens. It ends when the daemon ends it.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    parser: Parser,
    url: String,
    idle_limit: Duration,
}

impl EventStream {
    /// The events of an answer; one of another type is not an answer of this API.
    pub(crate) fn of(response: Response, url: &str, after: Option<u64>) -> Result<Self, Error> {
        let kind = response.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(Error::Decode {
                url: url.to_owned(),
                status: response.status().as_u16(),
                reason: format!("{kind:?} is not a stream of events"),
            });
        }
        Ok(Self {
            response,
            parser: Parser::resuming_after(after),
            url: url.to_owned(),
            idle_limit: IDLE_LIMIT,
        })
    }

    /// The next event; nothing when the daemon has ended the stream. May be dropped while it waits, and
    /// called again.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            if let Some(data) = self.parser.next_data() {
                return Some(self.read(&data));
            }
            match tokio::time::timeout(self.idle_limit, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => {
                    if let Err(reason) = self.parser.feed(&chunk) {
                        return Some(Err(self.undecodable(reason)));
                    }
                }
                Ok(Ok(None)) => return None,
                Ok(Err(error)) => return Some(Err(Error::unreachable(&self.url, &error))),
                Err(_) => return Some(Err(self.silent())),
            }
        }
    }

    /// The number that resumes after what has come so far.
    pub fn last_id(&self) -> Option<u64> {
        self.parser.last_id()
    }

    fn read(&mut self, data: &[u8]) -> Result<Event, Error> {
        let event: Event =
            serde_json::from_slice(data).map_err(|error| self.undecodable(error.to_string()))?;
        // The stream need not repeat the number that stands in the event.
        self.parser.resume_after(event.id);
        Ok(event)
    }

    fn undecodable(&self, reason: String) -> Error {
        Error::Decode {
            url: self.url.clone(),
            status: self.response.status().as_u16(),
            reason,
        }
    }

    fn silent(&self) -> Error {
        Error::Unreachable {
            url: self.url.clone(),
            reason: format!("nothing came for {} s", self.idle_limit.as_secs()),
            sent: RequestSent::Unknown,
        }
    }
}
