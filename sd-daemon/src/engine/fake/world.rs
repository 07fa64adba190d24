//! The images and containers of the engine in memory, without waiting and without faults.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;

use super::FakeEngine;
use crate::domain::{
    ContainerId, ContainerPort, Endpoints, Exit, Image, ImageRef, LiveState, Name, Observation,
    ObservedState, OperationId, ProcessId, RunId, Timestamp,
};
use crate::engine::{
    ContainerSpec, EngineError, LabelledContainer, LogChunk, LogQuery, Managed, OutputStream,
};

/// The host's address on the network of the containers; theirs follow it.
pub(super) const GATEWAY: Ipv4Addr = Ipv4Addr::new(127, 17, 0, 1);

/// The first host port that Docker picks.
const FIRST_HOST_PORT: u16 = 49_153;

/// The identity of the registry that every labelled container belongs to.
const INSTANCE: &str = "fake";

/// The images, containers and volumes.
pub(super) struct World {
    images: BTreeMap<String, Image>,
    /// Images that can be pulled.
    remote_images: BTreeMap<String, Image>,
    containers: BTreeMap<ContainerId, Container>,
    volumes: BTreeSet<String>,
    reserved_ids: VecDeque<ContainerId>,
    /// Numbers containers and runs.
    counter: u64,
    next_host_port: u16,
    /// `None` if the engine invents another one for each response.
    identity: Option<String>,
}

struct Container {
    name: Name,
    image: String,
    operation: Option<OperationId>,
    app_port: Option<u16>,
    ports: Vec<ContainerPort>,
    command: Vec<String>,
    volume: String,
    state: ObservedState,
    log: Vec<LogChunk>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            images: BTreeMap::new(),
            remote_images: BTreeMap::new(),
            containers: BTreeMap::new(),
            volumes: BTreeSet::new(),
            reserved_ids: VecDeque::new(),
            counter: 0,
            next_host_port: FIRST_HOST_PORT,
            identity: Some("the first engine".to_owned()),
        }
    }
}

impl World {
    /// Another engine with the same images.
    pub(super) fn with_other_identity(&self, identity: &str) -> Self {
        Self {
            images: self.images.clone(),
            identity: Some(identity.to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn randomize_identity(&mut self) {
        self.identity = None;
    }

    pub(super) fn identity(&mut self) -> String {
        self.counter += 1;
        let invented = || format!("invented identity {}", self.counter);
        self.identity.clone().unwrap_or_else(invented)
    }

    pub(super) fn add_image(&mut self, tag: &str, image: Image) {
        self.images.insert(tag.to_owned(), image);
    }

    pub(super) fn add_remote_image(&mut self, tag: &str, image: Image) {
        self.remote_images.insert(tag.to_owned(), image);
    }

    pub(super) fn pull(&mut self, image: &ImageRef) -> Result<(), EngineError> {
        let tag = if image.as_str().contains(':') {
            image.to_string()
        } else {
            format!("{image}:latest")
        };
        let pulled = self.remote_images.get(&tag).ok_or(EngineError::NoSuchImage)?;
        self.images.insert(tag, pulled.clone());
        Ok(())
    }

    pub(super) fn tags(&self) -> Vec<String> {
        self.images.keys().cloned().collect()
    }

    pub(super) fn image(&self, image: &ImageRef) -> Result<Image, EngineError> {
        let tagged = self.images.get(image.as_str());
        let latest = || self.images.get(&format!("{image}:latest"));
        tagged.or_else(latest).cloned().ok_or(EngineError::NoSuchImage)
    }

    pub(super) fn ids(&self) -> Vec<ContainerId> {
        self.containers.keys().copied().collect()
    }

    pub(super) fn reserve_id(&mut self, id: ContainerId) {
        self.reserved_ids.push_back(id);
    }

    pub(super) fn create(&mut self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        let image = self.image(&spec.image)?;
        if let Some(name) = &spec.name
            && self.containers.values().any(|other| other.name == *name)
        {
            return Err(EngineError::NameInUse);
        }
        let name = spec.name.clone().unwrap_or_else(|| self.pick_name());
        Ok(self.insert(Container {
            name,
            image: spec.image.to_string(),
            operation: Some(spec.operation),
            app_port: image.app_port,
            ports: spec.ports.clone(),
            command: spec.command.clone(),
            volume: String::new(),
            state: ObservedState::Created,
            log: Vec::new(),
        }))
    }

    pub(super) fn create_foreign(&mut self, name: &str, operation: Option<OperationId>) -> ContainerId {
        self.insert(Container {
            name: name.parse().expect("the test passes a valid name"),
            image: "external".to_owned(),
            operation,
            app_port: None,
            ports: Vec::new(),
            command: Vec::new(),
            volume: String::new(),
            state: ObservedState::Created,
            log: Vec::new(),
        })
    }

    fn insert(&mut self, mut container: Container) -> ContainerId {
        self.counter += 1;
        let id = self
            .reserved_ids
            .pop_front()
            .unwrap_or_else(|| id_number(self.counter));
        container.volume = format!("volume-{}", self.counter);
        self.volumes.insert(container.volume.clone());
        self.containers.insert(id, container);
        id
    }

    pub(super) fn start(&mut self, id: ContainerId) -> Result<(), EngineError> {
        let container = self.containers.get(&id).ok_or(EngineError::NoSuchContainer)?;
        if let ObservedState::Live { state, .. } = &container.state {
            return match state {
                LiveState::Running => Ok(()),
                LiveState::Paused => Err(EngineError::Rejected(
                    "cannot start a paused container, try unpause instead".to_owned(),
                )),
            };
        }
        if container
            .command
            .first()
            .is_some_and(|program| program == FakeEngine::MISSING_PROGRAM)
        {
            return Err(EngineError::Rejected(format!(
                "{}: no such file",
                FakeEngine::MISSING_PROGRAM
            )));
        }
        let (ports, app_port) = (container.ports.clone(), container.app_port);
        let published = ports
            .into_iter()
            .map(|port| (port, self.pick_host_port()))
            .collect();
        self.counter += 1;
        let state = ObservedState::Live {
            run: RunId::new(&format!("run-{}", self.counter)),
            state: LiveState::Running,
            endpoints: Endpoints::new(published, app_port),
            addresses: vec![self.pick_address()],
            process: ProcessId::new(u32::try_from(self.counter).unwrap_or(u32::MAX)),
        };
        let at = Some(Timestamp::from_millis(self.counter));
        let container = self.get(id)?;
        container.state = state;
        let program = container.command.first().map(String::as_str);
        if program == Some(FakeEngine::PRINTING_PROGRAM) {
            let line = |stream, text| LogChunk {
                stream,
                bytes: Bytes::from_static(text),
                at,
            };
            let lines = [
                line(OutputStream::Stdout, b"out\n"),
                line(OutputStream::Stderr, b"err\n"),
            ];
            container.log.extend(lines);
        }
        Ok(())
    }

    /// The position of the first piece of output that a query asks for.
    pub(super) fn log_position(&self, id: ContainerId, query: LogQuery) -> Result<usize, EngineError> {
        let log = &self.containers.get(&id).ok_or(EngineError::NoSuchContainer)?.log;
        let older = log.iter().take_while(|chunk| chunk.at < query.since).count();
        let tail = query.tail.and_then(|lines| usize::try_from(lines).ok());
        Ok(older.max(tail.map_or(0, |tail| log.len().saturating_sub(tail))))
    }

    /// The piece of output at a position, and whether there may be more.
    pub(super) fn log_chunk(&self, id: ContainerId, position: usize) -> (Option<LogChunk>, bool) {
        let container = self.containers.get(&id);
        let chunk = container.and_then(|container| container.log.get(position).cloned());
        let is_live =
            container.is_some_and(|container| matches!(container.state, ObservedState::Live { .. }));
        (chunk, is_live)
    }

    /// Fails unless the container is running and not paused.
    pub(super) fn require_running(&self, id: ContainerId) -> Result<(), EngineError> {
        match &self
            .containers
            .get(&id)
            .ok_or(EngineError::NoSuchContainer)?
            .state
        {
            ObservedState::Live {
                state: LiveState::Running,
                ..
            } => Ok(()),
            ObservedState::Live { .. } => Err(EngineError::Rejected("the container is paused".to_owned())),
            ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => {
                Err(EngineError::NotRunning)
            }
        }
    }

    pub(super) fn end(&mut self, id: ContainerId, how: Exit) -> Result<(), EngineError> {
        let container = self.get(id)?;
        if let ObservedState::Live { run, .. } = &container.state {
            container.state = ObservedState::Ended {
                run: run.clone(),
                exit: how,
            };
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, id: ContainerId) {
        if let Some(container) = self.containers.remove(&id) {
            self.volumes.remove(&container.volume);
        }
    }

    pub(super) fn set_live_state(&mut self, id: ContainerId, wanted: LiveState) -> Result<(), EngineError> {
        match &mut self.get(id)?.state {
            ObservedState::Live { state, .. } => {
                *state = wanted;
                Ok(())
            }
            ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => {
                Err(EngineError::NotRunning)
            }
        }
    }

    /// Lets the container be in a state that the engine adapter does not know.
    pub(super) fn make_unknown(&mut self, id: ContainerId) -> Result<(), EngineError> {
        self.get(id)?.state = ObservedState::Unknown;
        Ok(())
    }

    pub(super) fn rename(&mut self, id: ContainerId, name: Name) -> Result<(), EngineError> {
        self.get(id)?.name = name;
        Ok(())
    }

    pub(super) fn observe(&self, id: ContainerId) -> Option<Observation> {
        let container = self.containers.get(&id)?;
        Some(Observation {
            name: container.name.clone(),
            state: container.state.clone(),
        })
    }

    pub(super) fn managed(&self) -> Vec<Managed> {
        let labelled = |(id, container): (&ContainerId, &Container)| {
            Some(Managed {
                id: *id,
                operation: container.operation?,
            })
        };
        self.containers.iter().filter_map(labelled).collect()
    }

    pub(super) fn labelled(&self) -> Vec<LabelledContainer> {
        let labelled = |(id, container): (&ContainerId, &Container)| {
            container.operation.map(|_| LabelledContainer {
                id: *id,
                instance: INSTANCE.to_owned(),
                name: container.name.as_str().to_owned(),
                image: container.image.clone(),
                state: String::new(),
            })
        };
        self.containers.iter().filter_map(labelled).collect()
    }

    pub(super) fn volume_of(&self, id: ContainerId) -> Option<String> {
        self.containers.get(&id).map(|container| container.volume.clone())
    }

    pub(super) fn has_volume(&self, volume: &str) -> bool {
        self.volumes.contains(volume)
    }

    fn get(&mut self, id: ContainerId) -> Result<&mut Container, EngineError> {
        self.containers.get_mut(&id).ok_or(EngineError::NoSuchContainer)
    }

    fn pick_name(&self) -> Name {
        const ADJECTIVES: [&str; 4] = ["hungry", "hopeful", "desperate", "quiet"];
        let number = usize::try_from(self.counter).unwrap_or_default();
        let name = format!("{}_bell{number}", ADJECTIVES[number % ADJECTIVES.len()]);
        name.parse().expect("letters and digits are a name")
    }

    fn pick_host_port(&mut self) -> u16 {
        let port = self.next_host_port;
        self.next_host_port = port.checked_add(1).unwrap_or(FIRST_HOST_PORT);
        port
    }

    /// The lowest free address, as Docker picks it.
    fn pick_address(&self) -> IpAddr {
        let taken: BTreeSet<IpAddr> = self.containers.values().filter_map(Container::address).collect();
        let first = u32::from(GATEWAY) + 1;
        let mut candidates = (first..).map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
        candidates
            .find(|address| !taken.contains(address))
            .expect("there are more addresses than containers")
    }
}

impl Container {
    fn address(&self) -> Option<IpAddr> {
        match &self.state {
            ObservedState::Live { addresses, .. } => addresses.first().copied(),
            ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => None,
        }
    }
}

/// An id that looks as random as one of Docker and is the same in every run of a test.
fn id_number(number: u64) -> ContainerId {
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|index| scramble(number * 4 + index));
    let text = format!("{first:016x}{second:016x}{third:016x}{fourth:016x}");
    text.parse().expect("four words are 64 hex digits")
}

/// The finishing step of the `SplitMix64` generator.
fn scramble(number: u64) -> u64 {
    let mut word = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
