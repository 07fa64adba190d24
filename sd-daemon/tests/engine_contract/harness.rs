//! The engines under test, and another user of each engine.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::Arc;

use sd_daemon::domain::{ContainerId, ContainerPort, Image, ImageRef, Name, OperationId};
use sd_daemon::engine::fake::FakeEngine;
use sd_daemon::engine::{ConnectOptions, ContainerSpec, Engine, EngineHost, NetworkName, connect};

use crate::docker::{self, docker};
use crate::instance::Instance;
use crate::registry::ImageRegistry;

/// An engine under test, with another user of it.
pub(crate) trait Harness {
    /// The engine.
    fn engine(&self) -> &dyn Engine;
    /// An image that exposes 22 and 8000, has one anonymous volume, and whose main process handles the stop signal.
    fn image(&self) -> ImageRef;
    /// A command whose process ignores the stop signal.
    fn stubborn_command(&self) -> Vec<String>;
    /// A command that the image does not contain.
    fn missing_command(&self) -> Vec<String>;
    /// A command that writes `out` to standard output and `err` to standard error and continues to run.
    fn printing_command(&self) -> Vec<String>;
    /// A command for exec that copies its input to its output.
    fn copying_command(&self) -> Vec<String>;
    /// A command for exec that exits with a code.
    fn exiting_command(&self, code: u8) -> Vec<String>;
    /// Makes an image available to pulls that the engine does not have.
    fn offer_image(&self) -> RemoteImage;

    /// Creates a container without an operation label.
    fn make_foreign(&self) -> ContainerId;
    /// Starts a container.
    fn start(&self, id: ContainerId);
    /// Stops a container.
    fn stop(&self, id: ContainerId);
    /// Removes a container.
    fn remove(&self, id: ContainerId);
    /// Pauses a container.
    fn pause(&self, id: ContainerId);
    /// Gives a container another name.
    fn rename(&self, id: ContainerId, name: &Name);
    /// Makes the main process exit by itself.
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

/// An image that can be pulled.
pub(crate) struct RemoteImage {
    image: ImageRef,
    /// Where it is, and whether its tag must be removed from the engine.
    registry: Option<ImageRegistry>,
}

impl RemoteImage {
    /// Its name.
    pub(crate) fn image(&self) -> &ImageRef {
        &self.image
    }
}

impl Drop for RemoteImage {
    fn drop(&mut self) {
        if self.registry.is_some() {
            let removed = Command::new("docker").args(["rmi", self.image.as_str()]).output();
            // A failure means that it was not pulled.
            drop(removed);
        }
    }
}

/// A random operation id.
pub(crate) fn new_operation() -> OperationId {
    docker::random().parse().unwrap()
}

/// A random name.
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

    fn printing_command(&self) -> Vec<String> {
        vec![FakeEngine::PRINTING_PROGRAM.to_owned()]
    }

    fn copying_command(&self) -> Vec<String> {
        vec![FakeEngine::COPYING_PROGRAM.to_owned()]
    }

    fn exiting_command(&self, code: u8) -> Vec<String> {
        vec![FakeEngine::EXITING_PROGRAM.to_owned(), code.to_string()]
    }

    fn offer_image(&self) -> RemoteImage {
        self.engine.add_remote_image("offered:1", Image::default());
        RemoteImage {
            image: "offered:1".parse().unwrap(),
            registry: None,
        }
    }

    fn make_foreign(&self) -> ContainerId {
        self.engine.create_externally("foreign", None)
    }

    fn start(&self, id: ContainerId) {
        self.engine.start_externally(id);
    }

    fn stop(&self, id: ContainerId) {
        self.engine.stop_externally(id);
    }

    fn remove(&self, id: ContainerId) {
        self.engine.remove_externally(id);
    }

    fn pause(&self, id: ContainerId) {
        self.engine.pause_externally(id);
    }

    fn rename(&self, id: ContainerId, name: &Name) {
        self.engine.rename_externally(id, name.clone());
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

    fn printing_command(&self) -> Vec<String> {
        let script = "echo out; echo err >&2; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";
        ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
    }

    fn copying_command(&self) -> Vec<String> {
        ["/bin/busybox", "cat"].map(str::to_owned).to_vec()
    }

    fn exiting_command(&self, code: u8) -> Vec<String> {
        vec!["/bin/sh".to_owned(), "-c".to_owned(), format!("exit {code}")]
    }

    fn offer_image(&self) -> RemoteImage {
        let registry = ImageRegistry::start();
        let image = registry.offer(docker::image()).parse().unwrap();
        RemoteImage {
            image,
            registry: Some(registry),
        }
    }

    fn make_foreign(&self) -> ContainerId {
        // It has the instance label but no operation label.
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

    /// Sends the signal from inside, so that Docker reports no signal. It is repeated until the main process handles it.
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
