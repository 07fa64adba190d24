//! Durations, amounts of memory and processor shares: the only parser and printer of each.
//!
//! The daemon's settings, image labels, API bodies and `sd`'s flags all read these types, so that a
//! text means the same everywhere and has the same limits.
//!
//! | quantity | units | without a unit | limits |
//! |---|---|---|---|
//! | [`TimeLimit`] | `s m h d`, the largest first: `90s`, `2h30m`, `1d 12h`; or `never` | seconds; `0` is `never` | at most `3650d` |
//! | [`Span`] | the same, without `never` | seconds | `1s` to `3650d` |
//! | [`Memory`] | `k m g`, also as `kb` or `KiB`, in either case; powers of 1024 | bytes | `6m` to `1024g` |
//! | [`MemoryLimit`] | the same, or `unlimited` | bytes | the same |
//! | [`Cpus`] | – | cores | `0.01` to `1024` |
//! | [`CpuThreshold`] | – | cores | `0.001` to `1024` |
//!
//! Each type prints what it parses. [`HumanDuration`] prints durations for people and is not parsed.

mod cpus;
mod duration;
mod human;
mod invalid;
mod memory;
mod number_or_text;

pub use cpus::{CpuThreshold, Cpus};
pub use duration::{Span, TimeLimit};
pub use human::HumanDuration;
pub use invalid::InvalidQuantity;
pub use memory::{Memory, MemoryLimit};

#[cfg(test)]
mod tests;
