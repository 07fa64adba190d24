//! Work that takes much memory: two at once, some wait, the rest is turned away.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// How much may be done at once.
const AT_ONCE: usize = 2;
/// How much may be waiting or under way.
const TOGETHER: usize = 64;

pub(super) struct HashVerificationPool {
    turns: Arc<Semaphore>,
    places: Semaphore,
}

impl Default for HashVerificationPool {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Semaphore::new(TOGETHER),
        }
    }
}

impl HashVerificationPool {
    /// Does it when its turn comes; nothing where too many wait already. It is the work that has the turn: who no
    /// longer waits for it does not end it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _place = self.places.try_acquire().ok()?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn two_are_done_at_once_also_when_nobody_waits_for_them_any_more() {
        let hash_verification_pool = HashVerificationPool::default();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            hash_verification_pool.run(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(10));
                now.fetch_sub(1, Ordering::SeqCst);
            })
        };
        // Some callers give up while their work is under way.
        for _ in 0..5 {
            let callers = join_all((0..50).map(|_| work()));
            drop(tokio::time::timeout(Duration::from_millis(15), callers).await);
        }
        let done = join_all((0..500).map(|_| work())).await;
        let done = done.iter().flatten().count();
        assert_eq!(done, TOGETHER, "the rest is turned away");
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    }
}
