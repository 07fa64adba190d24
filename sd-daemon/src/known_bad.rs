//! Mistakes that were made here or elsewhere, to be made on purpose: `script/teeth` proves that the tests catch each.
//!
//! Without the feature `known-bad` nothing of this is in the program. With it, the environment variable
//! `SD_KNOWN_BAD` names the mistake that a process makes; without the variable it makes none.

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KnownBad {
    /// What carries our label and has no row is removed, whoever made it.
    LabelOnlyReaper,
    /// Whoever was last known at an address is credited with reports from there.
    UnverifiedAddress,
    /// An audit ends at the first container that is missing.
    BreakInAudit,
    /// An operation ends with the request that it was begun by.
    OperationInHandler,
    /// Deadlines are compared with the machine's date.
    WallClockDeadline,
}

impl KnownBad {
    /// Whether this process makes the mistake.
    #[cfg(not(feature = "known-bad"))]
    #[expect(
        clippy::unused_self,
        reason = "no mistake is made without the feature, whichever is meant"
    )]
    pub(crate) const fn is_made(self) -> bool {
        false
    }

    /// Whether this process makes the mistake.
    #[cfg(feature = "known-bad")]
    pub(crate) fn is_made(self) -> bool {
        use std::sync::OnceLock;
        static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
        let name = match self {
            Self::LabelOnlyReaper => "label-only-reaper",
            Self::UnverifiedAddress => "unverified-address",
            Self::BreakInAudit => "break-in-audit",
            Self::OperationInHandler => "operation-in-handler",
            Self::WallClockDeadline => "wall-clock-deadline",
        };
        CHOSEN
            .get_or_init(|| std::env::var("SD_KNOWN_BAD").ok())
            .as_deref()
            == Some(name)
    }
}
