//! The schema of the database: creating, checking, opening and migrating the file.

mod migrations;
mod open;

pub(super) use migrations::{create_with_format, format, migrate, newest_format};
pub(super) use open::{FLAGS, open, open_error};
