//! What `sd` says: data to stdout, talk to stderr, in the format the user chose.
//!
//! Commands hand values over and do not deal with writing. A reader that leaves (`sd ls | head -1`)
//! is success: what is printed afterwards goes nowhere. Any other failure to write is kept and
//! reported at the end, so that work in progress is not given up half-way because of it.

use std::io::{self, Write};
use std::time::Duration;

use sd_client::api::Container;
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::escape::{printable, printable_json};
use super::spinner::Spinner;
use super::table::{self, Ids, Layout};
use super::{Format, Terminal};
use crate::clock;
use crate::error::CliError;
use crate::exit::Exit;

/// Time between two frames of the spinner.
const FRAME_TIME: Duration = Duration::from_millis(100);
/// Calls that are shorter than this show no spinner, which would only flicker.
const SPINNER_DELAY: Duration = Duration::from_millis(400);

/// Writes data and talk.
pub(crate) struct Printer<'a> {
    data: &'a mut dyn Write,
    talk: &'a mut dyn Write,
    surface: Terminal,
    format: Format,
    spinner: Spinner,
    /// Why data can no longer be written, once it cannot.
    broken: Option<io::Error>,
}

impl<'a> Printer<'a> {
    /// A printer of tables, until it is told another format.
    pub(crate) fn new(data: &'a mut dyn Write, talk: &'a mut dyn Write, surface: Terminal) -> Self {
        Self {
            data,
            talk,
            surface,
            format: Format::Table,
            spinner: Spinner::default(),
            broken: None,
        }
    }

    /// Writes data in this format from now on.
    pub(crate) fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// The format of the data.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether nobody reads the data any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.broken.is_some()
    }

    /// Whether data replaces what stands on a screen, instead of being appended to a file or pipe.
    pub(crate) fn redraws(&self) -> bool {
        self.surface.is_terminal() && self.format == Format::Table
    }

    /// Empties the screen for the next [`redraw`](Self::redraws).
    pub(crate) fn clear_screen(&mut self) {
        self.write_data("\u{1b}[H\u{1b}[2J");
    }

    /// Prints one line of data: a reference, an id, the name of an image.
    pub(crate) fn line(&mut self, line: &str) {
        self.lines(std::iter::once(line));
    }

    /// Prints a list of words, such as ids: a line each, or a JSON list of strings.
    pub(crate) fn words(&mut self, words: &[&str]) {
        match self.format {
            Format::Table => self.lines(words.iter().copied()),
            Format::Json | Format::Jsonl => self.values(words),
        }
    }

    /// Prints one word: a line, or a JSON string.
    pub(crate) fn word(&mut self, word: &str) {
        match self.format {
            Format::Table => self.line(word),
            Format::Json | Format::Jsonl => self.value(&word),
        }
    }

    /// Prints many lines of data at once.
    fn lines<'t>(&mut self, lines: impl Iterator<Item = &'t str>) {
        let mut text = String::new();
        for line in lines {
            text.push_str(&printable(line));
            text.push('\n');
        }
        self.write_data(&text);
    }

    /// Prints sentences: on a terminal broken between words, elsewhere in one line.
    pub(crate) fn paragraph(&mut self, text: &str) {
        let text = printable(text);
        match self.surface.width {
            Some(width) => self.write_data(&table::paragraph(&text, width)),
            None => self.write_data(&format!("{text}\n")),
        }
    }

    /// Prints text that this program made, such as a completion script, as it is.
    pub(crate) fn text(&mut self, text: &str) {
        self.write_data(text);
    }

    /// Prints a list of containers.
    pub(crate) fn containers(&mut self, containers: &[Container], ids: Ids) {
        match self.format {
            Format::Table => {
                let layout = Layout::new(ids, self.surface.width, self.surface.colour);
                self.write_data(&table::containers(containers, clock::now(), layout));
            }
            Format::Json | Format::Jsonl => self.values(containers),
        }
    }

    /// Prints one container.
    pub(crate) fn container(&mut self, container: &Container, ids: Ids) {
        match self.format {
            Format::Table => self.containers(std::slice::from_ref(container), ids),
            Format::Json | Format::Jsonl => self.value(container),
        }
    }

    /// Prints a list as JSON: one array, or one value per line.
    pub(crate) fn values<T: Serialize>(&mut self, values: &[T]) {
        match self.format {
            Format::Jsonl => values.iter().for_each(|value| self.value(value)),
            Format::Table | Format::Json => self.value(&values),
        }
    }

    /// Prints one value as JSON.
    pub(crate) fn value<T: Serialize>(&mut self, value: &T) {
        let json = match self.format {
            Format::Jsonl => serde_json::to_string(value),
            Format::Table | Format::Json => serde_json::to_string_pretty(value),
        };
        match json {
            Ok(json) => self.write_data(&format!("{}\n", printable_json(&json))),
            Err(error) => self.broken = Some(error.into()),
        }
    }

    /// Says something that is not data.
    pub(crate) fn note(&mut self, text: &str) {
        self.say(&format!("sd: {}\n", printable(text)));
    }

    /// Asks something; the answer is typed behind it.
    pub(crate) fn ask(&mut self, question: &str) {
        self.say(&format!("{} ", printable(question)));
    }

    /// Adds to the last thing said what can be done about it.
    pub(crate) fn hint(&mut self, text: &str) {
        self.say(&format!("hint: {}\n", printable(text)));
    }

    /// Draws that something is being waited for, on a terminal only.
    pub(crate) fn spin(&mut self, what: &str) {
        if self.surface.talk_is_terminal {
            // Progress that cannot be drawn is no reason to stop.
            let _ = self.spinner.draw(self.talk, what);
        }
    }

    /// Takes the spinner off the terminal.
    pub(crate) fn stop_spinning(&mut self) {
        let _ = self.spinner.clear(self.talk);
    }

    /// Waits for the work and shows a spinner meanwhile, on a terminal only.
    pub(crate) async fn wait_for<T>(&mut self, message: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut frames = interval_at(Instant::now() + SPINNER_DELAY, FRAME_TIME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                value = &mut work => {
                    self.stop_spinning();
                    return value;
                }
                _ = frames.tick() => self.spin(message),
            }
        }
    }

    /// Reports how the run ended.
    pub(crate) fn conclude(mut self, outcome: Result<(), CliError>) -> Exit {
        self.stop_spinning();
        let unwritten = self
            .broken
            .take()
            .filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        let mut exit = Exit::Ok;
        for error in [outcome.err(), unwritten.map(CliError::Output)]
            .into_iter()
            .flatten()
        {
            exit = exit.max(error.exit());
            if exit == Exit::Interrupted && self.surface.talk_is_terminal {
                // The terminal has echoed `^C` where the cursor was.
                self.say("\n");
            }
            if let Some(message) = error.message() {
                self.note(&message);
            }
            if let Some(hint) = error.hint() {
                self.hint(hint);
            }
        }
        exit
    }

    /// One write for everything, so that a long list costs one system call and appears at once.
    fn write_data(&mut self, text: &str) {
        self.stop_spinning();
        if self.broken.is_some() {
            return;
        }
        let written = self.data.write_all(text.as_bytes());
        if let Err(error) = written.and_then(|()| self.data.flush()) {
            self.broken = Some(error);
        }
    }

    fn say(&mut self, text: &str) {
        self.stop_spinning();
        // There is nowhere left to say that stderr is gone.
        let _ = self.talk.write_all(text.as_bytes());
        let _ = self.talk.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that fails as it is told.
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(format: Format, print: impl FnOnce(&mut Printer<'_>)) -> String {
        let (mut data, mut talk) = (Vec::new(), Vec::new());
        let mut out = Printer::new(&mut data, &mut talk, Terminal::default());
        out.set_format(format);
        print(&mut out);
        String::from_utf8(data).unwrap()
    }

    #[test]
    fn a_list_is_one_array_even_when_empty() {
        let none: [&str; 0] = [];
        assert_eq!(printed(Format::Json, |out| out.values(&none)), "[]\n");
        assert_eq!(printed(Format::Jsonl, |out| out.values(&none)), "");
        assert_eq!(
            printed(Format::Json, |out| out.values(&["a", "b"])),
            "[\n  \"a\",\n  \"b\"\n]\n"
        );
        assert_eq!(
            printed(Format::Jsonl, |out| out.values(&["a", "b"])),
            "\"a\"\n\"b\"\n"
        );
    }

    #[test]
    fn a_reader_that_leaves_is_success() {
        let (mut data, mut talk) = (Broken(io::ErrorKind::BrokenPipe), Vec::new());
        let mut out = Printer::new(&mut data, &mut talk, Terminal::default());
        out.line("web");
        assert!(out.is_closed());
        assert_eq!(out.conclude(Ok(())), Exit::Ok);
        assert_eq!(talk, b"");
    }

    #[test]
    fn data_that_cannot_be_written_is_a_failure() {
        let (mut data, mut talk) = (Broken(io::ErrorKind::StorageFull), Vec::new());
        let mut out = Printer::new(&mut data, &mut talk, Terminal::default());
        out.line("web");
        assert_eq!(out.conclude(Ok(())), Exit::Failed);
        let talk = String::from_utf8(talk).unwrap();
        assert!(talk.starts_with("sd: cannot write the output: "), "{talk}");
    }

    #[test]
    fn an_error_is_a_sentence_and_a_hint_on_stderr() {
        let (mut data, mut talk) = (Vec::new(), Vec::new());
        let out = Printer::new(&mut data, &mut talk, Terminal::default());
        let error = CliError::NoPassword {
            url: "http://evil\u{1b}[2J".to_owned(),
        };
        assert_eq!(out.conclude(Err(error)), Exit::Credentials);
        assert_eq!(data, b"");
        assert_eq!(
            String::from_utf8(talk).unwrap(),
            "sd: no password is set for http://evil\\u{1b}[2J\n\
             hint: set SD_PASSWORD or --password-file; the default password is never sent to another machine\n"
        );
    }

    #[test]
    fn nothing_spins_where_nobody_looks() {
        let (mut data, mut talk) = (Vec::new(), Vec::new());
        let mut out = Printer::new(&mut data, &mut talk, Terminal::default());
        out.spin("creating");
        out.stop_spinning();
        assert_eq!(talk, b"");
    }
}
