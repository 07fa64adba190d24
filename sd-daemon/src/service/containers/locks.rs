//! One lock for each container, so that the engine never gets two calls for one container at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::super::ServiceError;
use crate::domain::ContainerId;

/// How long an operation waits for a lock: somewhat less than clients wait for a response.
const LOCK_TIMEOUT: Duration = Duration::from_secs(150);

/// Operations that hold one lock or wait for it. While the engine hangs each holds it for long, and repeated
/// requests would queue up without end.
const OPERATIONS_PER_CONTAINER: usize = 64;

/// The locks of all containers. A lock that is neither held nor waited for is dropped at the next use.
#[derive(Default)]
pub(super) struct Locks {
    locks: Mutex<HashMap<ContainerId, Weak<tokio::sync::Mutex<()>>>>,
}

/// Holds the lock of a container until it is dropped.
pub(in crate::service) type ContainerLock = OwnedMutexGuard<()>;

impl Locks {
    /// Waits for the lock. Returns [`ServiceError::Busy`] after [`LOCK_TIMEOUT`], or at once if too many
    /// operations wait already.
    pub(super) async fn acquire(&self, id: ContainerId) -> Result<ContainerLock, ServiceError> {
        let lock = self.of(id);
        if Arc::strong_count(&lock) > OPERATIONS_PER_CONTAINER {
            return Err(ServiceError::Busy(id.into()));
        }
        let held = tokio::time::timeout(LOCK_TIMEOUT, lock.lock_owned()).await;
        held.map_err(|_| ServiceError::Busy(id.into()))
    }

    /// Takes the lock if it is free.
    pub(super) fn try_acquire(&self, id: ContainerId) -> Option<ContainerLock> {
        self.of(id).try_lock_owned().ok()
    }

    fn of(&self, id: ContainerId) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock();
        if let Some(lock) = locks.get(&id).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        locks.insert(id, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_lock_is_refused_until_it_is_released() {
        let (locks, id) = (Locks::default(), "ab".repeat(32).parse().unwrap());
        let held = locks.try_acquire(id);
        assert!(held.is_some());
        assert!(locks.try_acquire(id).is_none());
        assert!(locks.try_acquire("cd".repeat(32).parse().unwrap()).is_some());
        drop(held);
        assert!(locks.try_acquire(id).is_some());
    }

    #[tokio::test]
    async fn lock_refuses_more_than_64_operations() {
        let (locks, id) = (Locks::default(), "ab".repeat(32).parse().unwrap());
        let mut waiting = Vec::new();
        let held = locks.acquire(id).await.unwrap();
        for _ in 1..OPERATIONS_PER_CONTAINER {
            let mut wait = Box::pin(locks.acquire(id));
            assert!(futures_util::poll!(&mut wait).is_pending());
            waiting.push(wait);
        }
        assert!(matches!(locks.acquire(id).await, Err(ServiceError::Busy(busy)) if *busy == id));
        waiting.pop();
        let mut last = Box::pin(locks.acquire(id));
        assert!(futures_util::poll!(&mut last).is_pending());
        drop((held, waiting));
        assert!(last.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn lock_wait_times_out() {
        let (locks, id) = (Locks::default(), "ab".repeat(32).parse().unwrap());
        let _held = locks.acquire(id).await.unwrap();
        assert!(matches!(locks.acquire(id).await, Err(ServiceError::Busy(_))));
    }

    #[test]
    fn released_locks_use_no_memory() {
        let locks = Locks::default();
        for number in 0..100_u8 {
            drop(locks.try_acquire(format!("{number:02x}").repeat(32).parse().unwrap()));
        }
        assert!(locks.locks.lock().len() <= 1);
    }
}
