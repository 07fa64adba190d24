//! The way to the engine's socket, on which no reply is longer than it may be.
//!
//! bollard reads a reply into memory before anybody looks at it. Each request has a connection of its own, and so
//! a bound on what a connection may carry is one on what is read.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use futures_util::future::BoxFuture;
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// The longest reply, in bytes. A thousand containers with sixteen ports each are listed in five million.
const LONGEST_REPLY: usize = 16 << 20;

/// How much a stream of events tells before it is made anew, in bytes: some thousand events. It is small because
/// bollard reads a line that does not end from its beginning each time that more of it arrives.
const LONGEST_STREAM: usize = 2 << 20;

/// Longer than any limit of ours, in seconds: bollard's own ends at the head of an answer.
const LIMIT_OF_BOLLARD: u64 = 600;

/// The way to an engine; a unix socket has to be there.
pub(super) fn connect(host: &str) -> Result<Docker, Error> {
    let target = Target::of(host)?;
    let authority = match &target {
        Target::Unix(_) => "docker",
        Target::Tcp(address) => address,
    };
    let address = format!("http://{authority}");
    let (replies, events) = (client(&target, LONGEST_REPLY), client(&target, LONGEST_STREAM));
    let transport = move |request: BollardRequest| {
        let is_stream = request.uri().path() == "/events";
        let client = if is_stream { &events } else { &replies };
        let reply = client.request(request);
        async move { reply.await.map_err(Error::from) }
    };
    Docker::connect_with_custom_transport(transport, Some(address), LIMIT_OF_BOLLARD, API_DEFAULT_VERSION)
}

/// Where an engine listens.
#[derive(Clone)]
enum Target {
    Unix(PathBuf),
    /// Host and port.
    Tcp(String),
}

impl Target {
    fn of(host: &str) -> Result<Self, Error> {
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

/// Makes connections for hyper.
#[derive(Clone)]
struct Connector {
    target: Target,
    longest: usize,
}

fn client<Body>(target: &Target, longest: usize) -> Client<Connector, Body>
where
    Body: hyper::body::Body<Data: Send> + Send,
{
    let connector = Connector {
        target: target.clone(),
        longest,
    };
    // A connection is used once: its bound is that of one reply.
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(0).build(connector)
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Bounded>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { target, longest } = self.clone();
        Box::pin(async move {
            Ok(TokioIo::new(Bounded {
                socket: target.connect().await?,
                left: longest,
                longest,
            }))
        })
    }
}

/// A connection from which only so much is read.
struct Bounded {
    socket: Box<dyn Socket>,
    left: usize,
    longest: usize,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(task, buffer))?;
        let read = buffer.filled().len() - before;
        let left = self.left.checked_sub(read).ok_or_else(|| {
            io::Error::other(format!("it said more than {} MB at once", self.longest >> 20))
        })?;
        self.left = left;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bounded {
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

impl Connection for Bounded {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
