//! A body that reports to its connection when it has been read or dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use hyper::body::{Frame, SizeHint};

use super::connections::Connection;

/// The message that a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Request,
    Response,
}

/// A body of a request or response on a connection.
pub(super) struct TrackedBody<B> {
    body: B,
    connection: Arc<Connection>,
    message: Message,
}

impl<B> TrackedBody<B> {
    pub(super) fn new(body: B, connection: Arc<Connection>, message: Message) -> Self {
        Self {
            body,
            connection,
            message,
        }
    }
}

impl<B: HttpBody + Unpin> HttpBody for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body is dropped after its last frame, or earlier if no handler reads it.
impl<B> Drop for TrackedBody<B> {
    fn drop(&mut self) {
        match self.message {
            Message::Request => self.connection.request_received(),
            Message::Response => self.connection.response_sent(),
        }
    }
}
