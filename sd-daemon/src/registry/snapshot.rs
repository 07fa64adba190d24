//! What readers see: every record at one moment.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::{ContainerId, Creation, Lifecycle, OperationId, Record};

/// Every container at one moment. It never changes; a later one takes its place.
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

    /// The identity of the registry, the same for as long as its file lives.
    pub fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    /// Every container, in no order.
    pub fn records(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.values()
    }

    /// The container with this id.
    pub fn get(&self, id: ContainerId) -> Option<&Arc<Record>> {
        self.records.get(&id)
    }

    /// The container that this operation made.
    pub fn of_operation(&self, operation: OperationId) -> Option<&Arc<Record>> {
        self.records().find(|record| record.operation() == operation)
    }

    /// Every create that has no container yet, in no order.
    pub fn creations(&self) -> impl Iterator<Item = &Arc<Creation>> {
        self.creations.values()
    }

    /// Whether a create has no container yet.
    pub fn is_open(&self, operation: OperationId) -> bool {
        self.creations.contains_key(&operation)
    }

    /// The running containers last seen at an address, the latest run first.
    pub fn at_address(&self, address: IpAddr) -> Vec<Arc<Record>> {
        let mut found: Vec<_> = self
            .records()
            .filter(|record| record.addresses().contains(&address))
            .cloned()
            .collect();
        found.sort_by_key(|record| match record.lifecycle() {
            Lifecycle::Running { since, .. } => std::cmp::Reverse(Some(*since)),
            _ => std::cmp::Reverse(None), // only running containers have addresses
        });
        found
    }
}
