//! The event stream of the daemon, in the format `text/event-stream`.

mod parser;
mod stream;

pub use stream::EventStream;
