//! Finds a container by its id, by a unique prefix of the id, or by its name.

use std::sync::Arc;

use super::ServiceError;
use crate::domain::Record;
use crate::registry::Snapshot;

/// The shortest accepted prefix of an id. A shorter one is too likely to be a typing error.
const SHORTEST_PREFIX: usize = 4;

/// The container that `reference` names.
///
/// Only the registry is searched: a container that spin-docker did not create does not exist here.
pub(crate) fn find(snapshot: &Snapshot, reference: &str) -> Result<Arc<Record>, ServiceError> {
    let name = reference.strip_prefix('/').unwrap_or(reference);
    if let Some(record) = reference.parse().ok().and_then(|id| snapshot.get(id)) {
        return Ok(Arc::clone(record));
    }
    if let Some(record) = snapshot.records().find(|record| record.name().as_str() == name) {
        return Ok(Arc::clone(record));
    }
    let is_long_enough = reference.len() >= SHORTEST_PREFIX;
    let mut matches = snapshot
        .records()
        .filter(|record| is_long_enough && record.id().as_str().starts_with(reference));
    match (matches.next(), matches.next()) {
        (Some(record), None) => Ok(Arc::clone(record)),
        (None, _) => Err(ServiceError::NotFound(reference.to_owned())),
        (Some(_), Some(_)) => Err(ServiceError::Ambiguous(reference.to_owned())),
    }
}
