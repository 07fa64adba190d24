//! The one place that decides how containers are run.
//!
//! A request chooses the image, the name, the environment, the command and two limits. Everything else
//! is the same for every container and is written down here. Nothing in the program reads a
//! `HostConfig` from outside, so nothing else of Docker's can be reached.
//!
//! What could be left to Docker's defaults stands here all the same where the engine's own settings could
//! change them. The whole body, as it goes to the engine, is in `policy/create.json`.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, PortBinding, PortMap,
    ResourcesUlimits, RestartPolicy, RestartPolicyNameEnum,
};

use crate::engine::ContainerSpec;

/// Label that names the create a container came from.
pub(super) const OPERATION_LABEL: &str = "spin-docker.operation";
/// Label that names the registry a container belongs to.
pub(super) const INSTANCE_LABEL: &str = "spin-docker.instance";

/// What a container may do of what only root may: to give files away, to become another user, to keep servers
/// and their helpers in order. With less, most images that start as root do not come up; `docs/images.md` names
/// them too. Of what Docker would add there is no raw socket (`NET_RAW`), so that nobody speaks from an address
/// that is not theirs, no device node (`MKNOD`), and no way to hand capabilities on (`SETPCAP`, `SETFCAP`).
const CAPABILITIES: [&str; 9] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
    "NET_BIND_SERVICE",
    "SETGID",
    "SETUID",
    "SYS_CHROOT",
];

/// Processes and threads in one container: a fork bomb stays inside.
const MOST_PROCESSES: i64 = 512;

/// Files that one process may have open. Without a number here it is the engine's own, which may be so large
/// that programs which look at each of them take minutes to start. It is small enough for an engine that has not
/// much itself: one in a container or without root cannot give more than it has, and starts nothing at all then.
const MOST_OPEN_FILES: i64 = 16_384;

/// Memory that processes share by name, in bytes. It counts as the container's.
const SHARED_MEMORY: i64 = 64 << 20;

/// The filter for containers of one registry.
pub(super) fn instance_label(instance: &str) -> String {
    format!("{INSTANCE_LABEL}={instance}")
}

/// Where containers belong, the same for all of one daemon.
pub(super) struct Placement<'daemon> {
    /// The identity of its registry.
    pub(super) instance: &'daemon str,
    /// The network they are put on.
    pub(super) network: &'daemon str,
    /// Where their ports are published.
    pub(super) publish_address: IpAddr,
}

/// The body of the create call.
pub(super) fn container(spec: &ContainerSpec, placement: &Placement<'_>) -> ContainerCreateBody {
    // An image may carry labels of the same names; those given here win over them.
    let labels = HashMap::from([
        (OPERATION_LABEL.to_owned(), spec.operation.to_string()),
        (INSTANCE_LABEL.to_owned(), placement.instance.to_owned()),
    ]);
    ContainerCreateBody {
        image: Some(spec.image.to_string()),
        env: Some(spec.environment.clone()),
        cmd: (!spec.command.is_empty()).then(|| spec.command.clone()),
        labels: Some(labels),
        // Nobody here asks whether a container is healthy, and an image may want that looked at a thousand times
        // a second, which costs the engine a process each time.
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        }),
        host_config: Some(host_config(spec, placement)),
        ..ContainerCreateBody::default()
    }
}

/// What the host gives a container. What is not set here is Docker's default, and that is none: no mount, no
/// device, no namespace of the host.
fn host_config(spec: &ContainerSpec, placement: &Placement<'_>) -> HostConfig {
    let memory = spec.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok());
    HostConfig {
        // Reachable: what its image exposes, at most 16 ports, never all of them by `PublishAllPorts`.
        network_mode: Some(placement.network.to_owned()),
        port_bindings: Some(port_bindings(spec, placement.publish_address)),
        publish_all_ports: Some(false),

        // Privileges. A program in the container cannot become more than the container is. The namespaces of
        // the host, and those of other containers, stay closed.
        privileged: Some(false),
        security_opt: Some(vec!["no-new-privileges".to_owned()]),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: Some(CAPABILITIES.map(str::to_owned).to_vec()),
        ipc_mode: Some("private".to_owned()),

        // Resources. Swap is part of the memory: a container that takes too much is ended, and does not make
        // the host slow before.
        memory,
        memory_swap: memory,
        nano_cpus: spec
            .nano_cpus
            .and_then(|billionths| i64::try_from(billionths).ok()),
        pids_limit: Some(MOST_PROCESSES),
        shm_size: Some(SHARED_MEMORY),
        ulimits: Some(vec![
            ulimit("nofile", MOST_OPEN_FILES),
            // What is left of a crash would fill the disk of the host.
            ulimit("core", 0),
        ]),

        // A container that talks without end fills 30 MB and no more.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "10m".to_owned()),
                ("max-file".to_owned(), "3".to_owned()),
            ])),
        }),

        // Whether a container runs, and whether it is removed, is our decision alone. Its main process is the
        // image's own and not an `Init` of Docker's: some images bring one that has to be the first process.
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        auto_remove: Some(false),
        ..HostConfig::default()
    }
}

/// No host port is named: the engine finds a free one at each start.
fn port_bindings(spec: &ContainerSpec, publish_address: IpAddr) -> PortMap {
    let binding = || PortBinding {
        host_ip: Some(publish_address.to_string()),
        host_port: Some(String::new()),
    };
    let bindings = spec.ports.iter();
    bindings
        .map(|port| (port.to_string(), Some(vec![binding()])))
        .collect()
}

fn ulimit(name: &str, value: i64) -> ResourcesUlimits {
    ResourcesUlimits {
        name: Some(name.to_owned()),
        soft: Some(value),
        hard: Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ContainerPort;

    /// Whatever is sent to Docker stands in that file: a change to it is a change to this.
    #[test]
    fn the_body_of_a_create_is_exactly_the_committed_one() {
        let spec = ContainerSpec {
            operation: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            image: "sd-postgres".parse().unwrap(),
            name: Some("hungry_bell".parse().unwrap()),
            environment: vec!["GREETING=hello".to_owned()],
            command: vec!["postgres".to_owned(), "-F".to_owned()],
            memory_bytes: Some(512 << 20),
            nano_cpus: Some(500_000_000),
            ports: vec![ContainerPort::SSH, ContainerPort::tcp(5432)],
        };
        let placement = Placement {
            instance: "fedcba9876543210fedcba9876543210",
            network: "spin-docker",
            publish_address: "127.0.0.1".parse().unwrap(),
        };
        // Through a value, which puts the keys in order.
        let body = serde_json::to_value(container(&spec, &placement)).unwrap();
        let committed: serde_json::Value = serde_json::from_str(include_str!("policy/create.json")).unwrap();
        assert_eq!(body, committed, "\n{body:#}");
    }

    #[test]
    fn a_container_without_limits_of_its_own_has_the_others_all_the_same() {
        let spec = ContainerSpec {
            operation: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            image: "sd-postgres".parse().unwrap(),
            name: None,
            environment: Vec::new(),
            command: Vec::new(),
            memory_bytes: None,
            nano_cpus: None,
            ports: Vec::new(),
        };
        let placement = Placement {
            instance: "fedcba9876543210fedcba9876543210",
            network: "spin-docker",
            publish_address: "127.0.0.1".parse().unwrap(),
        };
        let body = container(&spec, &placement);
        assert_eq!(body.cmd, None, "the image's own");
        let host = body.host_config.unwrap();
        assert_eq!(
            (host.memory, host.memory_swap, host.nano_cpus),
            (None, None, None)
        );
        assert_eq!(host.pids_limit, Some(512));
        assert_eq!(host.port_bindings, Some(HashMap::new()));
    }
}
