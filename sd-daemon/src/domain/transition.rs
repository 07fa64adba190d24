//! Decides what follows when an input arrives for a container.
//!
//! ```text
//!              Start                 Live
//!   Stopped ─────────► Starting ────────────► Running ◄─────► Paused
//!      ▲  ▲               │ StartRejected        │    Live       │
//!      │  └───────────────┘                      │               │
//!      │                                         │ Stop, Due     │ Stop
//!      │        Ended                            ▼               ▼
//!      └───────────────────────────────────── Stopping ◄─────────┘
//!
//!   Running, Paused ──── Ended ───► Stopped       Stopped ──── Live ───► Running
//!   any state ── Remove, or Due if stopped ──► Removing ── Vanished ──► removed
//!   any state ── Vanished ──► removed
//! ```
//!
//! `Start`, `Stop` and `Remove` are requests of clients, `Due` is a deadline, and `Live`, `Ended` and `Vanished` are
//! results of an inspection. `Starting`, `Stopping` and `Removing` are intents: every observation that shows an intent
//! unfulfilled returns its effect again. After a crash, the stored record and one inspection are therefore enough to
//! finish what was begun.
//!
//! The registry calls [`transition()`] and stores the result; the service executes the [`Effect`].

mod activity;
mod deadlines;
mod intents;
mod observations;
mod outcome;
mod requests;

use super::{Context, Input, Record};

use intents::{begin_removal, begin_stop};
pub use outcome::{Effect, NextState, Refusal, Transition};

/// Decides what follows when `input` arrives for `record`.
///
/// Only requests of clients are refused.
pub fn transition(record: &Record, input: Input, context: &Context) -> Result<Transition, Refusal> {
    match input {
        Input::Requested { request, by } => requests::requested(record, request, by.into(), context),
        Input::Due { due, generation } => Ok(deadlines::due(record, due, generation, context)),
        Input::CheckIn { generation, report } => {
            Ok(activity::checked_in(record, generation, report, context.now))
        }
        Input::Used {
            generation,
            signal,
            value,
        } => Ok(activity::used(record, generation, signal, value, context.now)),
        Input::Observed(observation) => Ok(observations::observed(record, observation, context.now)),
        Input::Vanished => Ok(observations::vanished(record)),
        Input::StartRejected { message } => Ok(observations::start_rejected(record, &message, context.now)),
    }
}

#[cfg(test)]
mod tests;
