//! One module per group of routes.

pub(super) mod activity;
pub(super) mod check_in;
pub(super) mod containers;
pub(super) mod events;
pub(super) mod health;
pub(super) mod images;
pub(super) mod openapi;
