//! The requests.

use crate::program::CREDENTIALS;

/// What is smuggled, or a second request where the first one ends before it.
const SECOND: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const CHUNKED: &str = "transfer-encoding: chunked\r\n";
const CHUNKS: &str = "2\r\n{}\r\n0\r\n\r\n";
const HOST: &str = "host: localhost\r\n";
/// An answer that shows that a body was read as `{}`: there is no image in it.
const UNDERSTOOD: &[u16] = &[422, 200];
/// One answer, and the connection is closed.
const REFUSED: &[u16] = &[400];

/// A create with these headers and this body, and what comes behind it.
fn create(headers: &str, body: &str) -> String {
    format!(
        "POST /v1/containers HTTP/1.1\r\nhost: localhost\r\n{CREDENTIALS}content-type: application/json\r\n\
         {headers}\r\n{body}{SECOND}"
    )
}

/// A request in these words, and what comes behind it.
fn words(line: &str, headers: &str) -> String {
    format!("{line}\r\n{headers}\r\n{SECOND}")
}

/// What it is, the request, and the statuses of all answers.
type Case = (&'static str, String, &'static [u16]);

/// Everything that is tried.
pub(super) fn corpus() -> Vec<Case> {
    let parts = [lengths(), encodings(), chunks(), lines(), headers(), understood()];
    parts.concat()
}

fn lengths() -> Vec<Case> {
    let lengths = ["+2", "-1", "0x2", "2, 2", "2 2", "", "99999999999999999999999"];
    let case = |length| {
        let request = create(&format!("content-length: {length}\r\n"), "{}");
        ("a length that is none", request, REFUSED)
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
        ("an encoding that is not read", request, REFUSED)
    };
    encodings.into_iter().map(case).collect()
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
    let case = |body| ("a chunk that is none", create(CHUNKED, body), REFUSED);
    bodies.into_iter().map(case).collect()
}

fn lines() -> Vec<Case> {
    let lines = [
        "GET /healthz HTTP/1.2",
        "GET /healthz http/1.1",
        "GET /healthz",
        "GET  /healthz HTTP/1.1",
        "GET\t/healthz HTTP/1.1",
        "GET http://evil.example/healthz HTTP/1.1",
        "CONNECT localhost:80 HTTP/1.1",
    ];
    let case = |line| ("a line that begins no request here", words(line, HOST), REFUSED);
    lines.into_iter().map(case).collect()
}

fn headers() -> Vec<Case> {
    vec![
        (
            "length and chunks",
            create("content-length: 4\r\ntransfer-encoding: chunked\r\n", CHUNKS),
            REFUSED,
        ),
        (
            "chunks and length",
            create("transfer-encoding: chunked\r\ncontent-length: 4\r\n", CHUNKS),
            REFUSED,
        ),
        (
            "length and chunks of a read",
            words(
                "GET /healthz HTTP/1.1",
                &format!("{HOST}content-length: 4\r\n{CHUNKED}"),
            ),
            REFUSED,
        ),
        (
            "two lengths",
            create("content-length: 2\r\ncontent-length: 30\r\n", "{}"),
            REFUSED,
        ),
        ("chunks twice", create(&CHUNKED.repeat(2), CHUNKS), REFUSED),
        (
            "a space before the colon",
            create("transfer-encoding : chunked\r\n", CHUNKS),
            REFUSED,
        ),
        (
            "a folded line",
            create("x: a\r\n b\r\ncontent-length: 2\r\n", "{}"),
            REFUSED,
        ),
        (
            "a folded encoding",
            create("transfer-encoding:\r\n chunked\r\ncontent-length: 2\r\n", "{}"),
            REFUSED,
        ),
        (
            "a carriage return",
            create("x: a\rtransfer-encoding: chunked\r\ncontent-length: 2\r\n", "{}"),
            REFUSED,
        ),
        (
            "a zero byte",
            create("x: a\0b\r\ncontent-length: 2\r\n", "{}"),
            REFUSED,
        ),
        (
            "a space first",
            words("GET /healthz HTTP/1.1", &format!(" x: y\r\n{HOST}")),
            REFUSED,
        ),
        (
            "chunks in HTTP/1.0",
            create(CHUNKED, CHUNKS).replacen("1.1", "1.0", 1),
            REFUSED,
        ),
        ("no host", words("GET /healthz HTTP/1.1", ""), REFUSED),
        (
            "two hosts",
            words("GET /healthz HTTP/1.1", &HOST.repeat(2)),
            REFUSED,
        ),
    ]
}

fn understood() -> Vec<Case> {
    let hidden = format!("{HOST}content-length: {}\r\n", SECOND.len());
    let last = SECOND.replace("/healthz", "/v1/images");
    vec![
        // These are understood, and end where they end.
        (
            "the same length twice",
            create("content-length: 2\r\ncontent-length: 2\r\n", "{}"),
            UNDERSTOOD,
        ),
        ("a length", create("content-length: 2\r\n", "{}"), UNDERSTOOD),
        ("chunks", create(CHUNKED, CHUNKS), UNDERSTOOD),
        (
            "extensions of chunks",
            create(CHUNKED, "2;a=b\r\n{}\r\n0;c\r\n\r\n"),
            UNDERSTOOD,
        ),
        (
            "a trailer",
            create(CHUNKED, "2\r\n{}\r\n0\r\ncontent-length: 90\r\n\r\n"),
            UNDERSTOOD,
        ),
        (
            "an own address",
            words("GET http://localhost/healthz HTTP/1.1", HOST),
            &[200, 200],
        ),
        // RFC 9112 allows a line to end with a line feed alone. It is the end of the line in every place.
        (
            "line feeds",
            create("content-length: 2\r\n", "{}").replace("\r\n", "\n"),
            UNDERSTOOD,
        ),
        (
            "one line feed",
            create("x: a\ntransfer-encoding: chunked\r\n", CHUNKS),
            UNDERSTOOD,
        ),
        // A body that nobody reads is no request: what comes behind it is the next one.
        (
            "a body of a read",
            words("GET /healthz HTTP/1.1", &hidden) + &last,
            &[200, 401],
        ),
        (
            "a body without credentials",
            words("POST /v1/containers HTTP/1.1", &hidden) + &last,
            &[401, 401],
        ),
    ]
}
