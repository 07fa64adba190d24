//! `sd-daemon check-config`: prints the effective settings.

use std::io::Write;

use sd_daemon::settings::Settings;

/// Prints the settings as a settings file.
pub(crate) fn check_config(settings: &Settings) {
    // A reader such as `head` may have closed the pipe; the settings are valid all the same.
    drop(write!(std::io::stdout(), "{settings}"));
}
