//! The handle of the prober's thread, and the limits of its work.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{mpsc, oneshot};

use super::cgroups::ControlGroups;
use super::container_probe::ProbeContext;
use super::namespace::HostNamespace;
use super::sock_diag::ReceiveBuffer;
use super::worker::{Job, Worker};
use crate::domain::{ContainerId, TrafficSample};
use crate::prober::{ProbeError, Prober, Target};

/// The length of the thread's job queue. Callers wait while it is full.
const QUEUE: usize = 64;

/// Processor time for listing connections in one pass. An empty list takes the kernel about 0.2 ms on a small machine
/// and more on a large one, and each connection about 1 µs.
const LISTING: Duration = Duration::from_millis(50);

/// Open files for each container: the directory of the process and the socket in its network.
const FILES_PER_CONTAINER: u64 = 2;

/// Probes containers on a thread of its own, which ends when the prober is dropped.
///
/// A pass over many containers lists the connections of some of them within a limited time, those first that have
/// waited longest. The others report no traffic; their next sample has all traffic since their last list. The first
/// sample of a container needs a list and is [`ProbeError::Failed`] until its turn. A probe of a single container
/// always lists.
///
/// Needs `CAP_SYS_ADMIN` to open a socket in another network namespace, and `CAP_SYS_PTRACE` to find the namespace.
pub struct HostProber {
    jobs: mpsc::Sender<Job>,
}

/// Whether samples contain processor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessorTime {
    /// They do, if the control groups of the containers are readable.
    Measured,
    /// They do not.
    Ignored,
}

/// The resources that probes may use.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Processor time for listing connections in one pass. The last list may exceed it; the remaining containers are
    /// listed in the next pass.
    pub listing: Duration,
    /// The maximum number of containers. Each needs two file descriptors.
    pub containers: usize,
}

impl Bounds {
    /// The bounds of this process. Raises the limit of open files to its maximum and uses up to half of it, so that the
    /// API still works if not all containers can be probed.
    pub fn of_this_process() -> Self {
        Self {
            listing: LISTING,
            containers: max_containers(raise_file_limit()),
        }
    }
}

impl HostProber {
    /// Starts the thread, with the bounds of this process.
    pub fn new(processor_time: ProcessorTime) -> io::Result<Self> {
        Self::with_bounds(Bounds::of_this_process(), processor_time)
    }

    /// Starts the thread with these bounds.
    pub fn with_bounds(bounds: Bounds, processor_time: ProcessorTime) -> io::Result<Self> {
        let context = ProbeContext {
            host_namespace: HostNamespace::current()?,
            control_groups: match processor_time {
                ProcessorTime::Measured => Some(ControlGroups::find()),
                ProcessorTime::Ignored => None,
            },
            datagram: ReceiveBuffer::new(),
            text: Vec::new(),
        };
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("prober".to_owned());
        // The thread enters network namespaces, which no other work may share.
        thread.spawn(move || Worker::new(context, bounds).run(queue))?;
        Ok(Self { jobs })
    }

    /// Resolves if the thread ended unexpectedly. Probes then fail.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + use<> {
        let jobs = self.jobs.clone();
        async move { jobs.closed().await }
    }

    /// Sends a job to the thread and returns its result, or `None` if the thread has ended.
    async fn run<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<T> {
        let (result, receiver) = oneshot::channel();
        self.jobs.send(job(result)).await.ok()?;
        receiver.await.ok()
    }
}

#[async_trait]
impl Prober for HostProber {
    async fn probe(&self, targets: Vec<Target>) -> Vec<Result<TrafficSample, ProbeError>> {
        let count = targets.len();
        let samples = self.run(|result| Job::Probe { targets, result }).await;
        samples.unwrap_or_else(|| {
            let lost = ProbeError::Failed("the prober's thread has ended".to_owned());
            vec![Err(lost); count]
        })
    }

    async fn retain(&self, running: Vec<ContainerId>) {
        // A thread that has ended holds no resources.
        let _ = self.run(|result| Job::Retain { running, result }).await;
    }
}

/// The number of containers that half of these files suffice for.
fn max_containers(files: Option<u64>) -> usize {
    files.map_or(usize::MAX, |files| {
        usize::try_from(files / 2 / FILES_PER_CONTAINER).unwrap_or(usize::MAX)
    })
}

/// Raises the limit of open files and returns it, or `None` if there is no limit. A failure is ignored: the current
/// limit may suffice.
fn raise_file_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_use_at_most_half_of_the_files() {
        assert_eq!(max_containers(Some(1_024)), 256);
        assert_eq!(max_containers(Some(3)), 0);
        assert_eq!(max_containers(None), usize::MAX);
    }
}
