//! The exit codes of `sd`. Help and the manual page print this table.

use std::process::ExitCode;

/// How a run of `sd` ends, in order of severity: of several failures the greatest decides.
///
/// What concerns everything outweighs what concerns one container: after wrong credentials or with
/// an unreachable daemon nothing else is known, and a missing container is the mildest of failures
/// because it leaves the least to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything was done.
    Ok,
    /// A container or image does not exist.
    NotFound,
    /// Something was refused, or failed.
    Failed,
    /// The daemon or its engine did not answer, or not in time.
    Unreachable,
    /// User and password, or the token, are wrong or missing.
    Credentials,
    /// The command line or the settings make no sense.
    Usage,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// A command that `sd` ran on the user's behalf ended with this code.
    OfCommand(u8),
}

impl Exit {
    /// All that `sd` itself has, by number.
    pub const ALL: [Self; 7] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::Credentials,
        Self::NotFound,
        Self::Unreachable,
        Self::Interrupted,
    ];

    /// The number the shell sees.
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

    /// What the number means, for help and manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "everything was done",
            Self::Failed => "something was refused or failed",
            Self::Usage => "wrong usage or wrong settings",
            Self::Credentials => "user, password or token are wrong or missing",
            Self::NotFound => "no such container or image",
            Self::Unreachable => "daemon or engine unreachable, or timed out",
            Self::Interrupted => "interrupted",
            Self::OfCommand(_) => "what the command said",
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
    fn the_table_of_exit_codes_is_complete_and_in_order() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 130]);
    }

    #[test]
    fn the_worst_of_several_failures_concerns_the_most() {
        let worst = [Exit::NotFound, Exit::Unreachable, Exit::Failed]
            .into_iter()
            .max();
        assert_eq!(worst, Some(Exit::Unreachable));
        assert!(Exit::Credentials > Exit::Unreachable);
        assert!(Exit::Failed > Exit::NotFound);
    }
}
