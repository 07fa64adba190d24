//! The rows of the tables: the SQL that reads and writes them, and the conversion of their columns.

pub(super) mod columns;
pub(super) mod creations;
pub(super) mod events;
pub(super) mod instance;
pub(super) mod keys;
pub(super) mod reasons;
pub(super) mod records;
pub(super) mod webhook;
