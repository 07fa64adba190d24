//! The runtime of a daemon. A test kills the daemon by shutting the runtime down.

use tokio::runtime::Runtime;

use super::HANG_LIMIT;

/// Every task of one daemon, on a runtime with a single worker thread.
pub(super) struct Process(Option<Runtime>);

impl Process {
    pub(super) fn new() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        Self(Some(builder.worker_threads(1).enable_all().build().unwrap()))
    }

    pub(super) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.0.as_ref().unwrap().spawn(task));
    }

    pub(super) async fn kill(mut self) {
        let runtime = self.0.take().unwrap();
        let killed = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(HANG_LIMIT));
        killed.await.unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
