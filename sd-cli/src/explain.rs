//! Explains in one paragraph why a container runs, or why it was stopped.
//!
//! A pure function of the activity that the daemon reports. The sentences of reasons and actors come from `sd-client`;
//! this module adds times, the present use and what happens next. Facts that the daemon does not know are called unknown.

mod explanation;
mod paragraph;
mod running;
mod stopped;

pub(crate) use paragraph::paragraph;

#[cfg(test)]
mod tests;
