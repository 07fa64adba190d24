//! The lines of an event stream, from bytes that come in pieces of any size.

use std::collections::VecDeque;

/// More than any event of this API holds: a stream without an end of line must not fill the memory.
const LONGEST_EVENT: usize = 1 << 20;
/// What a stream may begin with.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What has come and is not complete, and what is complete and has not been fetched.
#[derive(Debug)]
pub(super) struct Parser {
    line: Vec<u8>,
    /// A line end of two characters may be split between two pieces.
    after_carriage_return: bool,
    is_first_line: bool,
    /// The data of the event that is coming, once it has some.
    data: Option<Vec<u8>>,
    complete: VecDeque<Complete>,
    /// The number that the stream has given the event that is coming.
    coming_id: Option<u64>,
    /// The number of what was fetched last.
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
            coming_id: None,
            last_id: id,
        }
    }

    /// Takes a piece of the stream; fails when it is not one of events.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), String> {
        for byte in piece {
            let ends_line_before = std::mem::replace(&mut self.after_carriage_return, *byte == b'\r');
            match byte {
                b'\n' if ends_line_before => {}
                b'\n' | b'\r' => self.end_line(),
                byte => self.line.push(*byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > LONGEST_EVENT {
                return Err(format!("an event is longer than {LONGEST_EVENT} bytes"));
            }
        }
        Ok(())
    }

    /// The data of the next complete event.
    pub(super) fn next_data(&mut self) -> Option<Vec<u8>> {
        while let Some(complete) = self.complete.pop_front() {
            self.last_id = complete.id.or(self.last_id);
            if complete.data.is_some() {
                return complete.data;
            }
        }
        None
    }

    /// What was fetched last has this number.
    pub(super) fn resume_after(&mut self, id: u64) {
        self.last_id = Some(id);
    }

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
            // A number that is none is passed over, as the standard has it for those that cannot be used.
            b"id" => {
                if let Some(id) = number(value) {
                    self.coming_id = Some(id);
                }
            }
            // `event` repeats what the data says; a comment has no name; the rest is of a newer daemon.
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

    /// An event without data is none, but its number counts.
    fn end_event(&mut self) {
        self.complete.push_back(Complete {
            id: self.coming_id.take(),
            data: self.data.take(),
        });
    }
}

/// Name and value of a line, without the one space that may stand before the value.
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

    fn parsed(pieces: &[&[u8]]) -> Vec<(Option<u64>, String)> {
        let mut parser = Parser::resuming_after(None);
        let mut events = Vec::new();
        for piece in pieces {
            parser.feed(piece).unwrap();
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
    fn an_event_is_complete_at_the_empty_line() {
        let expected = [event(7, "{\"a\":1}"), event(8, "{\n}")];
        assert_eq!(parsed(&[STREAM.as_bytes()]), expected);
        assert_eq!(parsed(&[b"id: 1\ndata: x\n"]), []);
    }

    #[test]
    fn pieces_may_end_anywhere_and_lines_in_any_way() {
        let expected = [event(7, "{\"a\":1}"), event(8, "{\n}")];
        for line_end in ["\n", "\r\n", "\r"] {
            let stream = STREAM.replace('\n', line_end);
            for size in 1..stream.len() {
                let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
                assert_eq!(parsed(&pieces), expected, "{line_end:?} {size}");
            }
        }
    }

    #[test]
    fn comments_unknown_fields_and_a_mark_at_the_beginning_are_passed_over() {
        let stream = "\u{feff}data: a\nretry: 5\nx\n: y\nid: nonsense\n\ndata\n\n";
        let expected = [(None, "a".to_owned()), (None, String::new())];
        assert_eq!(parsed(&[stream.as_bytes()]), expected);
    }

    #[test]
    fn a_number_without_data_is_where_to_resume() {
        let mut parser = Parser::resuming_after(Some(3));
        assert_eq!(parser.last_id(), Some(3));
        parser.feed(b"id: 9\n\n").unwrap();
        assert_eq!(parser.next_data(), None);
        assert_eq!(parser.last_id(), Some(9));
    }

    #[test]
    fn a_number_counts_only_once_its_event_was_fetched() {
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
    fn an_event_without_an_end_is_an_error() {
        let mut parser = Parser::resuming_after(None);
        let piece = [b'x'; 1024];
        let outcome = (0..=1024).try_for_each(|_| parser.feed(&piece));
        assert!(outcome.is_err());
    }
}
