//! The event stream of the daemon: `text/event-stream`, read piece by piece.

mod parser;
mod stream;

pub use stream::EventStream;
