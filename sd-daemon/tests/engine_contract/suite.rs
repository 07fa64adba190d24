//! The cases of the contract. Each case is one sentence of it and runs against every engine.

mod commands;
mod events;
mod images;
mod lifecycle;
mod logs;
mod pause;
mod support;

pub(crate) use commands::*;
pub(crate) use events::*;
pub(crate) use images::*;
pub(crate) use lifecycle::*;
pub(crate) use logs::*;
pub(crate) use pause::*;
