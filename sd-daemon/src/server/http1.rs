//! One connection: TLS if configured, then HTTP/1.1 requests until it closes or is evicted.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use axum::{BoxError, Router};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower::ServiceExt;

use super::body::{Message, TrackedBody};
use super::connections::{Connection, ConnectionPermit};
use super::peer::{LocalAddr, Peer};
use super::stream::TrackedStream;
use crate::tls::Tls;

/// The largest request line and headers, in bytes.
const MAX_HEADERS: usize = 16 * 1024;

/// Both ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) peer: Peer,
    pub(super) local: LocalAddr,
}

/// Serves one connection until it closes or is evicted.
pub(super) async fn handle_connection(
    stream: TcpStream,
    permit: ConnectionPermit,
    addresses: Addresses,
    router: Router,
    tls: Option<Tls>,
    watcher: Watcher,
) {
    // Small responses are sent at once. Without it they are only slower.
    drop(stream.set_nodelay(true));
    let connection = permit.connection();
    let stream = TrackedStream::new(stream, Arc::clone(connection));
    let service = |request| respond(request, Arc::clone(connection), addresses, router.clone());
    let served = async {
        match tls {
            None => serve_http1(stream, service, watcher).await,
            // The handshake has to end within the timeout of the first request's headers.
            Some(tls) => serve_http1(tls.accept(stream).await?, service, watcher).await,
        }
    };
    let peer = addresses.peer.socket_address();
    tokio::select! {
        // Received bytes are processed before an eviction.
        biased;
        outcome = served => if let Err(error) = outcome {
            tracing::debug!(%peer, %error, "connection closed early");
        },
        () = connection.evicted() => tracing::debug!(%peer, "closed a stalled connection"),
    }
}

async fn serve_http1<R>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    service: impl Fn(Request<Incoming>) -> R,
    watcher: Watcher,
) -> Result<(), BoxError>
where
    R: Future<Output = Result<Response<Body>, Infallible>>,
{
    let connection = http1::Builder::new()
        // The connection table has this timeout, and a shorter one under overload.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service_fn(service));
    Ok(watcher.watch(connection).await?)
}

async fn respond(
    request: Request<Incoming>,
    connection: Arc<Connection>,
    addresses: Addresses,
    router: Router,
) -> Result<Response<Body>, Infallible> {
    if request.body().is_end_stream() {
        connection.request_received();
    } else {
        connection.headers_received();
    }
    let of_request = Arc::clone(&connection);
    let mut request = request.map(|body| Body::new(TrackedBody::new(body, of_request, Message::Request)));
    let extensions = request.extensions_mut();
    extensions.insert(addresses.peer);
    extensions.insert(addresses.local);
    extensions.insert(Arc::clone(&connection));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Body::new(TrackedBody::new(body, connection, Message::Response))))
}
