//! The exit codes of `sd`. This is the only table: help and manual page are generated from it.

use std::process::ExitCode;

/// How a run of `sd` ends, in increasing order of severity.
///
/// After several failures the most severe one determines the exit code. A failure that concerns the
/// whole daemon is more severe than one that concerns a single container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Success.
    Ok,
    /// A container or image does not exist.
    NotFound,
    /// The daemon refused a request, or it failed.
    Failed,
    /// The daemon or its engine did not respond in time, or not at all.
    Unreachable,
    /// The password or the token is missing or wrong.
    Credentials,
    /// The command line or the settings are invalid.
    Usage,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// The exit code of a command that `sd` ran for the user.
    OfCommand(u8),
}

impl Exit {
    /// The exit codes of `sd` itself, sorted by number.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::Credentials,
        Self::NotFound,
        Self::Unreachable,
        Self::Interrupted,
    ];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Credentials => 3,
            Self::NotFound => 4,
            Self::Unreachable => 5,
            Self::Interrupted => 130,
            Self::OfCommand(code) => code,
        }
    }

    /// The description in help and manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "success",
            Self::Failed => "a request was refused or failed",
            Self::Usage => "invalid command line or settings",
            Self::Credentials => "missing or wrong password or token",
            Self::NotFound => "no such container or image",
            Self::Unreachable => "daemon or engine unreachable, or timed out",
            Self::Interrupted => "interrupted",
            Self::OfCommand(_) => "exit code of the command",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_sorted_and_complete() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 130]);
    }

    #[test]
    fn severity_ranks_daemon_failures_above_container_failures() {
        let worst = [Exit::NotFound, Exit::Unreachable, Exit::Failed]
            .into_iter()
            .max();
        assert_eq!(worst, Some(Exit::Unreachable));
        assert!(Exit::Credentials > Exit::Unreachable);
        assert!(Exit::Failed > Exit::NotFound);
    }
}
