//! Limits the verifications of password hashes: two run at a time, some wait, the rest are rejected.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Verifications at a time. Each takes tens of megabytes.
const PARALLEL: usize = 2;
/// Verifications that run or wait.
const CAPACITY: usize = 64;

pub(super) struct HashVerificationPool {
    running: Arc<Semaphore>,
    admitted: Semaphore,
}

impl Default for HashVerificationPool {
    fn default() -> Self {
        Self {
            running: Arc::new(Semaphore::new(PARALLEL)),
            admitted: Semaphore::new(CAPACITY),
        }
    }
}

impl HashVerificationPool {
    /// Runs `work` on a blocking thread. Returns `None` if too many verifications wait already.
    ///
    /// The thread holds the permit, not the caller: if the client disconnects, the work still occupies its slot.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let _admitted = self.admitted.try_acquire().ok()?;
        let permit = Arc::clone(&self.running).acquire_owned().await.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
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
    async fn two_verifications_run_at_a_time_after_cancellations() {
        let pool = HashVerificationPool::default();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            pool.run(move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(10));
                running.fetch_sub(1, Ordering::SeqCst);
            })
        };
        // Some callers are cancelled while their work runs.
        for _ in 0..5 {
            let callers = join_all((0..50).map(|_| work()));
            drop(tokio::time::timeout(Duration::from_millis(15), callers).await);
        }
        let done = join_all((0..500).map(|_| work())).await;
        let done = done.iter().flatten().count();
        assert_eq!(done, CAPACITY, "the rest are rejected");
        assert_eq!(most.load(Ordering::SeqCst), PARALLEL);
    }
}
