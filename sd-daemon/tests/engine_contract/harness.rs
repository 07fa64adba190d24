//! What the suite needs besides the engine itself: an image, and somebody else on the same host.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sd_daemon::domain::{ContainerId, ContainerPort, Image, ImageRef, Name, OperationId};
use sd_daemon::engine::connect::{self, ConnectOptions, EngineHost};
use sd_daemon::engine::fake::FakeEngine;
use sd_daemon::engine::{ContainerSpec, Engine, NetworkName};

use crate::docker::{self, docker};
use crate::instance::Instance;

/// An engine to prove, and somebody else who uses it.
pub(crate) trait Harness {
    /// The engine.
    fn engine(&self) -> &dyn Engine;
    /// An image that exposes 22 and 8000, has one anonymous volume, and whose main process ends when asked.
    fn image(&self) -> ImageRef;
    /// A command whose process does not end when asked.
    fn stubborn_command(&self) -> Vec<String>;
    /// A command that the image cannot execute.
    fn missing_command(&self) -> Vec<String>;

    /// Makes a container without an operation.
    fn make_foreign(&self) -> ContainerId;
    /// Starts a container.
    fn start(&self, id: ContainerId);
    /// Stops a container.
    fn stop(&self, id: ContainerId);
    /// Removes a container.
    fn remove(&self, id: ContainerId);
    /// Freezes a container.
    fn pause(&self, id: ContainerId);
    /// Gives a container another name.
    fn rename(&self, id: ContainerId, name: &Name);
    /// Lets the main process return.
    fn exit(&self, id: ContainerId);

    /// The anonymous volume of a container.
    fn volume_of(&self, id: ContainerId) -> String;
    /// Whether a volume exists.
    fn has_volume(&self, volume: &str) -> bool;

    /// A container with the ports of the image, and with everything else left to the engine.
    fn spec(&self) -> ContainerSpec {
        ContainerSpec {
            operation: new_operation(),
            image: self.image(),
            name: None,
            environment: Vec::new(),
            command: Vec::new(),
            memory_bytes: None,
            nano_cpus: None,
            ports: vec![ContainerPort::SSH, ContainerPort::tcp(8000)],
        }
    }
}

/// An operation that nothing else has.
pub(crate) fn new_operation() -> OperationId {
    docker::random().parse().unwrap()
}

/// A name that nothing else has.
pub(crate) fn new_name() -> Name {
    format!("contract-{}", docker::random()).parse().unwrap()
}

/// The engine in memory.
pub(crate) struct Fake {
    engine: FakeEngine,
}

impl Fake {
    pub(crate) fn new() -> Self {
        let engine = FakeEngine::new();
        let exposed = vec![ContainerPort::SSH, ContainerPort::tcp(8000)];
        engine.add_image(
            "sd-postgres:latest",
            Image {
                exposed,
                app_port: Some(8000),
                ..Image::default()
            },
        );
        engine.add_image("sd-base:latest", Image::default());
        Self { engine }
    }
}

impl Harness for Fake {
    fn engine(&self) -> &dyn Engine {
        &self.engine
    }

    fn image(&self) -> ImageRef {
        "sd-postgres:latest".parse().unwrap()
    }

    fn stubborn_command(&self) -> Vec<String> {
        vec!["stubborn".to_owned()]
    }

    fn missing_command(&self) -> Vec<String> {
        vec![FakeEngine::MISSING_PROGRAM.to_owned()]
    }

    fn make_foreign(&self) -> ContainerId {
        self.engine.create_behind_back("somebody_elses", None)
    }

    fn start(&self, id: ContainerId) {
        self.engine.start_behind_back(id);
    }

    fn stop(&self, id: ContainerId) {
        self.engine.stop_behind_back(id);
    }

    fn remove(&self, id: ContainerId) {
        self.engine.remove_behind_back(id);
    }

    fn pause(&self, id: ContainerId) {
        self.engine.pause(id);
    }

    fn rename(&self, id: ContainerId, name: &Name) {
        self.engine.rename(id, name.clone());
    }

    fn exit(&self, id: ContainerId) {
        self.engine.exit(id);
    }

    fn volume_of(&self, id: ContainerId) -> String {
        self.engine.volume_of(id).unwrap()
    }

    fn has_volume(&self, volume: &str) -> bool {
        self.engine.has_volume(volume)
    }
}

/// The Docker engine of this machine.
pub(crate) struct Docker {
    engine: Arc<dyn Engine>,
    instance: Instance,
}

impl Docker {
    pub(crate) fn new() -> Self {
        let host = std::env::var("DOCKER_HOST").ok();
        let instance = Instance::new();
        let engine = connect::engine(ConnectOptions {
            host: EngineHost::from_variable(host.as_deref()).unwrap(),
            instance: instance.as_str().into(),
            publish_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            network: NetworkName::default(),
        });
        Self { engine, instance }
    }

    /// The identity of the registry whose engine this is.
    pub(crate) fn instance(&self) -> &str {
        self.instance.as_str()
    }
}

impl Harness for Docker {
    fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    fn image(&self) -> ImageRef {
        docker::image().parse().unwrap()
    }

    fn stubborn_command(&self) -> Vec<String> {
        [
            "/bin/sh",
            "-c",
            "trap '' TERM; while :; do sleep 3600 & wait $!; done",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn missing_command(&self) -> Vec<String> {
        vec!["/no/such/program".to_owned()]
    }

    fn make_foreign(&self) -> ContainerId {
        // It belongs to the registry and still came from none of its operations.
        let label = format!("spin-docker.instance={}", self.instance.as_str());
        docker(&["create", "--label", &label, docker::image()])
            .parse()
            .unwrap()
    }

    fn start(&self, id: ContainerId) {
        docker(&["start", &id.to_string()]);
    }

    fn stop(&self, id: ContainerId) {
        docker(&["stop", &id.to_string()]);
    }

    fn remove(&self, id: ContainerId) {
        docker(&["rm", "--force", "--volumes", &id.to_string()]);
    }

    fn pause(&self, id: ContainerId) {
        docker(&["pause", &id.to_string()]);
    }

    fn rename(&self, id: ContainerId, name: &Name) {
        docker(&["rename", &id.to_string(), name.as_str()]);
    }

    /// A signal from inside is the container's own affair. It is sent again until the main process has
    /// got as far as listening for it.
    fn exit(&self, id: ContainerId) {
        let insist = "while kill -TERM 1; do sleep 0.1; done";
        docker(&["exec", "--detach", &id.to_string(), "/bin/sh", "-c", insist]);
    }

    fn volume_of(&self, id: ContainerId) -> String {
        docker(&[
            "inspect",
            "--format",
            "{{range .Mounts}}{{.Name}}{{end}}",
            &id.to_string(),
        ])
    }

    fn has_volume(&self, volume: &str) -> bool {
        docker(&["volume", "ls", "--quiet"])
            .lines()
            .any(|other| other == volume)
    }
}
