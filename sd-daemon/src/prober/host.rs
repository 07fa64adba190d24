//! The prober for containers whose processes run on this host.
//!
//! It asks the kernel, and nobody inside the container. For each container it holds the directory of its
//! main process and a socket inside its network namespace. A look goes in steps, each dearer than the one
//! before: have the network interfaces carried anything; then, which connections are there and what has each
//! carried. Connections that come and go between two looks are told by the kernel as they end.
//!
//! What a look cannot see: connections of UDP, those of a container that uses the host's network, and, where
//! very many connections end between two looks, more of them than the kernel keeps for us (about 200).

mod connections;
mod diagnosis;
mod message;
mod namespace;
mod process;
mod processor;
mod watch;
mod worker;

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{mpsc, oneshot};

use super::{ProbeError, Prober, Target};
use crate::domain::{ContainerId, TrafficSample};
use diagnosis::ReceiveBuffer;
use namespace::HostNamespace;
use processor::ControlGroups;
use watch::ProbeContext;
use worker::{Job, Worker};

/// Jobs that wait for the thread. Who comes when it is full waits for a place.
const QUEUE: usize = 64;

/// Processor time for close looks in one pass. A list of connections takes the kernel about 0.2 ms on a small
/// machine and more on a large one, even where it is empty, and about 1 µs more for each connection.
const CLOSE_LOOKS: Duration = Duration::from_millis(50);

/// Of the process, and in its network.
const FILES_OF_A_WATCH: u64 = 2;

/// Looks through the kernel's own books, on a thread of its own that ends with this.
///
/// A pass over many containers looks closely at some of them for a limited time, the ones first that have
/// waited longest. The others are said to have carried nothing, and their next look tells of all that they
/// carried since the last close one. The first look at a container is a close one; while it has to wait, the
/// container is [`ProbeError::Failed`]. A look at one container alone never has to.
///
/// Needs `CAP_SYS_ADMIN` to open a socket in another network namespace, and `CAP_SYS_PTRACE` to find it.
pub struct HostProber {
    jobs: mpsc::Sender<Job>,
}

/// Whether looks tell of processor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessorTime {
    /// They do, where the control groups of containers can be read.
    Measured,
    /// They do not.
    Ignored,
}

/// How much may be spent on looking.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Processor time for close looks in one pass. The last one of them may take longer; what is beyond it has
    /// its turn in the next pass.
    pub close_looks: Duration,
    /// Containers that are watched at the same time. Each takes two file descriptors.
    pub watches: usize,
}

impl Bounds {
    /// What this process can afford. It is allowed as many files as it may allow itself, and uses up to half
    /// of them here: whoever cannot look at all containers shall still answer.
    pub fn of_this_process() -> Self {
        Self {
            close_looks: CLOSE_LOOKS,
            watches: watches(raise_file_limit()),
        }
    }
}

impl HostProber {
    /// Starts the thread, with the bounds of this process.
    pub fn new(processor_time: ProcessorTime) -> io::Result<Self> {
        Self::within(Bounds::of_this_process(), processor_time)
    }

    /// Starts the thread.
    pub fn within(bounds: Bounds, processor_time: ProcessorTime) -> io::Result<Self> {
        let tools = ProbeContext {
            home: HostNamespace::here()?,
            control_groups: match processor_time {
                ProcessorTime::Measured => Some(ControlGroups::find()),
                ProcessorTime::Ignored => None,
            },
            room: ReceiveBuffer::new(),
            text: Vec::new(),
        };
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("prober".to_owned());
        // A thread of its own, because it walks through network namespaces.
        thread.spawn(move || Worker::new(tools, bounds).run(queue))?;
        Ok(Self { jobs })
    }

    /// Resolves when the thread has ended, which it does not by itself: nothing would be seen any more.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + use<> {
        let jobs = self.jobs.clone();
        async move { jobs.closed().await }
    }

    /// Gives a job to the thread and waits for what it says; nothing if it has ended.
    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).await.ok()?;
        answered.await.ok()
    }
}

#[async_trait]
impl Prober for HostProber {
    async fn look(&self, targets: Vec<Target>) -> Vec<Result<TrafficSample, ProbeError>> {
        let count = targets.len();
        let samples = self.ask(|answer| Job::ProbeResult { targets, answer }).await;
        samples.unwrap_or_else(|| {
            let lost = ProbeError::Failed("the thread that looks has ended".to_owned());
            vec![Err(lost); count]
        })
    }

    async fn retain(&self, running: Vec<ContainerId>) {
        // Without the thread nothing is held.
        let _ = self.ask(|answer| Job::Retain { running, answer }).await;
    }
}

/// How many containers can be watched with half of these files.
fn watches(files: Option<u64>) -> usize {
    files.map_or(usize::MAX, |files| {
        usize::try_from(files / 2 / FILES_OF_A_WATCH).unwrap_or(usize::MAX)
    })
}

/// Gives how many files may be open; nothing where there is no limit. Not being allowed to raise it is no
/// reason not to look: it may be high enough.
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
    fn half_of_the_files_are_for_others() {
        assert_eq!(watches(Some(1_024)), 256);
        assert_eq!(watches(Some(3)), 0);
        assert_eq!(watches(None), usize::MAX);
    }
}
