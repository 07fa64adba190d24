//! The requests of the smuggling tests.

use crate::program::CREDENTIALS;

/// The smuggled request. It is a second request wherever the first one ends before it.
const SECOND: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const CHUNKED: &str = "transfer-encoding: chunked\r\n";
const CHUNKS: &str = "2\r\n{}\r\n0\r\n\r\n";
const HOST: &str = "host: localhost\r\n";
/// The body was read as `{}`, which lacks the image, and the second request was answered as well.
const ACCEPTED: &[u16] = &[422, 200];
/// The request was rejected and the connection closed.
const REJECTED: &[u16] = &[400];
/// The body was read as `{}` by its chunks, and the connection closed, as RFC 9112 section 6.1 requires.
const CHUNKS_THEN_CLOSED: &[u16] = &[422];

/// A create request with these headers and this body, followed by [`SECOND`].
fn create(headers: &str, body: &str) -> String {
    format!(
        "POST /v1/containers HTTP/1.1\r\nhost: localhost\r\n{CREDENTIALS}content-type: application/json\r\n\
         {headers}\r\n{body}{SECOND}"
    )
}

/// A request without a body, followed by [`SECOND`].
fn bodiless(line: &str, headers: &str) -> String {
    format!("{line}\r\n{headers}\r\n{SECOND}")
}

/// A description, the bytes to send, and the status codes of all responses.
type Case = (&'static str, String, &'static [u16]);

/// All requests.
pub(super) fn corpus() -> Vec<Case> {
    let parts = [
        lengths(),
        encodings(),
        length_and_encoding(),
        chunks(),
        request_lines(),
        headers(),
        accepted(),
    ];
    parts.concat()
}

fn lengths() -> Vec<Case> {
    let lengths = ["+2", "-1", "0x2", "2, 2", "2 2", "", "99999999999999999999999"];
    let case = |length| {
        let request = create(&format!("content-length: {length}\r\n"), "{}");
        ("invalid content-length", request, REJECTED)
    };
    lengths.into_iter().map(case).collect()
}

fn encodings() -> Vec<Case> {
    let encodings = [
        "identity",
        "xchunked",
        "\u{b}chunked",
        "chunked, identity",
        "gzip, chunked",
        "chunked, chunked",
    ];
    let case = |encoding| {
        let request = create(&format!("transfer-encoding: {encoding}\r\n"), CHUNKS);
        ("unsupported transfer-encoding", request, REJECTED)
    };
    encodings.into_iter().map(case).collect()
}

/// One response each: the chunks decide, and the daemon closes the connection.
fn length_and_encoding() -> Vec<Case> {
    let length = "content-length: 4\r\n";
    let smuggling = format!("content-length: {}\r\n", CHUNKS.len() + SECOND.len());
    let both = |headers: &str| create(headers, CHUNKS);
    vec![
        (
            "length before encoding",
            both(&format!("{length}{CHUNKED}")),
            CHUNKS_THEN_CLOSED,
        ),
        (
            "encoding before length",
            both(&format!("{CHUNKED}{length}")),
            CHUNKS_THEN_CLOSED,
        ),
        (
            "length that covers the second request",
            both(&format!("{smuggling}{CHUNKED}")),
            CHUNKS_THEN_CLOSED,
        ),
        (
            "both in a second request",
            format!(
                "{}{}",
                bodiless("GET /healthz HTTP/1.1", HOST).replace(SECOND, ""),
                both(&format!("{length}{CHUNKED}"))
            ),
            &[200, 422],
        ),
        (
            "both in a GET",
            bodiless("GET /healthz HTTP/1.1", &format!("{HOST}{length}{CHUNKED}")),
            &[200],
        ),
    ]
}

fn chunks() -> Vec<Case> {
    let bodies = [
        "0x2\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "100000000000000002\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\n{}\n0\n\n",
        "2;a\n{}\r\n0\r\n\r\n",
    ];
    let case = |body| ("invalid chunk", create(CHUNKED, body), REJECTED);
    bodies.into_iter().map(case).collect()
}

fn request_lines() -> Vec<Case> {
    let lines = [
        "GET /healthz HTTP/1.2",
        "GET /healthz http/1.1",
        "GET /healthz",
        "GET  /healthz HTTP/1.1",
        "GET\t/healthz HTTP/1.1",
        "GET http://evil.example/healthz HTTP/1.1",
        "CONNECT localhost:80 HTTP/1.1",
    ];
    let case = |line| ("invalid request line", bodiless(line, HOST), REJECTED);
    lines.into_iter().map(case).collect()
}

fn headers() -> Vec<Case> {
    vec![
        (
            "two lengths",
            create("content-length: 2\r\ncontent-length: 30\r\n", "{}"),
            REJECTED,
        ),
        ("two encodings", create(&CHUNKED.repeat(2), CHUNKS), REJECTED),
        (
            "space before the colon",
            create("transfer-encoding : chunked\r\n", CHUNKS),
            REJECTED,
        ),
        (
            "folded header",
            create("x: a\r\n b\r\ncontent-length: 2\r\n", "{}"),
            REJECTED,
        ),
        (
            "folded transfer-encoding",
            create("transfer-encoding:\r\n chunked\r\ncontent-length: 2\r\n", "{}"),
            REJECTED,
        ),
        (
            "bare carriage return",
            create("x: a\rtransfer-encoding: chunked\r\ncontent-length: 2\r\n", "{}"),
            REJECTED,
        ),
        (
            "null byte",
            create("x: a\0b\r\ncontent-length: 2\r\n", "{}"),
            REJECTED,
        ),
        (
            "space before the first header",
            bodiless("GET /healthz HTTP/1.1", &format!(" x: y\r\n{HOST}")),
            REJECTED,
        ),
        (
            "transfer-encoding in HTTP/1.0",
            create(CHUNKED, CHUNKS).replacen("1.1", "1.0", 1),
            REJECTED,
        ),
        ("no host", bodiless("GET /healthz HTTP/1.1", ""), REJECTED),
        (
            "two hosts",
            bodiless("GET /healthz HTTP/1.1", &HOST.repeat(2)),
            REJECTED,
        ),
    ]
}

fn accepted() -> Vec<Case> {
    let hidden = format!("{HOST}content-length: {}\r\n", SECOND.len());
    let last = SECOND.replace("/healthz", "/v1/images");
    vec![
        (
            "equal lengths",
            create("content-length: 2\r\ncontent-length: 2\r\n", "{}"),
            ACCEPTED,
        ),
        ("content-length", create("content-length: 2\r\n", "{}"), ACCEPTED),
        ("chunked", create(CHUNKED, CHUNKS), ACCEPTED),
        (
            "chunk extensions",
            create(CHUNKED, "2;a=b\r\n{}\r\n0;c\r\n\r\n"),
            ACCEPTED,
        ),
        (
            "trailer",
            create(CHUNKED, "2\r\n{}\r\n0\r\ncontent-length: 90\r\n\r\n"),
            ACCEPTED,
        ),
        (
            "absolute form",
            bodiless("GET http://localhost/healthz HTTP/1.1", HOST),
            &[200, 200],
        ),
        // RFC 9112 section 2.2 allows a bare line feed as a line terminator.
        (
            "bare line feeds",
            create("content-length: 2\r\n", "{}").replace("\r\n", "\n"),
            ACCEPTED,
        ),
        (
            "one bare line feed",
            create("x: a\ntransfer-encoding: chunked\r\n", CHUNKS),
            ACCEPTED,
        ),
        // The daemon skips a body that no handler reads; the bytes after it are the next request.
        (
            "body of a GET",
            bodiless("GET /healthz HTTP/1.1", &hidden) + &last,
            &[200, 401],
        ),
        (
            "body without credentials",
            bodiless("POST /v1/containers HTTP/1.1", &hidden) + &last,
            &[401, 401],
        ),
    ]
}
