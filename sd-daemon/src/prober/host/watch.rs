//! Watching one container through one run.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::connections::{Connections, is_of_client};
use super::diagnosis::{Diagnosis, ReceiveBuffer};
use super::message::Connection;
use super::namespace::HostNamespace;
use super::process::{Interfaces, Process, is_of_container, is_over};
use super::processor::{Account, ControlGroups};
use crate::domain::TrafficSample;
use crate::prober::{ProbeError, Target};

/// What every look needs.
pub(super) struct ProbeContext {
    pub(super) home: HostNamespace,
    /// Nothing when nobody asks for processor time.
    pub(super) control_groups: Option<ControlGroups>,
    /// For datagrams of the kernel.
    pub(super) room: ReceiveBuffer,
    /// For files of the kernel.
    pub(super) text: Vec<u8>,
}

/// What is held for a container, and what the last look at it saw. Costs two file descriptors.
pub(super) struct ContainerProbe {
    target: Target,
    process: Process,
    diagnosis: Diagnosis,
    account: Option<Account>,
    last: Last,
    /// Connections that have ended since the last look.
    ended: Vec<Connection>,
}

struct Last {
    at: Instant,
    interfaces: Interfaces,
    connections: Connections,
    used: Option<Duration>,
}

/// What a glance shows.
pub(super) enum InterfaceDelta {
    /// Nothing came or went since the last look.
    Silent,
    /// Something did, or a connection ended; what it was takes a look.
    Moved(Interfaces),
}

impl ContainerProbe {
    /// Begins to watch a container, and takes the first look.
    pub(super) fn begin(
        target: &Target,
        tools: &mut ProbeContext,
    ) -> Result<(Self, TrafficSample), ProbeError> {
        let process = Process::find(target.process).map_err(|error| match error {
            error if is_over(error) => ProbeError::Elsewhere,
            error => blind("its process", error),
        })?;
        let control_groups = process
            .control_groups()
            .map_err(|error| blind("its control groups", error))?;
        if !is_of_container(&control_groups, target.id) {
            return Err(ProbeError::Elsewhere);
        }
        let mut diagnosis = enter(&process, tools)?;
        // Counted before the list: what comes in between is found again.
        let interfaces = process
            .interfaces(&mut tools.text)
            .map_err(|error| blind("its interfaces", error))?;
        let mut found = Vec::new();
        // What ended before the first look ends is nobody's news.
        list(
            &mut diagnosis,
            &mut tools.room,
            &target.ports,
            &mut found,
            &mut Vec::new(),
        )?;
        let groups = tools.control_groups.as_ref();
        let account = groups.and_then(|groups| groups.account(&control_groups, target.id));
        let last = Last {
            at: Instant::now(),
            interfaces,
            connections: Connections::found(found),
            used: account.as_ref().and_then(Account::read),
        };
        let sample = TrafficSample {
            open: last.connections.silent(),
            ..TrafficSample::default()
        };
        let watch = Self {
            target: target.clone(),
            process,
            diagnosis,
            account,
            last,
            ended: Vec::new(),
        };
        Ok((watch, sample))
    }

    /// Whether this is about the same run of the same container.
    pub(super) fn is_of(&self, target: &Target) -> bool {
        self.target == *target
    }

    /// When the last look was.
    pub(super) fn looked_at(&self) -> Instant {
        self.last.at
    }

    /// Finds out cheaply whether there is anything to see.
    pub(super) fn glance(&mut self, tools: &mut ProbeContext) -> Result<InterfaceDelta, Errno> {
        let interfaces = self.process.interfaces(&mut tools.text)?;
        let (ended, ports) = (&mut self.ended, &self.target.ports);
        self.diagnosis.ended(&mut tools.room, |connection| {
            if is_of_client(&connection, ports) {
                ended.push(connection);
            }
        })?;
        // A connection may end without any packet, when the other side does not answer any more.
        Ok(if interfaces == self.last.interfaces && self.ended.is_empty() {
            InterfaceDelta::Silent
        } else {
            InterfaceDelta::Moved(interfaces)
        })
    }

    /// What is seen after a silent glance.
    pub(super) fn remember(&mut self) -> TrafficSample {
        let (since_last, processor_time) = self.pass();
        TrafficSample {
            since_last: Some(since_last),
            open: self.last.connections.silent(),
            ended: Vec::new(),
            processor_time,
        }
    }

    /// What is said when there is no time to look: nothing new. The next look tells of all of it.
    pub(super) fn postpone(&self) -> TrafficSample {
        TrafficSample {
            since_last: Some(self.last.at.elapsed()),
            open: self.last.connections.silent(),
            ended: Vec::new(),
            processor_time: None,
        }
    }

    /// Looks, after a glance showed that there is something to see. After an error this watch is over.
    pub(super) fn look(
        &mut self,
        interfaces: Interfaces,
        tools: &mut ProbeContext,
    ) -> Result<TrafficSample, ProbeError> {
        let mut found = Vec::new();
        let ports = &self.target.ports;
        list(
            &mut self.diagnosis,
            &mut tools.room,
            ports,
            &mut found,
            &mut self.ended,
        )?;
        self.last.interfaces = interfaces;
        let movement = self.last.connections.advance(found, &self.ended);
        self.ended.clear();
        let (since_last, processor_time) = self.pass();
        Ok(TrafficSample {
            since_last: Some(since_last),
            open: movement.open,
            ended: movement.ended,
            processor_time,
        })
    }

    /// Lets this be the last look, and gives the time since the one before and what the processor did in it.
    fn pass(&mut self) -> (Duration, Option<Duration>) {
        let now = Instant::now();
        let since_last = now.duration_since(self.last.at);
        self.last.at = now;
        let used = self.account.as_ref().and_then(Account::read);
        let before = std::mem::replace(&mut self.last.used, used);
        let processor_time = used.zip(before).map(|(used, before)| used.saturating_sub(before));
        (since_last, processor_time)
    }
}

/// Opens a socket in the network namespace of a process.
fn enter(process: &Process, tools: &ProbeContext) -> Result<Diagnosis, ProbeError> {
    let refused = |error| blind("its network", error);
    let network = process.network().map_err(refused)?;
    if tools.home.is(&network).map_err(refused)? {
        let reason = "it uses the host's network, where its connections cannot be told from those of others";
        return Err(ProbeError::Failed(reason.to_owned()));
    }
    tools.home.visit(&network, Diagnosis::open).map_err(refused)
}

/// Lists the connections of clients.
fn list(
    diagnosis: &mut Diagnosis,
    room: &mut ReceiveBuffer,
    ports: &[u16],
    found: &mut Vec<Connection>,
    ended: &mut Vec<Connection>,
) -> Result<(), ProbeError> {
    let keep_in = |kept: &mut Vec<Connection>, connection: Connection| {
        if is_of_client(&connection, ports) {
            kept.push(connection);
        }
    };
    diagnosis
        .list(
            room,
            |connection| keep_in(found, connection),
            |connection| keep_in(ended, connection),
        )
        .map_err(|error| ProbeError::Failed(format!("the kernel did not list its connections: {error}")))
}

/// Says why something about a container cannot be read.
pub(super) fn blind(what: &str, error: Errno) -> ProbeError {
    match error {
        Errno::PERM | Errno::ACCESS => ProbeError::Denied,
        Errno::MFILE | Errno::NFILE => too_many_files(),
        error if is_over(error) => ProbeError::Failed("its main process has ended".to_owned()),
        error => ProbeError::Failed(format!("{what} cannot be read: {error}")),
    }
}

/// Says that the files of this process do not suffice.
pub(super) fn too_many_files() -> ProbeError {
    ProbeError::Failed(
        "too many files would be open: two are needed for each container, and the limit (nofile) is too low"
            .to_owned(),
    )
}
