//! A page of a stranger in the browser of somebody who may use the daemon: a real browser, at whose sendings the daemon
//! is asked to look.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use sd_client::api::Container;

use crate::daemon::Daemon;
use crate::docker::image;

/// What the browser sent, and the status of the answer.
type Log = Arc<Mutex<Vec<(String, u16)>>>;

/// Stands between the browser and the daemon, and writes down what passes.
struct Witness {
    address: SocketAddr,
    log: Log,
}

impl Witness {
    fn before(daemon: &Daemon) -> Self {
        let log = Log::default();
        let (daemon, seen) = (daemon.address().to_owned(), Arc::clone(&log));
        let address = serve(move |head, body| {
            let answer = ask(&daemon, &head, &body)?;
            let request = head.split(" HTTP").next()?.to_owned();
            let status = answer.get(9..12)?;
            let status = std::str::from_utf8(status).ok()?.parse().ok()?;
            seen.lock().ok()?.push((request, status));
            Some(answer)
        });
        Self { address, log }
    }

    /// Everything since the last time it was asked, in order of the alphabet.
    fn saw(&self) -> Vec<(String, u16)> {
        let mut seen = std::mem::take(&mut *self.log.lock().expect("nobody panics with it"));
        seen.sort();
        seen
    }
}

/// Sends a request on, on a connection of its own.
fn ask(daemon: &str, head: &str, body: &[u8]) -> Option<Vec<u8>> {
    let mut connection = TcpStream::connect(daemon).ok()?;
    let head = head.replace("Connection: keep-alive", "Connection: close");
    connection.write_all(head.as_bytes()).ok()?;
    connection.write_all(body).ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok()?;
    Some(answer)
}

/// Serves until the test process ends: a request in, an answer out, and the connection is closed.
fn serve(answer: impl Fn(String, Vec<u8>) -> Option<Vec<u8>> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            // A browser opens connections that it may not use.
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

/// A page at an address of its own.
fn page(html: String) -> String {
    let address = serve(move |_, _| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n";
        Some([head.as_bytes(), html.as_bytes()].concat())
    });
    format!("http://{address}/")
}

/// What is in the browser's window once the page has done what it wanted.
fn browse(url: &str) -> String {
    let profile = tempfile::tempdir().expect("there is room for a profile");
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

/// Tries what a script can send without a password, and with the one that everybody knows.
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
            // With credentials, the browser would ask its user for them, and wait.
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

/// Sends a form by leaving the page for the daemon, with the password in the address: that much a browser allows.
fn sends_a_form(action: &str, name: &str, value: &str) -> String {
    page(format!(
        "<form method=post action=\"{action}\"><input name={name} value={value}></form>\
         <script>document.forms[0].submit()</script>"
    ))
}

#[tokio::test]
async fn the_page_of_a_stranger_changes_nothing_and_reads_nothing() {
    let daemon = Daemon::start(&["--activity-signals", "check-in"]).await;
    let container = daemon.create().await;
    let before = daemon.list().await;
    let witness = Witness::before(&daemon);
    let (address, id) = (witness.address, &container.container_id);

    // The browser works, and the password opens the door to who may know it.
    let shown = browse(&format!("http://admin:spindocker@{address}/v1/containers"));
    assert!(shown.contains(id.as_str()), "{shown}");
    assert!(witness.saw().contains(&("GET /v1/containers".to_owned(), 200)));

    let shown = browse(&attack(address, &container, image()));
    assert!(
        shown.contains("came back: opaque 0, opaque 0, opaque 0, nothing, nothing, nothing, nothing"),
        "{shown}"
    );
    let refused = |request: String, status| (request, status);
    assert_eq!(
        witness.saw(),
        [
            refused("GET /v1/images".to_owned(), 401),
            // What a page must ask before it may: nothing here answers that.
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
        let shown = browse(&sends_a_form(&format!("{with_password}{path}"), name, value));
        assert!(shown.contains("cross-origin request from"), "{shown}");
        assert!(witness.saw().contains(&(format!("POST {path}"), 403)));
    }

    // A name of the stranger's own that leads here.
    let rebound = format!("http://admin:spindocker@evil.example:{}", address.port());
    let shown = browse(&format!("{rebound}/v1/containers"));
    assert!(shown.contains("is not allowed: use the daemon"), "{shown}");
    assert!(!shown.contains(id.as_str()), "{shown}");

    assert_eq!(daemon.list().await, before);
}
