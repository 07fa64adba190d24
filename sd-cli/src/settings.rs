//! The settings of `sd`: which daemon, which user, which output format.

mod environment;
mod file;
mod password;
mod resolve;

pub(crate) use resolve::load;
