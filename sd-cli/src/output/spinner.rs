//! Shows on a terminal that a long call is being waited for.

use std::io::{self, Write};

const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// A line that turns while something goes on.
#[derive(Debug, Default)]
pub(crate) struct Spinner {
    drawn: usize,
}

impl Spinner {
    /// Draws the next frame over the last one.
    pub(crate) fn draw(&mut self, terminal: &mut dyn Write, what: &str) -> io::Result<()> {
        let frame = FRAMES[self.drawn % FRAMES.len()];
        self.drawn += 1;
        write!(terminal, "\r\u{1b}[2K{frame} {what}")?;
        terminal.flush()
    }

    /// Removes the line, if there is one.
    pub(crate) fn clear(&mut self, terminal: &mut dyn Write) -> io::Result<()> {
        if self.drawn == 0 {
            return Ok(());
        }
        self.drawn = 0;
        write!(terminal, "\r\u{1b}[2K")?;
        terminal.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spinner_leaves_nothing_behind() {
        let mut terminal = Vec::new();
        let mut spinner = Spinner::default();
        spinner.draw(&mut terminal, "creating").unwrap();
        spinner.clear(&mut terminal).unwrap();
        spinner.clear(&mut terminal).unwrap();
        assert_eq!(
            String::from_utf8(terminal).unwrap(),
            "\r\u{1b}[2K⠋ creating\r\u{1b}[2K"
        );
    }
}
