//! Which daemon, which user, which output format: flag over environment over file over default.

mod environment;
mod file;
mod password;
mod resolve;

pub(crate) use resolve::load;
