//! The accept loop of a listener.

use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::connections::ConnectionTable;
use super::http1::{Addresses, handle_connection};
use super::peer::{LocalAddr, Peer};
use super::timeouts::ConnectionLimits;
use crate::tls::Tls;

/// Interval between two checks for stalled connections.
const EVICTION_INTERVAL: Duration = Duration::from_millis(250);
/// Pause after the process ran out of file descriptors. Only a connection that closes frees one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Failures to accept are logged at most this often.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// A listener and the protocol it speaks.
#[derive(Debug)]
pub struct ListenerConfig {
    /// The bound socket.
    pub listener: TcpListener,
    /// HTTPS with this certificate. Plain HTTP if it is `None`.
    pub tls: Option<Tls>,
}

impl From<TcpListener> for ListenerConfig {
    /// Plain HTTP.
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

/// Serves a listener until `shutdown`, then finishes the requests that have begun.
pub async fn serve(listener: impl Into<ListenerConfig>, router: Router, shutdown: CancellationToken) {
    serve_with_limits(ConnectionLimits::default(), listener, router, shutdown).await;
}

/// As [`serve`], with other limits than the default.
pub async fn serve_with_limits(
    limits: ConnectionLimits,
    listener: impl Into<ListenerConfig>,
    router: Router,
    shutdown: CancellationToken,
) {
    let table = ConnectionTable::new(limits);
    let graceful = GracefulShutdown::new();
    let ListenerConfig { listener, tls } = listener.into();
    let mut acceptor = Acceptor::new(listener);
    let mut connections = JoinSet::new();
    let mut evictions = interval(EVICTION_INTERVAL);
    evictions.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => {}
            _ = evictions.tick(), if !connections.is_empty() => table.evict_stalled(Instant::now()),
            // When the table is full, new connections stay in the kernel's accept queue.
            accepted = acceptor.accept(), if table.has_capacity() => match accepted {
                Ok((stream, addresses)) => {
                    // Without a permit the stream is dropped, which closes the connection.
                    if let Some(permit) = table.admit(addresses.peer.address(), Instant::now()) {
                        connections.spawn(handle_connection(
                            stream, permit, addresses, router.clone(), tls.clone(), graceful.watcher(),
                        ));
                    }
                }
                Err(error) => if acceptor.recover(&error) {
                    table.declare_overload(Instant::now());
                },
            },
        }
    }
    drop(acceptor);
    let mut finished = pin!(graceful.shutdown());
    loop {
        tokio::select! {
            () = &mut finished => return,
            _ = evictions.tick() => {
                // A stalled connection must not delay the shutdown.
                table.declare_overload(Instant::now());
                table.evict_stalled(Instant::now());
            }
        }
    }
}

/// A listener that pauses after the process ran out of a resource.
struct Acceptor {
    listener: TcpListener,
    paused_until: Option<tokio::time::Instant>,
    warned_at: Option<Instant>,
}

impl Acceptor {
    fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            paused_until: None,
            warned_at: None,
        }
    }

    async fn accept(&self) -> io::Result<(TcpStream, Addresses)> {
        if let Some(moment) = self.paused_until {
            sleep_until(moment).await;
        }
        let (stream, peer) = self.listener.accept().await?;
        let addresses = Addresses {
            peer: Peer::new(peer),
            local: LocalAddr::new(stream.local_addr()?),
        };
        Ok((stream, addresses))
    }

    /// Handles a failure to accept. Pauses and returns `true` if this process ran out of a resource. Returns `false` if
    /// the client aborted the connection.
    fn recover(&mut self, error: &io::Error) -> bool {
        use io::ErrorKind as K;
        if matches!(
            error.kind(),
            K::ConnectionAborted | K::ConnectionReset | K::NotConnected
        ) {
            return false;
        }
        self.paused_until = Some(tokio::time::Instant::now() + ACCEPT_PAUSE);
        let is_recent = |at: Instant| at.elapsed() < WARNING_INTERVAL;
        if !self.warned_at.is_some_and(is_recent) {
            self.warned_at = Some(Instant::now());
            tracing::warn!(%error, "failed to accept a connection; retrying");
        }
        true
    }
}
