//! `sd-daemon recover`: keeps what is readable of a damaged registry, or restores a saved one.
//!
//! A recovery reads a copy of the source, never the source itself. The registry that it replaces is renamed, never
//! deleted.
//!
//! Open creations are not recovered. The daemon may remove containers with the label of an open creation; in an old copy
//! a creation can still be open although its container was delivered long ago.

mod report;
mod run;
mod salvage;
mod tables;

pub use report::{RecoveredTable, Recovery, RecoveryError, RecoveryMode};
pub use run::recover;
