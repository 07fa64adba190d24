//! Requests with ambiguous framing, sent directly and through nginx.
//!
//! If a proxy and the daemon disagree on where a request ends, an attacker can prepend bytes to the next client's
//! request. The tests prove that one connection never yields two responses to one request.

mod corpus;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::program::{CREDENTIALS, PATIENCE, Program, connect};
use corpus::corpus;

/// Sends `request` and reads until the connection is closed. Returns the status codes and the text of all responses.
async fn responses(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> (Vec<u16>, String) {
    // The daemon may close the connection before it has read everything.
    drop(stream.write_all(request.as_bytes()).await);
    let mut text = Vec::new();
    let until_closed = async {
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            text.extend_from_slice(&piece[..length]);
        }
    };
    let is_closed = timeout(PATIENCE, until_closed).await.is_ok();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(is_closed, "{request:?} left the connection open after {text}");
    let statuses = text
        .split("HTTP/1.")
        .skip(1)
        .filter_map(|response| response.get(2..5)?.parse().ok());
    (statuses.collect(), text)
}

#[tokio::test]
async fn ambiguous_framing_never_yields_two_responses() {
    let program = Program::start(&[]);
    for (case, request, expected) in corpus() {
        let stream = connect([127, 0, 0, 1], program.api()).await.unwrap();
        let (statuses, text) = responses(stream, &request).await;
        assert_eq!(statuses, expected, "{case}: {request:?} got {text}");
    }
}

/// nginx in front of the daemon, with keep-alive connections to it.
struct Proxy {
    child: Child,
    socket: std::path::PathBuf,
}

impl Proxy {
    fn start(directory: &Path, program: &Program) -> Self {
        let socket = directory.join("socket");
        let settings = format!(
            "daemon off; user root; worker_processes 1; pid {0}/pid; error_log {0}/log;\n\
             events {{ }}\n\
             http {{\n\
               access_log off; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy;\n\
               fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;\n\
               upstream daemon {{ server {1}; keepalive 1; }}\n\
               server {{\n\
                 listen unix:{0}/socket;\n\
                 location / {{\n\
                   proxy_pass http://daemon; proxy_http_version 1.1; proxy_request_buffering off;\n\
                   proxy_set_header Connection ''; proxy_set_header Host localhost;\n\
                 }}\n\
               }}\n\
             }}\n",
            directory.display(),
            program.api()
        );
        let file = directory.join("nginx.conf");
        std::fs::write(&file, settings).unwrap();
        let mut nginx = Command::new("/usr/sbin/nginx");
        nginx
            .arg("-p")
            .arg(directory)
            .arg("-e")
            .arg(directory.join("log"))
            .arg("-c")
            .arg(file);
        let child = nginx
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed");
        let proxy = Self { child, socket };
        crate::program::wait_until("nginx listens", || {
            std::os::unix::net::UnixStream::connect(&proxy.socket).is_ok()
        });
        proxy
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // SIGTERM stops the workers as well; `Child::kill` would leave them.
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn clients_behind_nginx_get_only_their_own_responses() {
    let program = Program::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let proxy = Proxy::start(directory.path(), &program);
    for (number, (case, request, _)) in corpus().into_iter().enumerate() {
        // nginx may reject the request itself.
        let mut attacker = UnixStream::connect(&proxy.socket).await.unwrap();
        drop(attacker.write_all(request.as_bytes()).await);
        let mut first = [0; 16];
        drop(timeout(PATIENCE, attacker.read(&mut first)).await.unwrap());

        // The next client shares the keep-alive connection between nginx and the daemon.
        let path = format!("/v1/victim-{number}");
        let victim =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{CREDENTIALS}\r\n");
        let stream = UnixStream::connect(&proxy.socket).await.unwrap();
        let (statuses, text) = responses(stream, &victim).await;
        assert_eq!(statuses, [404], "after {case}: {text}");
        assert!(text.contains(&path), "after {case}: {text}");
    }
}
