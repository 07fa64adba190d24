//! Accepting connections, and how much of the daemon a peer may have for itself.
//!
//! A loop of our own, because what axum brings waits for its peers for as long as they like. Every connection is a
//! [`Connection`]: it may take its time, but while there is a crowd, whoever keeps the daemon waiting is shown out after
//! a second. So neither many connections nor slow ones keep others from being answered. The numbers are in
//! [`Limits`]; what a guest is waited for, and who counts as a crowd, is in `guests`.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, Response};
use axum::{BoxError, Router};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::io::InspectReader;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::body::{Part, Watched};
use super::connections::{Connection, ConnectionPermit, ConnectionTable};
use super::stream::WatchedStream;
use super::timeouts::Limits;
use crate::tls::Tls;

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 16 * 1024;
/// How often it is looked whom to show out.
const ROUND: Duration = Duration::from_millis(250);
/// Pause after the process has run out of file descriptors: some have to be closed first.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// That it has run out of them is said this often, however often it happens.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(SocketAddr);

impl Peer {
    /// Its address; an IPv4 address in IPv6 clothes is the IPv4 address.
    pub fn address(self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

/// The address at this end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalAddr(SocketAddr);

impl LocalAddr {
    /// Without its IPv6 clothes, as [`Peer::address`].
    pub(crate) fn address(self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

/// A listener, and what is spoken there.
#[derive(Debug)]
pub struct ListenerConfig {
    /// Where it listens.
    pub listener: TcpListener,
    /// With this certificate; in clear text without one.
    pub tls: Option<Tls>,
}

impl From<TcpListener> for ListenerConfig {
    /// In clear text.
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

/// Serves a listener until told to stop; then requests that were begun are finished.
pub async fn serve(entrance: impl Into<ListenerConfig>, router: Router, shutdown: CancellationToken) {
    serve_within(Limits::default(), entrance, router, shutdown).await;
}

/// The same with limits of one's own.
pub async fn serve_within(
    limits: Limits,
    entrance: impl Into<ListenerConfig>,
    router: Router,
    shutdown: CancellationToken,
) {
    let guests = ConnectionTable::new(limits);
    let graceful = GracefulShutdown::new();
    let ListenerConfig { listener, tls } = entrance.into();
    let mut door = Acceptor::new(listener);
    let mut connections = JoinSet::new();
    let mut rounds = interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            _ = rounds.tick(), if !connections.is_empty() => guests.evict_stalled(Instant::now()),
            // Who finds no room waits outside: a place becomes free within a second or so.
            accepted = door.accept(), if guests.have_room() => match accepted {
                Ok((stream, peer, own)) => {
                    // Whoever is one too many from one address is hung up on.
                    if let Some(seat) = guests.admit(peer.address(), Instant::now()) {
                        let attending = handle_connection(stream, seat, (peer, own), router.clone(), tls.clone(), graceful.watcher());
                        connections.spawn(attending);
                    }
                }
                Err(error) => if door.recover(&error) {
                    guests.make_room(Instant::now());
                },
            },
        }
    }
    drop(door);
    let mut last_one_left = pin!(graceful.shutdown());
    loop {
        tokio::select! {
            () = &mut last_one_left => return,
            _ = rounds.tick() => {
                // Whoever only keeps the end waiting makes room for it.
                guests.make_room(Instant::now());
                guests.evict_stalled(Instant::now());
            }
        }
    }
}

/// A listener, and when it is asked again after the process ran out of something.
struct Acceptor {
    listener: TcpListener,
    closed_until: Option<tokio::time::Instant>,
    complained_at: Option<Instant>,
}

impl Acceptor {
    fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            closed_until: None,
            complained_at: None,
        }
    }

    async fn accept(&self) -> io::Result<(TcpStream, Peer, LocalAddr)> {
        if let Some(moment) = self.closed_until {
            sleep_until(moment).await;
        }
        let (stream, peer) = self.listener.accept().await?;
        let own = stream.local_addr()?;
        Ok((stream, Peer(peer), LocalAddr(own)))
    }

    /// Goes on after a failure: at once where that was the peer's affair, else after a pause, because nothing but
    /// a connection that ends makes it better. Says which it was.
    fn recover(&mut self, error: &io::Error) -> bool {
        use io::ErrorKind as K;
        if matches!(
            error.kind(),
            K::ConnectionAborted | K::ConnectionReset | K::NotConnected
        ) {
            return false;
        }
        self.closed_until = Some(tokio::time::Instant::now() + ACCEPT_PAUSE);
        let is_known = |at: Instant| at.elapsed() < COMPLAINT_INTERVAL;
        if !self.complained_at.is_some_and(is_known) {
            self.complained_at = Some(Instant::now());
            tracing::warn!(%error, "failed to accept a connection, which is tried again");
        }
        true
    }
}

/// Answers one connection for as long as it behaves.
async fn handle_connection(
    stream: TcpStream,
    seat: ConnectionPermit,
    (peer, own): (Peer, LocalAddr),
    router: Router,
    tls: Option<Tls>,
    watcher: Watcher,
) {
    // Small answers leave at once.
    drop(stream.set_nodelay(true));
    let guest = seat.guest();
    let stream = WatchedStream::new(stream, Arc::clone(guest));
    let service = |request| answer(request, Arc::clone(guest), (peer, own), router.clone());
    let answered = async {
        match tls {
            None => serve_http1(stream, guest, service, watcher).await,
            // It is waited for as for the head of the first request, and together with that.
            Some(tls) => serve_http1(tls.accept(stream).await?, guest, service, watcher).await,
        }
    };
    let peer = peer.0;
    tokio::select! {
        // What it has sent is looked at before it is shown out.
        biased;
        outcome = answered => if let Err(error) = outcome {
            tracing::debug!(%peer, %error, "a connection ended early");
        },
        () = guest.is_shown_out() => tracing::debug!(%peer, "a connection kept others waiting"),
    }
}

async fn serve_http1<A>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    guest: &Arc<Connection>,
    service: impl Fn(Request<Incoming>) -> A,
    watcher: Watcher,
) -> Result<(), BoxError>
where
    A: Future<Output = Result<Response<Body>, Infallible>>,
{
    let listener = Arc::clone(guest);
    let stream = InspectReader::new(stream, move |bytes| listener.has_said(bytes));
    let connection = http1::Builder::new()
        // The rounds see to that, and to more.
        .header_read_timeout(None)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service_fn(service));
    Ok(watcher.watch(connection).await?)
}

async fn answer(
    request: Request<Incoming>,
    guest: Arc<Connection>,
    (peer, own): (Peer, LocalAddr),
    router: Router,
) -> Result<Response<Body>, Infallible> {
    if request.body().is_end_stream() {
        guest.has_asked();
    } else {
        guest.is_sending();
    }
    let watched = Arc::clone(&guest);
    let mut request = request.map(|body| Body::new(Watched::new(body, watched, Part::Request)));
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(own);
    request.extensions_mut().insert(Arc::clone(&guest));
    let response = router.oneshot(request).await?;
    Ok(response.map(|body| Body::new(Watched::new(body, guest, Part::Response))))
}
