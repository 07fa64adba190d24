//! One lock for each container, so that the engine is never asked two things about it at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::OwnedMutexGuard;

use crate::domain::ContainerId;

/// The locks of all containers. One that nobody holds or waits for takes no memory for long.
#[derive(Default)]
pub(super) struct Locks {
    held: Mutex<HashMap<ContainerId, Weak<tokio::sync::Mutex<()>>>>,
}

/// Holds a container for one operation.
pub(super) type Held = OwnedMutexGuard<()>;

impl Locks {
    /// Waits until nobody else holds the container.
    pub(super) async fn acquire(&self, id: ContainerId) -> Held {
        self.of(id).lock_owned().await
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

    #[test]
    fn locks_that_nobody_holds_are_forgotten() {
        let locks = Locks::default();
        for number in 0..100_u8 {
            drop(locks.try_acquire(format!("{number:02x}").repeat(32).parse().unwrap()));
        }
        assert!(locks.held.lock().unwrap().len() <= 1);
    }
}
