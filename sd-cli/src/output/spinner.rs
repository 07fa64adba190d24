//! A spinner on stderr, shown while `sd` waits.
//!
//! The caller draws each frame. A thread that ticks, as indicatif offers, would outlive quick commands.

use indicatif::{ProgressBar, ProgressDrawTarget};

use super::escape::printable;

/// A spinner with a message. Hidden until the first [`draw`](Self::draw).
#[derive(Debug, Default)]
pub(super) struct Spinner {
    bar: Option<ProgressBar>,
}

impl Spinner {
    /// Draws the next frame. Stderr must be a terminal.
    pub(super) fn draw(&mut self, message: &str) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.set_message(printable(message).into_owned());
            bar
        });
        bar.tick();
    }

    /// Whether no frame is on the terminal.
    #[cfg(test)]
    pub(super) fn is_hidden(&self) -> bool {
        self.bar.is_none()
    }

    /// Removes the spinner from the terminal.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
