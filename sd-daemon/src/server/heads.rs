//! The heads of requests as they come in, for what the HTTP library does not tell of them.
//!
//! A request with a length and with chunks ends in one place for us, and may end in another for a proxy before us. The
//! library takes the chunks, hides the length, and closes the connection, as RFC 9112 allows. Here such a request is
//! refused; that it is one can only be seen on its way in.

use std::mem;

/// As much of a line is kept as the names that matter need, and a length.
const KEPT: usize = 64;

/// What has come in on a connection.
#[derive(Debug, Default)]
pub(super) struct Heads {
    place: Place,
    head: Head,
    line: Vec<u8>,
    has_two_ends: bool,
}

/// What the next byte is part of.
#[derive(Debug, Default)]
enum Place {
    #[default]
    Head,
    /// So many bytes of it are still to come.
    Body(u64),
    /// Where they end is found out by whoever reads them.
    Chunks,
}

#[derive(Debug, Default)]
struct Head {
    has_begun: bool,
    length: Option<u64>,
    has_chunks: bool,
}

impl Heads {
    /// More has come in.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Head => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    let (part, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
                    let room = KEPT.saturating_sub(self.line.len());
                    self.line.extend(part.iter().take(room));
                    if end.is_some() {
                        self.end_line();
                    }
                    bytes = rest;
                }
                Place::Body(left) => {
                    let part = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    *left -= part as u64;
                    if *left == 0 {
                        self.place = Place::Head;
                    }
                    bytes = &bytes[part..];
                }
                Place::Chunks => return,
            }
        }
    }

    /// The body of a request has been read. What came in together with the last chunk is not looked at: the library is
    /// right about where it ends.
    pub(super) fn end_body(&mut self) {
        if let Place::Chunks = self.place {
            self.place = Place::Head;
        }
    }

    /// Whether any request has said in two ways where it ends.
    pub(super) fn have_two_ends(&self) -> bool {
        self.has_two_ends
    }

    fn end_line(&mut self) {
        let line = mem::take(&mut self.line);
        let line = line.trim_ascii_end();
        if line.is_empty() {
            // Empty lines may come before a request.
            if self.head.has_begun {
                self.end_head();
            }
            return;
        }
        self.head.has_begun = true;
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return;
        };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            // One that is no number is refused by the library.
            let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            self.head.length = Some(length.unwrap_or(0));
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.head.has_chunks = true;
        }
    }

    fn end_head(&mut self) {
        let Head {
            length, has_chunks, ..
        } = mem::take(&mut self.head);
        self.has_two_ends |= has_chunks && length.is_some();
        self.place = match length {
            _ if has_chunks => Place::Chunks,
            None | Some(0) => Place::Head,
            Some(length) => Place::Body(length),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_END: &str = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc";
    const CHUNKS: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    const NO_BODY: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    const BOTH: [&str; 3] = [
        "POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\nhost: a\r\nContent-Length:3\r\n\r\n",
        "\r\nPOST / HTTP/1.1\ntransfer-encoding:chunked\ncontent-length: many\n\n",
    ];

    /// Whether two ends were said, however it came in.
    fn have_two_ends(text: &str) -> bool {
        let in_parts = |length: usize| {
            let mut heads = Heads::default();
            for part in text.as_bytes().chunks(length) {
                heads.read(part);
            }
            heads.have_two_ends()
        };
        let whole = in_parts(text.len());
        for length in [1, 2, 7, 50] {
            assert_eq!(in_parts(length), whole, "{text:?} in parts of {length}");
        }
        whole
    }

    #[test]
    fn a_length_and_chunks_are_two_ends_wherever_the_request_stands() {
        for both in BOTH {
            for before in ["", NO_BODY, ONE_END, &NO_BODY.repeat(3), &ONE_END.repeat(2)] {
                assert!(have_two_ends(&format!("{before}{both}")), "{before:?} {both:?}");
            }
        }
    }

    #[test]
    fn one_of_them_in_each_request_is_one_end() {
        for requests in [NO_BODY, ONE_END, CHUNKS, &format!("{ONE_END}{NO_BODY}{CHUNKS}")] {
            assert!(!have_two_ends(requests), "{requests:?}");
        }
        // What looks like a head inside a body is none.
        let body = "\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n";
        let head = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
        assert!(!have_two_ends(&format!("{head}{body}{NO_BODY}")));
        let long = format!(
            "GET / HTTP/1.1\r\nx: {}content-length: 3\r\n{}",
            "a".repeat(99),
            &CHUNKS[17..]
        );
        assert!(!have_two_ends(&long));
    }

    #[test]
    fn after_chunks_that_were_read_the_next_head_is_looked_at_again() {
        let mut heads = Heads::default();
        heads.read(CHUNKS.as_bytes());
        heads.read(b"2\r\n{}\r\n0\r\n\r\n");
        heads.end_body();
        heads.read(BOTH[0].as_bytes());
        assert!(heads.have_two_ends());
    }
}
