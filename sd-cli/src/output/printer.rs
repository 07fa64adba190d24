//! Writes data to stdout in the selected format, and messages to stderr.
//!
//! A reader that closes the pipe (`sd ls | head -1`) is not an error: later output is discarded. Any
//! other write error is kept and reported at the end, so that the command finishes its work first.

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

/// Prints data to stdout, and messages and progress to stderr.
pub(crate) struct Printer<'a> {
    stdout: &'a mut dyn Write,
    stderr: &'a mut dyn Write,
    terminal: Terminal,
    format: Format,
    spinner: Spinner,
    /// The first write error of stdout.
    write_error: Option<io::Error>,
}

impl<'a> Printer<'a> {
    /// A printer of tables. [`set_format`](Self::set_format) selects another format.
    pub(crate) fn new(stdout: &'a mut dyn Write, stderr: &'a mut dyn Write, terminal: Terminal) -> Self {
        Self {
            stdout,
            stderr,
            terminal,
            format: Format::Table,
            spinner: Spinner::default(),
            write_error: None,
        }
    }

    /// Selects the format of data.
    pub(crate) fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// The format of data.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether stdout accepts no more data.
    pub(crate) fn is_closed(&self) -> bool {
        self.write_error.is_some()
    }

    /// Whether a new table replaces the last one on the screen, instead of being appended.
    pub(crate) fn redraws(&self) -> bool {
        self.terminal.is_terminal() && self.format == Format::Table
    }

    /// Clears the screen before the next table.
    pub(crate) fn clear_screen(&mut self) {
        self.write_data("\u{1b}[H\u{1b}[2J");
    }

    /// Prints one line of data: a reference, an id, the name of an image.
    pub(crate) fn line(&mut self, line: &str) {
        self.lines(std::iter::once(line));
    }

    /// Prints strings, such as ids: one per line, or a JSON list.
    pub(crate) fn strings(&mut self, strings: &[&str]) {
        match self.format {
            Format::Table => self.lines(strings.iter().copied()),
            Format::Json | Format::Jsonl => self.values(strings),
        }
    }

    /// Prints one string: a line, or a JSON string.
    pub(crate) fn string(&mut self, string: &str) {
        match self.format {
            Format::Table => self.line(string),
            Format::Json | Format::Jsonl => self.value(&string),
        }
    }

    /// Prints several lines with one write.
    fn lines<'t>(&mut self, lines: impl Iterator<Item = &'t str>) {
        let mut text = String::new();
        for line in lines {
            text.push_str(&printable(line));
            text.push('\n');
        }
        self.write_data(&text);
    }

    /// Prints sentences: wrapped between words on a terminal, in one line elsewhere.
    pub(crate) fn paragraph(&mut self, text: &str) {
        let text = printable(text);
        match self.terminal.width {
            Some(width) => self.write_data(&table::paragraph(&text, width)),
            None => self.write_data(&format!("{text}\n")),
        }
    }

    /// Prints text that is safe for a terminal, such as a completion script, unchanged.
    pub(crate) fn text(&mut self, text: &str) {
        self.write_data(text);
    }

    /// Prints a list of containers.
    pub(crate) fn containers(&mut self, containers: &[Container], ids: Ids) {
        match self.format {
            Format::Table => {
                let layout = Layout::new(ids, self.terminal.width, self.terminal.colour);
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
            Err(error) => self.write_error = Some(error.into()),
        }
    }

    /// Prints a message to stderr.
    pub(crate) fn note(&mut self, message: &str) {
        self.write_message(&format!("sd: {}\n", printable(message)));
    }

    /// Prints a question to stderr and leaves the cursor behind it.
    pub(crate) fn ask(&mut self, question: &str) {
        self.write_message(&format!("{} ", printable(question)));
    }

    /// Prints what the user can do about the last message.
    pub(crate) fn hint(&mut self, hint: &str) {
        self.write_message(&format!("hint: {}\n", printable(hint)));
    }

    /// Waits for the work. Shows a spinner with the message meanwhile, if stderr is a terminal.
    pub(crate) async fn wait_for<T>(&mut self, message: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut frames = interval_at(Instant::now() + SPINNER_DELAY, FRAME_TIME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                value = &mut work => {
                    self.spinner.clear();
                    return value;
                }
                _ = frames.tick() => self.spin(message),
            }
        }
    }

    /// Prints the error of the command, if any, and returns the exit code.
    pub(crate) fn finish(mut self, outcome: Result<(), CliError>) -> Exit {
        self.spinner.clear();
        let write_error = self
            .write_error
            .take()
            .filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        let mut exit = Exit::Ok;
        for error in [outcome.err(), write_error.map(CliError::Output)]
            .into_iter()
            .flatten()
        {
            exit = exit.max(error.exit());
            if exit == Exit::Interrupted && self.terminal.shows_progress {
                // The terminal has echoed `^C` at the cursor.
                self.write_message("\n");
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

    fn spin(&mut self, message: &str) {
        if self.terminal.shows_progress {
            self.spinner.draw(message);
        }
    }

    /// One write for the whole text, so that a long list costs one system call.
    fn write_data(&mut self, text: &str) {
        self.spinner.clear();
        if self.is_closed() {
            return;
        }
        let written = self.stdout.write_all(text.as_bytes());
        if let Err(error) = written.and_then(|()| self.stdout.flush()) {
            self.write_error = Some(error);
        }
    }

    fn write_message(&mut self, text: &str) {
        self.spinner.clear();
        // A failure of stderr cannot be reported anywhere.
        let _ = self.stderr.write_all(text.as_bytes());
        let _ = self.stderr.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream whose writes all fail with this kind of error.
    struct BrokenStream(io::ErrorKind);

    impl Write for BrokenStream {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn printed(format: Format, print: impl FnOnce(&mut Printer<'_>)) -> String {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut out = Printer::new(&mut stdout, &mut stderr, Terminal::default());
        out.set_format(format);
        print(&mut out);
        String::from_utf8(stdout).unwrap()
    }

    #[test]
    fn list_is_one_array_even_if_empty() {
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
    fn broken_pipe_is_success() {
        let (mut stdout, mut stderr) = (BrokenStream(io::ErrorKind::BrokenPipe), Vec::new());
        let mut out = Printer::new(&mut stdout, &mut stderr, Terminal::default());
        out.line("web");
        assert!(out.is_closed());
        assert_eq!(out.finish(Ok(())), Exit::Ok);
        assert_eq!(stderr, b"");
    }

    #[test]
    fn other_write_errors_are_failures() {
        let (mut stdout, mut stderr) = (BrokenStream(io::ErrorKind::StorageFull), Vec::new());
        let mut out = Printer::new(&mut stdout, &mut stderr, Terminal::default());
        out.line("web");
        assert_eq!(out.finish(Ok(())), Exit::Failed);
        let stderr = String::from_utf8(stderr).unwrap();
        assert!(stderr.starts_with("sd: failed to write the output: "), "{stderr}");
    }

    #[test]
    fn error_is_a_message_and_a_hint_on_stderr() {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let out = Printer::new(&mut stdout, &mut stderr, Terminal::default());
        let error = CliError::NoPassword {
            url: "http://evil\u{1b}[2J".to_owned(),
        };
        assert_eq!(out.finish(Err(error)), Exit::Credentials);
        assert_eq!(stdout, b"");
        assert_eq!(
            String::from_utf8(stderr).unwrap(),
            "sd: failed to log in to http://evil\\u{1b}[2J: no password is set\n\
             hint: set SD_PASSWORD or --password-file; the default password is sent only to this machine\n"
        );
    }

    #[test]
    fn spinner_is_not_drawn_without_a_terminal() {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut out = Printer::new(&mut stdout, &mut stderr, Terminal::default());
        out.spin("creating");
        assert!(out.spinner.is_hidden());
        assert_eq!(stderr, b"");
    }
}
