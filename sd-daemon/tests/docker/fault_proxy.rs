//! A proxy on a Unix socket in front of the engine. It forwards requests and responses, except for requested faults, and
//! records the requests.
//!
//! It serves one request for each connection, as the daemon does not reuse connections. It has its own thread, because
//! tests block theirs while they wait for the docker client. Slightly over 400 lines: faults and forwarding share the state.

use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// The longest request in bytes, far longer than any of the daemon.
const MAX_REQUEST: usize = 1 << 20;

/// A request, as sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    bytes: Vec<u8>,
}

impl Request {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether it has this method and matches this path, in which `*` stands for any segment.
    pub(crate) fn is(&self, method: &str, path: &str) -> bool {
        let (parts, wanted): (Vec<_>, Vec<_>) = (self.path().split('/').collect(), path.split('/').collect());
        let is_part = |(part, wanted): (&&str, &&str)| *wanted == "*" || part == wanted;
        self.method == method && parts.len() == wanted.len() && parts.iter().zip(&wanted).all(is_part)
    }
}

/// A fault of a request.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Docker executes the request; the response is lost.
    ReplyLost,
    /// Docker executes the request; half of the response arrives.
    ReplyCut,
    /// Docker executes the request; another response arrives.
    ReplyReplaced(Arc<[u8]>),
    /// The connection is closed; Docker receives the request when the test allows it.
    Late,
    /// Docker does not receive the request; this response arrives.
    Answered(Arc<[u8]>),
    /// Docker does not receive the request; a response without an end arrives.
    Endless,
    /// Docker does not receive the request; no response arrives.
    Silent,
    /// Docker executes the request; these bytes arrive between the head and the body of the response.
    Preceded(Arc<[u8]>),
}

struct Rule {
    method: &'static str,
    path: String,
    /// How often the rule applies. `None` is without limit.
    times: Option<usize>,
    fault: Fault,
}

/// The state of the open event streams.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Streams {
    Open,
    Cut,
    /// They stay open and deliver nothing.
    Silent,
}

struct Shared {
    engine: PathBuf,
    rules: Mutex<VecDeque<Rule>>,
    requests: Mutex<Vec<Request>>,
    refuses: watch::Sender<bool>,
    /// Each change applies to the streams that are open at that moment.
    streams: watch::Sender<Streams>,
    is_late_enough: watch::Sender<bool>,
    late: watch::Sender<usize>,
}

pub(crate) struct FaultProxy {
    directory: tempfile::TempDir,
    shared: Arc<Shared>,
    /// Dropping it ends the thread.
    _running: oneshot::Sender<()>,
}

impl FaultProxy {
    /// A proxy in front of the shared engine.
    pub(crate) fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary directory can be created"))
    }

    /// A proxy with its socket in an existing directory.
    pub(crate) fn start_in(directory: tempfile::TempDir) -> Self {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
        let shared = Arc::new(Shared {
            engine: socket.into(),
            rules: Mutex::default(),
            requests: Mutex::default(),
            refuses: watch::Sender::new(false),
            streams: watch::Sender::new(Streams::Open),
            is_late_enough: watch::Sender::new(false),
            late: watch::Sender::new(0),
        });
        let (running, ended) = oneshot::channel();
        let socket = std::os::unix::net::UnixListener::bind(directory.path().join("docker.sock"));
        let socket = socket.expect("the path is unused");
        socket.set_nonblocking(true).expect("sockets support this");
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || run(&serving, socket, ended));
        Self {
            directory,
            shared,
            _running: running,
        }
    }

    /// The value for `DOCKER_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.directory.path().display())
    }

    /// Sets the mode of the socket.
    pub(crate) fn permit(&self, mode: u32) {
        let permissions = std::fs::Permissions::from_mode;
        let (directory, socket) = (self.directory.path(), self.directory.path().join("docker.sock"));
        std::fs::set_permissions(directory, permissions(0o711)).expect("the test owns the file");
        std::fs::set_permissions(socket, permissions(mode)).expect("the test owns the file");
    }

    /// Applies a fault to the next matching request.
    pub(crate) fn once(&self, method: &'static str, path: &str, fault: Fault) {
        self.add(method, path, Some(1), fault);
    }

    /// Applies a fault to every matching request from now on.
    pub(crate) fn always(&self, method: &'static str, path: &str, fault: Fault) {
        self.add(method, path, None, fault);
    }

    fn add(&self, method: &'static str, path: &str, times: Option<usize>, fault: Fault) {
        let path = path.to_owned();
        lock(&self.shared.rules).push_back(Rule {
            method,
            path,
            times,
            fault,
        });
    }

    /// Removes all faults.
    pub(crate) fn heal(&self) {
        lock(&self.shared.rules).clear();
        self.shared.refuses.send_replace(false);
    }

    /// Closes every new connection.
    pub(crate) fn refuse(&self) {
        self.shared.refuses.send_replace(true);
    }

    /// Cuts the open event streams.
    pub(crate) fn cut_events(&self) {
        self.shared.streams.send_replace(Streams::Cut);
    }

    /// Silences the open event streams.
    pub(crate) fn silence_events(&self) {
        self.shared.streams.send_replace(Streams::Silent);
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// The number of matching requests so far.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        let requests = lock(&self.shared.requests);
        requests.iter().filter(|request| request.is(method, path)).count()
    }

    /// Clears the recorded requests.
    pub(crate) fn forget(&self) {
        lock(&self.shared.requests).clear();
    }

    /// Forwards the late requests to Docker.
    pub(crate) fn let_late_ones_through(&self) {
        self.shared.is_late_enough.send_replace(true);
    }

    /// The number of requests that reached Docker late.
    pub(crate) fn late(&self) -> usize {
        *self.shared.late.borrow()
    }
}

/// A complete response with this status line and body.
pub(crate) fn reply(status: &str, body: &[u8]) -> Arc<[u8]> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat().into()
}

fn run(shared: &Arc<Shared>, socket: std::os::unix::net::UnixListener, ended: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime can be created");
    runtime.block_on(async {
        let listener = UnixListener::from_std(socket).expect("the socket is non-blocking");
        let mut connections = JoinSet::new();
        tokio::select! {
            _ = ended => {}
            () = async {
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            let (caller, _) = accepted.expect("the socket listens");
                            if !*shared.refuses.borrow() {
                                connections.spawn(serve(Arc::clone(shared), caller));
                            }
                        }
                        Some(_) = connections.join_next() => {}
                    }
                }
            } => {}
        }
    });
}

async fn serve(shared: Arc<Shared>, mut caller: UnixStream) {
    let Some(request) = read_request(&mut caller).await else {
        return;
    };
    // Closes connections that were opened before the refusal.
    if *shared.refuses.borrow() {
        return;
    }
    lock(&shared.requests).push(request.clone());
    let fault = take_fault(&shared, &request);
    // A failure means that the caller has closed the connection.
    drop(match fault {
        None => pass_on(&shared, &request, caller, &[]).await,
        Some(Fault::Preceded(bytes)) => pass_on(&shared, &request, caller, &bytes).await,
        Some(Fault::ReplyLost) => request_whole(&shared, &request).await.map(drop),
        Some(Fault::ReplyCut) => match request_whole(&shared, &request).await {
            Ok(reply) => caller.write_all(&reply[..reply.len() / 2]).await,
            Err(error) => Err(error),
        },
        Some(Fault::ReplyReplaced(reply)) => match request_whole(&shared, &request).await {
            Ok(_) => caller.write_all(&reply).await,
            Err(error) => Err(error),
        },
        Some(Fault::Late) => {
            drop(caller);
            let mut is_late_enough = shared.is_late_enough.subscribe();
            // The proxy outlives this task.
            drop(is_late_enough.wait_for(|is_late_enough| *is_late_enough).await);
            let replied = request_whole(&shared, &request).await;
            shared.late.send_modify(|late| *late += 1);
            replied.map(drop)
        }
        Some(Fault::Answered(answer)) => caller.write_all(&answer).await,
        Some(Fault::Endless) => send_without_end(caller).await,
        Some(Fault::Silent) => caller.read_u8().await.map(drop),
    });
}

fn take_fault(shared: &Shared, request: &Request) -> Option<Fault> {
    let mut rules = lock(&shared.rules);
    let index = rules
        .iter()
        .position(|rule| request.is(rule.method, &rule.path))?;
    let rule = &mut rules[index];
    let fault = rule.fault.clone();
    if let Some(times) = &mut rule.times {
        *times -= 1;
        if *times == 0 {
            rules.remove(index);
        }
    }
    Some(fault)
}

/// Reads a request. Returns `None` if the caller closes the connection first.
async fn read_request(caller: &mut UnixStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if bytes.len() > MAX_REQUEST || caller.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse().expect("the length is a number"));
    while bytes.len() < head_end + length {
        if caller.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let line = String::from_utf8_lossy(&bytes).lines().next()?.to_owned();
    let mut words = line.split(' ');
    Some(Request {
        method: words.next()?.to_owned(),
        target: words.next()?.to_owned(),
        bytes,
    })
}

/// Sends a request to Docker, which closes the connection after its response.
async fn send(shared: &Shared, request: &Request) -> std::io::Result<UnixStream> {
    let mut engine = UnixStream::connect(&shared.engine).await?;
    let line_end = request.bytes.iter().position(|byte| *byte == b'\n');
    let (line, rest) = request.bytes.split_at(line_end.map_or(0, |end| end + 1));
    let bytes = [line, b"Connection: close\r\n", rest].concat();
    engine.write_all(&bytes).await?;
    Ok(engine)
}

/// Sends a request and returns Docker's whole response.
async fn request_whole(shared: &Shared, request: &Request) -> std::io::Result<Vec<u8>> {
    let mut reply = Vec::new();
    send(shared, request).await?.read_to_end(&mut reply).await?;
    Ok(reply)
}

async fn pass_on(
    shared: &Shared,
    request: &Request,
    mut caller: UnixStream,
    before_body: &[u8],
) -> std::io::Result<()> {
    let mut streams = shared.streams.subscribe();
    let is_stream = request.path() == "/events";
    let mut engine = send(shared, request).await?;
    let mut buffer = vec![0; 64 << 10];
    let mut is_silent = false;
    if !before_body.is_empty() {
        let head = read_head(&mut engine).await?;
        caller.write_all(&head).await?;
        caller.write_all(before_body).await?;
    }
    loop {
        tokio::select! {
            Ok(()) = streams.changed(), if is_stream => match *streams.borrow_and_update() {
                Streams::Cut => return Ok(()),
                Streams::Silent => is_silent = true,
                Streams::Open => {}
            },
            read = engine.read(&mut buffer) => {
                match read? {
                    0 if is_silent => return caller.read_u8().await.map(drop),
                    0 => return Ok(()),
                    _ if is_silent => {}
                    length => caller.write_all(&buffer[..length]).await?,
                }
            }
            // The caller has closed the connection.
            _ = caller.read_u8() => return Ok(()),
        }
    }
}

async fn read_head(engine: &mut UnixStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(engine.read_u8().await?);
    }
    Ok(head)
}

async fn send_without_end(mut caller: UnixStream) -> std::io::Result<()> {
    caller
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[\"")
        .await?;
    let more = vec![b'x'; 64 << 10];
    loop {
        caller.write_all(&more).await?;
    }
}

/// No code panics while it holds the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
