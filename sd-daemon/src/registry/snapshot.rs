//! An immutable view of all records and open creations, for readers.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::{ContainerId, Creation, Lifecycle, OperationId, Record};

/// All containers at one point in time. Immutable: a change produces a new snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    instance: Arc<str>,
    records: HashMap<ContainerId, Arc<Record>>,
    creations: HashMap<OperationId, Arc<Creation>>,
}

impl Snapshot {
    pub(crate) fn new(
        instance: Arc<str>,
        records: HashMap<ContainerId, Arc<Record>>,
        creations: HashMap<OperationId, Arc<Creation>>,
    ) -> Self {
        Self {
            instance,
            records,
            creations,
        }
    }

    /// The id of the registry, the same for the lifetime of its file.
    pub fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    /// Every container, in no particular order.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values()
    }

    /// The container with this id.
    pub fn get(&self, id: ContainerId) -> Option<&Arc<Record>> {
        self.records.get(&id)
    }

    /// The container that this operation created.
    pub fn of_operation(&self, operation: OperationId) -> Option<&Arc<Record>> {
        self.records().find(|record| record.operation() == operation)
    }

    /// Every creation that has no container yet, in no particular order.
    pub fn creations(&self) -> impl Iterator<Item = &Arc<Creation>> {
        self.creations.values()
    }

    /// Whether the creation of this operation has no container yet.
    pub fn is_open(&self, operation: OperationId) -> bool {
        self.creations.contains_key(&operation)
    }

    /// The running containers last observed at an address, the latest run first.
    pub fn at_address(&self, address: IpAddr) -> Vec<Arc<Record>> {
        let mut found: Vec<_> = self
            .records()
            .filter(|record| record.addresses().contains(&address))
            .cloned()
            .collect();
        found.sort_by_key(|record| match record.lifecycle() {
            Lifecycle::Running { since, .. } => Reverse(Some(*since)),
            _ => Reverse(None), // only running containers have addresses
        });
        found
    }
}
