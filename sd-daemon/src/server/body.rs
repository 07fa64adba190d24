//! Bodies whose end is noted: from then on somebody else is waited for.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::HttpBody;
use hyper::body::{Frame, SizeHint};

use super::Connection;

/// What a body is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Request,
    Response,
}

/// A body that belongs to a guest.
pub(super) struct Watched<B> {
    body: B,
    guest: Arc<Connection>,
    part: Part,
}

impl<B> Watched<B> {
    pub(super) fn new(body: B, guest: Arc<Connection>, part: Part) -> Self {
        Self { body, guest, part }
    }
}

impl<B: HttpBody + Unpin> HttpBody for Watched<B> {
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

/// A body is dropped when it has been read, and when nobody wants it any more.
impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        match self.part {
            Part::Request => self.guest.has_asked(),
            Part::Response => self.guest.is_answered(),
        }
    }
}
