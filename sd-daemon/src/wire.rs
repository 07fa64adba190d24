//! Converts domain values to the types of the API. Makes no decisions.

mod activity;
mod container;
mod events;
mod task_status;
mod values;

pub(crate) use activity::activity;
pub(crate) use container::container;
pub(crate) use events::event;
pub(crate) use task_status::task_status;
pub(crate) use values::timestamp;
