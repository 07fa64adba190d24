//! The state of one container's probe during one run.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::cgroups::{ControlGroups, CpuAccount};
use super::connections::{Connections, is_from_client};
use super::message::Connection;
use super::namespace::HostNamespace;
use super::process::{Interfaces, Process, has_exited, is_of_container};
use super::sock_diag::{ReceiveBuffer, SockDiag};
use crate::domain::TrafficSample;
use crate::prober::{ProbeError, Target};

/// The resources that all probes share.
pub(super) struct ProbeContext {
    pub(super) host_namespace: HostNamespace,
    /// `None` if processor time is not measured.
    pub(super) control_groups: Option<ControlGroups>,
    /// The buffer for netlink datagrams.
    pub(super) datagram: ReceiveBuffer,
    /// The buffer for files of `/proc`.
    pub(super) text: Vec<u8>,
}

/// The open files of a container and its last sample. Needs two file descriptors.
pub(super) struct ContainerProbe {
    target: Target,
    process: Process,
    sock_diag: SockDiag,
    account: Option<CpuAccount>,
    last: Last,
    /// Connections that have ended since the last list.
    ended: Vec<Connection>,
}

struct Last {
    at: Instant,
    interfaces: Interfaces,
    connections: Connections,
    used: Option<Duration>,
}

/// The change of the interface counters since the last list.
pub(super) enum InterfaceDelta {
    /// There was no traffic.
    Unchanged,
    /// There was traffic, or a connection ended. The connections must be listed.
    Changed(Interfaces),
}

impl ContainerProbe {
    /// Opens the files of a container and takes the first sample.
    pub(super) fn start(
        target: &Target,
        context: &mut ProbeContext,
    ) -> Result<(Self, TrafficSample), ProbeError> {
        let process = Process::find(target.process).map_err(|error| match error {
            error if has_exited(error) => ProbeError::NotVisible,
            error => probe_error("its process", error),
        })?;
        let control_groups = process
            .control_groups()
            .map_err(|error| probe_error("its control groups", error))?;
        if !is_of_container(&control_groups, target.id) {
            return Err(ProbeError::NotVisible);
        }
        let mut sock_diag = enter(&process, context)?;
        // Read before the list: traffic in between is counted in the next sample.
        let interfaces = process
            .interfaces(&mut context.text)
            .map_err(|error| probe_error("its interfaces", error))?;
        let mut found = Vec::new();
        // Connections that ended before the first sample are not reported.
        list(
            &mut sock_diag,
            &mut context.datagram,
            &target.ports,
            &mut found,
            &mut Vec::new(),
        )?;
        let groups = context.control_groups.as_ref();
        let account = groups.and_then(|groups| groups.account(&control_groups, target.id));
        let last = Last {
            at: Instant::now(),
            interfaces,
            connections: Connections::first(found),
            used: account.as_ref().and_then(CpuAccount::read),
        };
        let sample = TrafficSample {
            open: last.connections.unchanged(),
            ..TrafficSample::default()
        };
        let probe = Self {
            target: target.clone(),
            process,
            sock_diag,
            account,
            last,
            ended: Vec::new(),
        };
        Ok((probe, sample))
    }

    /// Whether this probe belongs to the same run of the same container.
    pub(super) fn is_of(&self, target: &Target) -> bool {
        self.target == *target
    }

    /// The time of the last sample.
    pub(super) fn sampled_at(&self) -> Instant {
        self.last.at
    }

    /// Checks cheaply whether there was traffic.
    pub(super) fn check_interfaces(&mut self, context: &mut ProbeContext) -> Result<InterfaceDelta, Errno> {
        let interfaces = self.process.interfaces(&mut context.text)?;
        let (ended, ports) = (&mut self.ended, &self.target.ports);
        self.sock_diag.ended(&mut context.datagram, |connection| {
            if is_from_client(&connection, ports) {
                ended.push(connection);
            }
        })?;
        // A connection can end without a packet if the peer no longer responds.
        Ok(if interfaces == self.last.interfaces && self.ended.is_empty() {
            InterfaceDelta::Unchanged
        } else {
            InterfaceDelta::Changed(interfaces)
        })
    }

    /// The sample of a container without traffic.
    pub(super) fn unchanged_sample(&mut self) -> TrafficSample {
        let (since_last, processor_time) = self.finish();
        TrafficSample {
            since_last: Some(since_last),
            open: self.last.connections.unchanged(),
            ended: Vec::new(),
            processor_time,
        }
    }

    /// The sample of a container whose list is postponed. The next sample has its traffic.
    pub(super) fn postponed_sample(&self) -> TrafficSample {
        TrafficSample {
            since_last: Some(self.last.at.elapsed()),
            open: self.last.connections.unchanged(),
            ended: Vec::new(),
            processor_time: None,
        }
    }

    /// Lists the connections and returns the sample. After an error this probe cannot be used again.
    pub(super) fn list_connections(
        &mut self,
        interfaces: Interfaces,
        context: &mut ProbeContext,
    ) -> Result<TrafficSample, ProbeError> {
        let mut found = Vec::new();
        let ports = &self.target.ports;
        list(
            &mut self.sock_diag,
            &mut context.datagram,
            ports,
            &mut found,
            &mut self.ended,
        )?;
        self.last.interfaces = interfaces;
        let delta = self.last.connections.advance(found, &self.ended);
        self.ended.clear();
        let (since_last, processor_time) = self.finish();
        Ok(TrafficSample {
            since_last: Some(since_last),
            open: delta.open,
            ended: delta.ended,
            processor_time,
        })
    }

    /// Finishes a sample and returns the time since the previous one and the processor time in between.
    fn finish(&mut self) -> (Duration, Option<Duration>) {
        let now = Instant::now();
        let since_last = now.duration_since(self.last.at);
        self.last.at = now;
        let used = self.account.as_ref().and_then(CpuAccount::read);
        let before = std::mem::replace(&mut self.last.used, used);
        let processor_time = used.zip(before).map(|(used, before)| used.saturating_sub(before));
        (since_last, processor_time)
    }
}

/// Opens a socket in the network namespace of a process.
fn enter(process: &Process, context: &ProbeContext) -> Result<SockDiag, ProbeError> {
    let refused = |error| probe_error("its network", error);
    let network = process.network().map_err(refused)?;
    if context.host_namespace.is_same(&network).map_err(refused)? {
        let reason = "it uses the host's network, where its connections cannot be distinguished";
        return Err(ProbeError::Failed(reason.to_owned()));
    }
    context
        .host_namespace
        .run_in(&network, SockDiag::open)
        .map_err(refused)
}

/// Lists the client connections.
fn list(
    sock_diag: &mut SockDiag,
    buffer: &mut ReceiveBuffer,
    ports: &[u16],
    found: &mut Vec<Connection>,
    ended: &mut Vec<Connection>,
) -> Result<(), ProbeError> {
    let push = |kept: &mut Vec<Connection>, connection: Connection| {
        if is_from_client(&connection, ports) {
            kept.push(connection);
        }
    };
    sock_diag
        .list(
            buffer,
            |connection| push(found, connection),
            |connection| push(ended, connection),
        )
        .map_err(|error| ProbeError::Failed(format!("failed to list its connections: {error}")))
}

/// Maps an error of the kernel.
pub(super) fn probe_error(what: &str, error: Errno) -> ProbeError {
    match error {
        Errno::PERM | Errno::ACCESS => ProbeError::Denied,
        Errno::MFILE | Errno::NFILE => too_many_files(),
        error if has_exited(error) => ProbeError::Failed("its main process has exited".to_owned()),
        error => ProbeError::Failed(format!("failed to read {what}: {error}")),
    }
}

/// The error if the limit of open files is reached.
pub(super) fn too_many_files() -> ProbeError {
    ProbeError::Failed(
        "too many open files: each container needs two; raise the limit of open files (nofile)".to_owned(),
    )
}
