//! One lock for each container, so that the engine is never asked two things about it at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use super::ServiceError;
use crate::domain::ContainerId;

/// How long anybody waits for a container; somewhat less than callers wait for an answer.
const PATIENCE: Duration = Duration::from_secs(150);

/// Operations that hold one container or wait for it. While the engine hangs each of them holds it for long, and what
/// is asked again and again would queue up without end.
const MOST: usize = 64;

/// The locks of all containers. One that nobody holds or waits for takes no memory for long.
#[derive(Default)]
pub(super) struct Locks {
    held: Mutex<HashMap<ContainerId, Weak<tokio::sync::Mutex<()>>>>,
}

/// Holds a container for one operation.
pub(super) type Held = OwnedMutexGuard<()>;

impl Locks {
    /// Waits until nobody else holds the container, but not for ever, and not behind too many others.
    pub(super) async fn acquire(&self, id: ContainerId) -> Result<Held, ServiceError> {
        let lock = self.of(id);
        if Arc::strong_count(&lock) > MOST {
            return Err(ServiceError::Busy(id));
        }
        let held = tokio::time::timeout(PATIENCE, lock.lock_owned()).await;
        held.map_err(|_| ServiceError::Busy(id))
    }

    /// Holds the container if nobody else does.
    pub(super) fn try_acquire(&self, id: ContainerId) -> Option<Held> {
        self.of(id).try_lock_owned().ok()
    }

    fn of(&self, id: ContainerId) -> Arc<tokio::sync::Mutex<()>> {
        let mut held = super::lock(&self.held);
        if let Some(lock) = held.get(&id).and_then(Weak::upgrade) {
            return lock;
        }
        held.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        held.insert(id, Arc::downgrade(&lock));
        lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_container_cannot_be_held_again_and_a_released_one_can() {
        let (locks, id) = (Locks::default(), "ab".repeat(32).parse().unwrap());
        let held = locks.try_acquire(id);
        assert!(held.is_some());
        assert!(locks.try_acquire(id).is_none());
        assert!(locks.try_acquire("cd".repeat(32).parse().unwrap()).is_some());
        drop(held);
        assert!(locks.try_acquire(id).is_some());
    }

    #[tokio::test]
    async fn there_may_be_so_many_who_wait_for_one_and_the_next_one_is_sent_away() {
        let (locks, id) = (Locks::default(), "ab".repeat(32).parse().unwrap());
        let mut waiting = Vec::new();
        let held = locks.acquire(id).await.unwrap();
        for _ in 1..MOST {
            let mut wait = Box::pin(locks.acquire(id));
            assert!(futures_util::poll!(&mut wait).is_pending());
            waiting.push(wait);
        }
        assert!(matches!(locks.acquire(id).await, Err(ServiceError::Busy(busy)) if busy == id));
        waiting.pop();
        let mut last = Box::pin(locks.acquire(id));
        assert!(futures_util::poll!(&mut last).is_pending());
        drop((held, waiting));
        assert!(last.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let (locks, id) = (Locks::default(), "ab".repeat(32).parse().unwrap());
        let _held = locks.acquire(id).await.unwrap();
        assert!(matches!(locks.acquire(id).await, Err(ServiceError::Busy(_))));
    }

    #[test]
    fn locks_that_nobody_holds_are_forgotten() {
        let locks = Locks::default();
        for number in 0..100_u8 {
            drop(locks.try_acquire(format!("{number:02x}").repeat(32).parse().unwrap()));
        }
        assert!(locks.held.lock().unwrap().len() <= 1);
    }
}
