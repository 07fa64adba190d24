//! A minimal HTTP server, and the binary `sd` that is pointed at it.

use std::borrow::BorrowMut;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// Longer than any step of these tests takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A request that the server received.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and target: `GET /v1/images`.
    pub(crate) line: String,
    /// Header lines in lower case.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn has_credentials(&self) -> bool {
        self.headers
            .iter()
            .any(|header| header.starts_with("authorization:"))
    }
}

/// A response: status, body and additional headers.
pub(crate) struct Response {
    status: u16,
    body: String,
    headers: String,
}

impl Response {
    pub(crate) fn json(body: &Value) -> Self {
        Self {
            status: 200,
            body: body.to_string(),
            headers: String::new(),
        }
    }

    /// An event stream that ends after these events.
    pub(crate) fn events(stream: &str) -> Self {
        Self {
            status: 200,
            body: stream.to_owned(),
            headers: String::new(),
        }
        .with_header("content-type", "text/event-stream")
    }

    pub(crate) fn no_content() -> Self {
        Self {
            status: 204,
            body: String::new(),
            headers: String::new(),
        }
    }

    pub(crate) fn problem(status: u16, suffix: &str, detail: &str) -> Self {
        let problem = json!({
            "type": format!("urn:spin-docker:problem:{suffix}"),
            "title": "A title",
            "status": status,
            "detail": detail,
            "message": detail,
            "request_id": "1",
        });
        Self {
            status,
            body: problem.to_string(),
            headers: String::new(),
        }
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\r\n"] {
            self.headers.push_str(part);
        }
        self
    }
}

/// Responds to every request with the result of a function. One thread per connection.
pub(crate) struct Server {
    pub(crate) port: u16,
    received: Arc<Mutex<Vec<Request>>>,
    arrivals: Mutex<Receiver<Request>>,
}

impl Server {
    pub(crate) fn responding_with(response: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (arrived, arrivals) = mpsc::channel();
        let (response, kept) = (Arc::new(response), Arc::clone(&received));
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (response, kept, arrived) = (Arc::clone(&response), Arc::clone(&kept), arrived.clone());
                thread::spawn(move || {
                    let Some(request) = read(&connection) else { return };
                    kept.lock().unwrap().push(request.clone());
                    // Fails if the test has ended.
                    drop(arrived.send(request.clone()));
                    write(&connection, &response(&request));
                });
            }
        });
        Self {
            port,
            received,
            arrivals: Mutex::new(arrivals),
        }
    }

    /// Responds to every request in the same way.
    pub(crate) fn always(response: impl Fn() -> Response + Send + Sync + 'static) -> Self {
        Self::responding_with(move |_| response())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.received.lock().unwrap().clone()
    }

    /// The request lines, sorted: requests in parallel arrive in any order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.requests().into_iter().map(|request| request.line).collect();
        lines.sort();
        lines
    }

    /// Waits for the next request.
    pub(crate) fn next_request(&self) -> Request {
        self.arrivals.lock().unwrap().recv_timeout(DEADLINE).unwrap()
    }
}

fn read(connection: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(connection);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0).trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<String> = lines.iter().map(|header| header.to_lowercase()).collect();
    let length = headers
        .iter()
        .find_map(|header| header.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        line,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

fn write(mut connection: &TcpStream, response: &Response) {
    let Response {
        status,
        body,
        headers,
    } = response;
    let length = match status {
        204 => String::new(),
        _ => format!("content-length: {}\r\n", body.len()),
    };
    // Some tests kill the client before the response.
    drop(write!(
        connection,
        "HTTP/1.1 {status} x\r\nconnection: close\r\n{headers}{length}\r\n{body}"
    ));
}

/// The command `sd` without any settings of the developer.
pub(crate) fn sd(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sd"));
    command
        .args(arguments)
        .env_clear()
        .env("XDG_CONFIG_HOME", "/nonexistent")
        // A fixed time zone for printed times; a path for the commands that sd runs.
        .env("TZ", "UTC")
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null());
    command
}

/// Runs `sd` against the server.
pub(crate) fn run_sd(server: &Server, arguments: &[&str]) -> Run {
    Run::of(sd(arguments).env("SD_URL", server.url()))
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(mut command: impl BorrowMut<Command>) -> Self {
        command.borrow_mut().output().unwrap().into()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Asserts the exit code and the complete stderr.
    #[track_caller]
    pub(crate) fn failed_with(&self, code: i32, stderr: &str) {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (Some(code), stderr),
            "{self:?}"
        );
    }

    #[track_caller]
    pub(crate) fn printed(&self, stdout: &str) {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        assert_eq!(self.stdout, stdout);
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A port without a listener, reserved while this value exists.
///
/// The standard library cannot bind a socket without listening, but the local port of an established
/// connection is reserved as well.
pub(crate) struct ClosedPort {
    connection: TcpStream,
    /// Keeps the other end open: a reset connection releases its port.
    _listener: TcpListener,
}

impl ClosedPort {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Self {
            connection,
            _listener: listener,
        }
    }

    pub(crate) fn number(&self) -> u16 {
        self.connection.local_addr().unwrap().port()
    }
}

/// Sends a signal, such as `TERM`, to a process that this test started.
pub(crate) fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// A container object of the daemon.
pub(crate) fn container(name: &str, status: &str) -> Value {
    // The bytes of the name, so that ids have different prefixes. For names of up to eight letters.
    let digits = name
        .bytes()
        .fold(0_u64, |digits, byte| digits << 8 | u64::from(byte));
    let id = format!("{:0<64}", format!("{digits:x}"));
    json!({
        "container_id": id,
        "name": format!("/{name}"),
        "image": "atbaker/sd-postgres",
        "status": status,
        "active": "0",
        "ssh_port": "",
        "app_port": "",
        "uri": format!("/v1/containers/{id}"),
        "ports": {},
        "created_at": "2026-03-01T12:00:00.000Z",
        "started_at": null,
        "last_active_at": null,
        "idle_timeout": 9000,
        "stops_at": null,
        "max_lifetime": null,
        "remove_after": null,
        "removes_at": null,
        "stop_reason": null,
    })
}

/// The activity of a container that was stopped over the API.
pub(crate) fn activity() -> Value {
    json!({
        "container_id": "2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e",
        "name": "/db",
        "image": "sd-postgres",
        "status": "stopped",
        "at": "2026-03-01T18:00:00.000Z",
        "created_at": "2026-03-01T11:00:00.000Z",
        "started_at": null,
        "stopped_at": "2026-03-01T16:51:00.000Z",
        "stop_reason": "requested",
        "last_active_at": "2026-03-01T11:00:00.000Z",
        "last_active_signal": "started",
        "idle_timeout": 9000,
        "idle_timeout_source": "default",
        "max_lifetime": null,
        "max_lifetime_source": "default",
        "remove_after": null,
        "remove_after_source": "default",
        "stops_at": null,
        "stops_because": null,
        "removes_at": null,
        "keep_until": null,
        "connections": null,
        "signals": [],
        "history": [
            {"id": 1, "at": "2026-03-01T11:00:00.000Z", "what": "started", "why": "started by admin",
                "reason": {"kind": "requested"}, "actor": {"kind": "client", "user": "admin", "means": "api"}},
            {"id": 2, "at": "2026-03-01T16:50:58.000Z", "what": "stopping", "why": "evil \u{1b}[2J",
                "reason": null, "actor": null},
        ],
    })
}
