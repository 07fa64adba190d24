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

use async_trait::async_trait;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{mpsc, oneshot};

use super::{Blind, Prober, Target};
use crate::domain::{ContainerId, Sight};
use diagnosis::Room;
use namespace::Home;
use processor::ControlGroups;
use watch::Tools;
use worker::{Job, Worker};

/// Jobs that wait for the thread. Who comes when it is full waits for a place.
const QUEUE: usize = 64;

/// Looks through the kernel's own books, on a thread of its own that ends with this.
///
/// A pass over many containers looks closely at a limited number of them, the ones first that have waited
/// longest. The others are said to have carried nothing, and their next look tells of all that they carried
/// since the last close one. The first look at a container is a close one; while it has to wait, the
/// container is [`Blind::Failed`]. A look at one container alone never has to.
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

impl HostProber {
    /// Starts the thread. A watch of a container takes two file descriptors, so the process is allowed as
    /// many as it may allow itself.
    pub fn new(processor_time: ProcessorTime) -> io::Result<Self> {
        raise_file_limit();
        let tools = Tools {
            home: Home::here()?,
            control_groups: match processor_time {
                ProcessorTime::Measured => Some(ControlGroups::find()),
                ProcessorTime::Ignored => None,
            },
            room: Room::new(),
            text: Vec::new(),
        };
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("prober".to_owned());
        // A thread of its own, because it walks through network namespaces.
        thread.spawn(move || Worker::new(tools).run(queue))?;
        Ok(Self { jobs })
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
    async fn look(&self, targets: Vec<Target>) -> Vec<Result<Sight, Blind>> {
        let count = targets.len();
        let sights = self.ask(|answer| Job::Look { targets, answer }).await;
        sights.unwrap_or_else(|| {
            let lost = Blind::Failed("the thread that looks has ended".to_owned());
            vec![Err(lost); count]
        })
    }

    async fn retain(&self, running: Vec<ContainerId>) {
        // Without the thread nothing is held.
        let _ = self.ask(|answer| Job::Retain { running, answer }).await;
    }
}

/// Not being allowed to is no reason not to look: the limit may be high enough.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = setrlimit(Resource::Nofile, raised);
}
