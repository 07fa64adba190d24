//! Requests of a cross-origin page in a real browser whose user has the credentials of the daemon.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use sd_client::api::Container;

use crate::daemon::Daemon;
use crate::docker::image;

/// The requests of the browser, with the status codes of their responses.
type Log = Arc<Mutex<Vec<(String, u16)>>>;

/// A proxy between the browser and the daemon that records requests.
struct RecordingProxy {
    address: SocketAddr,
    log: Log,
}

impl RecordingProxy {
    fn of(daemon: &Daemon) -> Self {
        let log = Log::default();
        let (daemon, seen) = (daemon.address().to_owned(), Arc::clone(&log));
        let address = serve(move |head, body| {
            let answer = forward(&daemon, &head, &body)?;
            let request = head.split(" HTTP").next()?.to_owned();
            let status = answer.get(9..12)?;
            let status = std::str::from_utf8(status).ok()?.parse().ok()?;
            seen.lock().ok()?.push((request, status));
            Some(answer)
        });
        Self { address, log }
    }

    /// The requests since the last call, sorted.
    fn take_requests(&self) -> Vec<(String, u16)> {
        let mut seen = std::mem::take(
            &mut *self
                .log
                .lock()
                .expect("no thread panicked while it held the lock"),
        );
        seen.sort();
        seen
    }
}

/// Forwards a request on a new connection.
fn forward(daemon: &str, head: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut connection = TcpStream::connect(daemon).ok()?;
    let head = head.replace("Connection: keep-alive", "Connection: close");
    connection.write_all(head.as_bytes()).ok()?;
    connection.write_all(body).ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok()?;
    Some(answer)
}

/// Serves one request per connection until the test process exits.
fn serve(answer: impl Fn(String, Vec<u8>) -> Option<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            // A browser also opens connections that it does not use.
            thread::spawn(move || {
                let mut connection = connection;
                let (head, body) = read(&connection)?;
                connection.write_all(&answer(head, body)?).ok()
            });
        }
    });
    address
}

fn read(connection: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// Serves a page at an origin of its own.
fn page(html: String) -> String {
    let address = serve(move |_, _| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n";
        Some([head.as_bytes(), html.as_bytes()].concat())
    });
    format!("http://{address}/")
}

/// Opens a URL, and returns the document after its scripts have run.
fn browse(url: &str) -> String {
    let profile = tempfile::tempdir().expect("a temporary directory can be created");
    let output = Command::new("timeout")
        .args([
            "120",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .args([
            "--disable-sync",
            "--host-resolver-rules=MAP evil.example 127.0.0.1",
        ])
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .output()
        .expect("script/bootstrap has installed chromium");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A page whose script sends requests without a password and with the default password.
fn attack(daemon: SocketAddr, container: &Container, image: &str) -> String {
    let script = r#"
        const form = (fields) => ({ method: "POST", mode: "no-cors", credentials: "include",
                                    body: new URLSearchParams(fields) });
        const json = (method, body, headers) => ({ method, body: JSON.stringify(body),
                                    headers: { "content-type": "application/json", ...headers } });
        const password = { authorization: "Basic " + btoa("admin:spindocker") };
        const attempts = [
            ["/v1/containers", form({ image: "IMAGE" })],
            ["/v1/containers/ID/extend", form({ by: "2h" })],
            ["/v1/check-in", form({ active: "7" })],
            // With credentials, the browser would prompt its user, and wait.
            ["/v1/images", { credentials: "omit" }],
            ["/v1/images", { headers: password }],
            ["/v1/containers/ID", json("PATCH", { status: "stopped" }, password)],
            ["/v1/containers/ID", { method: "DELETE", headers: password }],
        ];
        const results = attempts.map(([path, options]) => fetch("http://DAEMON" + path, options)
            .then((answer) => answer.type + " " + answer.status, () => "nothing"));
        Promise.all(results).then((all) => document.title = "came back: " + all.join(", "));
    "#;
    let script = script
        .replace("DAEMON", &daemon.to_string())
        .replace("IMAGE", image)
        .replace("ID", &container.container_id);
    page(format!("<script>{script}</script>"))
}

/// A page that submits a form to the daemon. Browsers allow such a navigation, also with a password in the URL.
fn form_page(action: &str, name: &str, value: &str) -> String {
    page(format!(
        "<form method=post action=\"{action}\"><input name={name} value={value}></form>\
         <script>document.forms[0].submit()</script>"
    ))
}

#[tokio::test]
async fn cross_origin_page_can_neither_read_nor_change_anything() {
    let daemon = Daemon::start(&["--activity-signals", "check-in"]).await;
    let container = daemon.create().await;
    let before = daemon.list().await;
    let proxy = RecordingProxy::of(&daemon);
    let (address, id) = (proxy.address, &container.container_id);

    // The browser works, and the password is accepted.
    let shown = browse(&format!("http://admin:spindocker@{address}/v1/containers"));
    assert!(shown.contains(id.as_str()), "{shown}");
    assert!(
        proxy
            .take_requests()
            .contains(&("GET /v1/containers".to_owned(), 200))
    );

    let shown = browse(&attack(address, &container, image()));
    assert!(
        shown.contains("came back: opaque 0, opaque 0, opaque 0, nothing, nothing, nothing, nothing"),
        "{shown}"
    );
    let refused = |request: String, status| (request, status);
    assert_eq!(
        proxy.take_requests(),
        [
            refused("GET /v1/images".to_owned(), 401),
            // CORS preflights, which the daemon does not answer.
            refused(format!("OPTIONS /v1/containers/{id}"), 401),
            refused(format!("OPTIONS /v1/containers/{id}"), 401),
            refused("OPTIONS /v1/images".to_owned(), 401),
            refused("POST /v1/check-in".to_owned(), 403),
            refused("POST /v1/containers".to_owned(), 403),
            refused(format!("POST /v1/containers/{id}/extend"), 403),
        ]
    );

    let with_password = format!("http://admin:spindocker@{address}");
    for (path, name, value) in [
        ("/v1/containers".to_owned(), "image", image()),
        (format!("/v1/containers/{id}/extend"), "by", "2h"),
    ] {
        let shown = browse(&form_page(&format!("{with_password}{path}"), name, value));
        assert!(shown.contains("cross-origin request from"), "{shown}");
        assert!(proxy.take_requests().contains(&(format!("POST {path}"), 403)));
    }

    // DNS rebinding: a host name of the attacker that resolves to the daemon.
    let rebound = format!("http://admin:spindocker@evil.example:{}", address.port());
    let shown = browse(&format!("{rebound}/v1/containers"));
    assert!(shown.contains("is not allowed: use the daemon"), "{shown}");
    assert!(!shown.contains(id.as_str()), "{shown}");

    assert_eq!(daemon.list().await, before);
}
