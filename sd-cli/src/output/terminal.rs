//! Which of the standard streams are terminals, and what those can show.

use std::io::{self, IsTerminal};

use super::table;

/// The capabilities of stdout and stderr.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terminal {
    /// Columns of the terminal at stdout. `None` if stdout is not a terminal.
    pub(crate) width: Option<u16>,
    /// Whether stdout shows colours.
    pub(crate) colour: bool,
    /// Whether stderr is a terminal that can show a spinner.
    pub(crate) shows_progress: bool,
}

impl Terminal {
    /// The terminal of this process.
    pub(crate) fn of_process() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            width: table::terminal_width(),
            colour: is_terminal && !no_colour && !is_dumb,
            shows_progress: io::stderr().is_terminal() && !is_dumb,
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        self.width.is_some()
    }
}
