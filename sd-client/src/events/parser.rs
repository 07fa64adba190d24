//! Parses an event stream from chunks of any size.

use std::collections::VecDeque;

/// Maximum size of an event in bytes, so that a stream without line ends cannot exhaust the memory.
const MAX_EVENT_SIZE: usize = 1 << 20;
/// Optional prefix of the stream.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A parser with the incomplete event and the complete events that have not been read.
#[derive(Debug)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// Whether the last byte was a carriage return: CR LF can be split between two chunks.
    after_carriage_return: bool,
    is_first_line: bool,
    /// The data of the incomplete event. `None` before its first data line.
    data: Option<Vec<u8>>,
    complete: VecDeque<Complete>,
    /// The id of the incomplete event.
    pending_id: Option<u64>,
    /// The id of the last event that was read.
    last_id: Option<u64>,
}

#[derive(Debug)]
struct Complete {
    id: Option<u64>,
    data: Option<Vec<u8>>,
}

impl Parser {
    pub(super) fn resuming_after(id: Option<u64>) -> Self {
        Self {
            line: Vec::new(),
            after_carriage_return: false,
            is_first_line: true,
            data: None,
            complete: VecDeque::new(),
            pending_id: None,
            last_id: id,
        }
    }

    /// Parses a chunk. Fails if an event is too long.
    pub(super) fn feed(&mut self, chunk: &[u8]) -> Result<(), String> {
        for byte in chunk {
            let ends_line_before = std::mem::replace(&mut self.after_carriage_return, *byte == b'\r');
            match byte {
                b'\n' if ends_line_before => {}
                b'\n' | b'\r' => self.end_line(),
                byte => self.line.push(*byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > MAX_EVENT_SIZE {
                return Err(format!("event is longer than {MAX_EVENT_SIZE} bytes"));
            }
        }
        Ok(())
    }

    /// Reads the data of the next complete event. Returns `None` if more chunks are needed.
    pub(super) fn next_data(&mut self) -> Option<Vec<u8>> {
        while let Some(complete) = self.complete.pop_front() {
            self.last_id = complete.id.or(self.last_id);
            if complete.data.is_some() {
                return complete.data;
            }
        }
        None
    }

    /// Sets the id of the event that was read last.
    pub(super) fn set_last_id(&mut self, id: u64) {
        self.last_id = Some(id);
    }

    /// The id of the last event that was read.
    pub(super) fn last_id(&self) -> Option<u64> {
        self.last_id
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let is_first = std::mem::replace(&mut self.is_first_line, false);
        let line = match line.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) if is_first => rest,
            _ => &line,
        };
        if line.is_empty() {
            self.end_event();
            return;
        }
        let (name, value) = field(line);
        match name {
            b"data" => self.add_data(value),
            // The standard requires that invalid ids are ignored.
            b"id" => {
                if let Some(id) = number(value) {
                    self.pending_id = Some(id);
                }
            }
            // `event` repeats a field of the data, a comment has no name, and other fields are unknown.
            _ => {}
        }
    }

    fn add_data(&mut self, value: &[u8]) {
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
    }

    /// Completes an event. An event without data is not returned, but its id is recorded.
    fn end_event(&mut self) {
        self.complete.push_back(Complete {
            id: self.pending_id.take(),
            data: self.data.take(),
        });
    }
}

/// Splits a line into name and value, without the optional space before the value.
fn field(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            let value = &line[colon + 1..];
            (&line[..colon], value.strip_prefix(b" ").unwrap_or(value))
        }
        None => (line, b""),
    }
}

fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(chunks: &[&[u8]]) -> Vec<(Option<u64>, String)> {
        let mut parser = Parser::resuming_after(None);
        let mut events = Vec::new();
        for chunk in chunks {
            parser.feed(chunk).unwrap();
            while let Some(data) = parser.next_data() {
                events.push((parser.last_id(), String::from_utf8(data).unwrap()));
            }
        }
        events
    }

    fn event(id: u64, data: &str) -> (Option<u64>, String) {
        (Some(id), data.to_owned())
    }

    const STREAM: &str = ": hello\n\nid: 7\nevent: started\ndata: {\"a\":1}\n\n:\n\nid:8\ndata:{\ndata:}\n\n";

    #[test]
    fn event_ends_at_an_empty_line() {
        let expected = [event(7, "{\"a\":1}"), event(8, "{\n}")];
        assert_eq!(parsed(&[STREAM.as_bytes()]), expected);
        assert_eq!(parsed(&[b"id: 1\ndata: x\n"]), []);
    }

    #[test]
    fn chunks_and_line_ends_may_vary() {
        let expected = [event(7, "{\"a\":1}"), event(8, "{\n}")];
        for line_end in ["\n", "\r\n", "\r"] {
            let stream = STREAM.replace('\n', line_end);
            for size in 1..stream.len() {
                let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
                assert_eq!(parsed(&chunks), expected, "{line_end:?} {size}");
            }
        }
    }

    #[test]
    fn comments_unknown_fields_and_byte_order_mark_are_ignored() {
        let stream = "\u{feff}data: a\nretry: 5\nx\n: y\nid: nonsense\n\ndata\n\n";
        let expected = [(None, "a".to_owned()), (None, String::new())];
        assert_eq!(parsed(&[stream.as_bytes()]), expected);
    }

    #[test]
    fn id_without_data_is_recorded() {
        let mut parser = Parser::resuming_after(Some(3));
        assert_eq!(parser.last_id(), Some(3));
        parser.feed(b"id: 9\n\n").unwrap();
        assert_eq!(parser.next_data(), None);
        assert_eq!(parser.last_id(), Some(9));
    }

    #[test]
    fn id_is_recorded_when_its_event_is_read() {
        let mut parser = Parser::resuming_after(None);
        parser
            .feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata")
            .unwrap();
        for id in [1, 2] {
            parser.next_data().unwrap();
            assert_eq!(parser.last_id(), Some(id));
        }
        assert_eq!(parser.next_data(), None);
        assert_eq!(parser.last_id(), Some(2));
    }

    #[test]
    fn endless_event_is_an_error() {
        let mut parser = Parser::resuming_after(None);
        let chunk = [b'x'; 1024];
        let outcome = (0..=1024).try_for_each(|_| parser.feed(&chunk));
        assert!(outcome.is_err());
    }
}
