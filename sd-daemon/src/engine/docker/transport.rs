//! Connections to the engine's socket with a limit on the length of a response.
//!
//! bollard reads a whole response into memory. Each request has a connection of its own, so a limit on the bytes of a
//! connection limits the response.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::Uri;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// The longest response, in bytes. A list of a thousand containers with sixteen ports each has five million bytes.
pub(super) const MAX_REPLY: usize = 16 << 20;

/// The longest stream of events, in bytes: some thousand events. The limit is low because bollard scans a line without
/// an end from its beginning each time more of it arrives. A stream that reaches it is replaced.
const MAX_EVENTS: usize = 2 << 20;

/// Streams that are decoded piece by piece need no limit.
const UNLIMITED: usize = usize::MAX;

/// The time limit of bollard in seconds, which covers the response head only. It is longer than any of ours.
const BOLLARD_LIMIT: u64 = 600;

/// Makes requests without bollard.
pub(super) type HttpClient = legacy::Client<Connector, Full<Bytes>>;

/// The clients of one engine.
#[derive(Clone)]
pub(super) struct Clients {
    /// Typed calls.
    pub(super) docker: Docker,
    /// Requests with a limited response.
    pub(super) replies: HttpClient,
    /// Requests with a response of any length.
    pub(super) streams: HttpClient,
    /// The host part of request URIs.
    pub(super) authority: String,
}

/// Makes the clients of an engine. A Unix socket must exist.
pub(super) fn connect(host: &str) -> Result<Clients, Error> {
    let target = Target::parse(host)?;
    let authority = match &target {
        Target::Unix(_) => "docker".to_owned(),
        Target::Tcp(address) => address.clone(),
    };
    Ok(Clients {
        docker: docker(&target, &authority)?,
        replies: client(&target, MAX_REPLY),
        streams: client(&target, UNLIMITED),
        authority,
    })
}

fn docker(target: &Target, authority: &str) -> Result<Docker, Error> {
    let (replies, events) = (client(target, MAX_REPLY), client(target, MAX_EVENTS));
    let transport = move |request: BollardRequest| {
        let is_stream = request.uri().path() == "/events";
        let client = if is_stream { &events } else { &replies };
        let reply = client.request(request);
        async move { reply.await.map_err(Error::from) }
    };
    let address = format!("http://{authority}");
    Docker::connect_with_custom_transport(transport, Some(address), BOLLARD_LIMIT, API_DEFAULT_VERSION)
}

/// The address of an engine.
#[derive(Clone)]
enum Target {
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
}

impl Target {
    fn parse(host: &str) -> Result<Self, Error> {
        if let Some(path) = host.strip_prefix("unix://") {
            return if Path::new(path).exists() {
                Ok(Self::Unix(path.into()))
            } else {
                Err(Error::SocketNotFoundError(path.to_owned()))
            };
        }
        let address = host.split_once("://").map_or(host, |(_, address)| address);
        Ok(Self::Tcp(address.trim_end_matches('/').to_owned()))
    }

    async fn connect(self) -> io::Result<Box<dyn Socket>> {
        Ok(match self {
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Self::Tcp(address) => Box::new(TcpStream::connect(address).await?),
        })
    }
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl Socket for UnixStream {}

impl Socket for TcpStream {}

/// Opens connections for hyper.
#[derive(Clone)]
pub(super) struct Connector {
    target: Target,
    limit: usize,
}

fn client<Body>(target: &Target, limit: usize) -> legacy::Client<Connector, Body>
where
    Body: hyper::body::Body<Data: Send> + Send,
{
    let connector = Connector {
        target: target.clone(),
        limit,
    };
    // A connection carries one response, so that its limit is the limit of that response.
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(0).build(connector)
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<LimitedSocket>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { target, limit } = self.clone();
        Box::pin(async move {
            Ok(TokioIo::new(LimitedSocket {
                socket: target.connect().await?,
                left: limit,
                limit,
            }))
        })
    }
}

/// A connection that fails after a number of bytes was read.
pub(super) struct LimitedSocket {
    socket: Box<dyn Socket>,
    left: usize,
    limit: usize,
}

impl AsyncRead for LimitedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.limit == UNLIMITED {
            return Pin::new(&mut self.socket).poll_read(task, buffer);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(task, buffer))?;
        let read = buffer.filled().len() - before;
        self.left = self.left.checked_sub(read).ok_or_else(|| {
            io::Error::other(format!("the response is longer than {} MB", self.limit >> 20))
        })?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LimitedSocket {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(task)
    }
}

impl Connection for LimitedSocket {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
