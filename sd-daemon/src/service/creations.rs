//! New containers, from the request to the started container.
//!
//! A creation is written to the registry before the engine is called, and becomes a record once the engine
//! has created the container. Between the two it is *open*. Owns the creations in flight: an open creation
//! that is not in flight is *orphaned*, by a crash or a lost response of the engine, and its container is
//! removed.

mod create;
mod in_flight;
mod new_container;
mod orphaned;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{Capacity, CheckInAddressWatch, Containers, EngineAccess};
use crate::clock::Clock;
use crate::domain::{OperationId, Timestamp};
use crate::registry::Registry;
use in_flight::InFlightCreates;

pub use new_container::NewContainer;

/// Creates in progress, including those that wait for the engine. With a longer queue, the last request would
/// exceed the timeout of its client, so further creates are refused at once.
const CREATES_AT_ONCE: usize = 32;

/// The containers that are being created.
pub(crate) struct Creations {
    engine: Arc<EngineAccess>,
    containers: Arc<Containers>,
    check_in_address: Arc<CheckInAddressWatch>,
    registry: Registry,
    clock: Arc<dyn Clock>,
    capacity: Capacity,
    permits: Semaphore,
    in_flight: InFlightCreates,
    /// Held while orphaned creations are cleaned up: once at a time is enough.
    cleanup: tokio::sync::Mutex<()>,
    /// Since when the engine reports that it does not have the container of a creation.
    absent_since: Mutex<HashMap<OperationId, Timestamp>>,
}

impl Creations {
    pub(super) fn new(
        engine: Arc<EngineAccess>,
        containers: Arc<Containers>,
        check_in_address: Arc<CheckInAddressWatch>,
        registry: Registry,
        clock: Arc<dyn Clock>,
        capacity: Capacity,
    ) -> Self {
        Self {
            engine,
            containers,
            check_in_address,
            registry,
            clock,
            capacity,
            permits: Semaphore::new(CREATES_AT_ONCE),
            in_flight: InFlightCreates::default(),
            cleanup: tokio::sync::Mutex::default(),
            absent_since: Mutex::default(),
        }
    }
}
