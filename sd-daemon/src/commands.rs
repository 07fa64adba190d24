//! The commands of `sd-daemon`, one file each.

mod check_config;
mod hash_password;
mod recover;
mod serve;

pub(crate) use check_config::check_config;
pub(crate) use hash_password::hash_password;
pub(crate) use recover::recover;
pub(crate) use serve::serve;
