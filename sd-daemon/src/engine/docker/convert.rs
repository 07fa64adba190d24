//! Maps responses of the engine to the types of the domain. Pure.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use bollard::models::{ImageInspect, ImageSummary, NetworkInspect};
use sd_client::quantity;

use super::inspection::{Endpoint, Inspection, Ports, State, Summary};
use crate::domain::{
    ContainerId, Endpoints, Exit, Image, Limits, LiveState, Name, Observation, ObservedState, ProcessId,
    RunId, TimeLimit,
};
use crate::engine::{EngineError, LabelledContainer, Managed, labels};

/// The tags of images, sorted.
pub(super) fn tags(images: Vec<ImageSummary>) -> Vec<String> {
    let mut tags: Vec<_> = images
        .into_iter()
        .flat_map(|image| image.repo_tags)
        .filter(|tag| !tag.contains("<none>"))
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// The ports, limits and labels that an image declares.
pub(super) fn image(image: ImageInspect) -> Image {
    let config = image.config.unwrap_or_default();
    let mut exposed: Vec<_> = config
        .exposed_ports
        .unwrap_or_default()
        .iter()
        .filter_map(|port| port.parse().ok())
        .collect();
    exposed.sort_unstable();
    exposed.dedup();
    let labels = config.labels.unwrap_or_default();
    let (limits, bad_label) = match labelled_limits(&labels) {
        Ok(limits) => (limits, None),
        Err(reason) => (Limits::default(), Some(reason)),
    };
    Image {
        exposed,
        app_port: labelled_app_port(Some(&labels)),
        limits,
        bad_label,
    }
}

/// The limits that labels set, or the reason why a label is invalid.
fn labelled_limits(labels: &HashMap<String, String>) -> Result<Limits, String> {
    let limit = |label: &str| -> Result<Option<TimeLimit>, String> {
        let Some(text) = labels.get(label) else {
            return Ok(None);
        };
        let limit: Result<quantity::TimeLimit, _> = text.parse();
        limit
            .map(|limit| Some(limit.into()))
            .map_err(|error| format!("its label {label}: {error}"))
    };
    Ok(Limits {
        idle_timeout: limit(labels::IDLE_TIMEOUT)?,
        max_lifetime: limit(labels::MAX_LIFETIME)?,
        remove_after: limit(labels::REMOVE_AFTER)?,
    })
}

/// Returns the id of a container, or `None` if the text is not one: ids are 64 lower-case hex digits. Names and
/// prefixes, which other programs write in the same places, are not ids.
pub(super) fn container_id(text: &str) -> Option<ContainerId> {
    let is_id = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_id.then(|| text.parse().ok())?
}

/// Whether the engine is removing a container.
pub(super) fn is_being_removed(container: &Inspection) -> bool {
    let status = container.state.as_ref().and_then(|state| state.status.as_deref());
    matches!(status, Some("removing" | "dead"))
}

/// The state that an inspection shows. `signalled` means that the current run received a signal from outside.
pub(super) fn observation(
    id: ContainerId,
    container: Inspection,
    publish_address: IpAddr,
    signalled: bool,
) -> Result<Observation, EngineError> {
    // A name that was given outside spin-docker may be one that the API does not accept. The id always is one.
    let name = container
        .name
        .as_deref()
        .unwrap_or_default()
        .parse()
        .or_else(|_| id.short().parse::<Name>());
    let name = name.map_err(|error| EngineError::Rejected(error.to_string()))?;
    let state = container.state.unwrap_or_default();
    let settings = container.network_settings.unwrap_or_default();
    let run = RunId::new(state.started_at.as_deref().unwrap_or_default());
    let live = |live_state| {
        let app = labelled_app_port(container.config.unwrap_or_default().labels.as_ref());
        ObservedState::Live {
            run: run.clone(),
            state: live_state,
            endpoints: endpoints(settings.ports.unwrap_or_default(), app, publish_address),
            addresses: addresses(settings.networks.unwrap_or_default()),
            process: state
                .pid
                .and_then(|number| ProcessId::new(u32::try_from(number).ok()?)),
        }
    };
    let state = match state.status.as_deref() {
        None | Some("") => {
            return Err(EngineError::Rejected("the inspection has no status".to_owned()));
        }
        // Podman reports `configured` for a container that was never started.
        Some("created" | "configured") => ObservedState::Created,
        Some("running" | "restarting") => live(LiveState::Running),
        Some("paused") => live(LiveState::Paused),
        // Podman reports `stopped` until it has cleaned up.
        Some("exited" | "stopped" | "dead" | "removing") => ObservedState::Ended {
            run,
            exit: exit(&state, signalled),
        },
        // Podman's `initialized` and `stopping` lead to another state within moments.
        Some(_) => ObservedState::Unknown,
    };
    Ok(Observation { name, state })
}

/// A container with an operation label. Returns `None` if the label is missing or invalid.
pub(super) fn managed(container: &Summary) -> Option<Managed> {
    Some(Managed {
        id: container_id(container.id.as_deref()?)?,
        operation: container.labels.as_ref()?.get(labels::OPERATION)?.parse().ok()?,
    })
}

/// A container with an instance label. Returns `None` if the label is missing.
pub(super) fn labelled(container: Summary) -> Option<LabelledContainer> {
    let name = container.names.and_then(|names| names.into_iter().next());
    Some(LabelledContainer {
        id: container_id(&container.id?)?,
        instance: container.labels?.remove(labels::INSTANCE)?,
        name: name.unwrap_or_default(),
        image: container.image.unwrap_or_default(),
        state: container.status.unwrap_or_default(),
    })
}

/// The networks of a container, whether it runs or not.
pub(super) fn networks(container: &Summary) -> impl Iterator<Item = &str> {
    let settings = container.network_settings.as_ref();
    let networks = settings.and_then(|settings| settings.networks.as_ref());
    networks.into_iter().flat_map(HashMap::keys).map(String::as_str)
}

/// The host's IPv4 address in a network. Docker omits it if Docker chose the address; it is then the first one of
/// the subnet.
pub(super) fn gateway(network: NetworkInspect) -> Option<IpAddr> {
    let configs = network.ipam?.config?;
    let mut gateways = configs.into_iter().filter_map(|config| match config.gateway {
        Some(gateway) if !gateway.is_empty() => gateway.parse::<Ipv4Addr>().ok(),
        Some(_) | None => first_address(&config.subnet?),
    });
    gateways.next().map(IpAddr::V4)
}

fn first_address(subnet: &str) -> Option<Ipv4Addr> {
    let network: Ipv4Addr = subnet.split_once('/')?.0.parse().ok()?;
    Some(Ipv4Addr::from(u32::from(network).checked_add(1)?))
}

fn exit(state: &State, signalled: bool) -> Exit {
    let code = state.exit_code.unwrap_or_default();
    if state.oom_killed.unwrap_or_default() {
        Exit::OutOfMemory
    } else if signalled {
        Exit::Killed
    } else {
        Exit::Exited { code }
    }
}

fn labelled_app_port(labels: Option<&HashMap<String, String>>) -> Option<u16> {
    labels?.get(labels::APP_PORT)?.parse().ok()
}

/// With IPv6 every port has two bindings on two host ports. The one on the requested address counts.
fn endpoints(ports: Ports, labelled_app: Option<u16>, publish_address: IpAddr) -> Endpoints {
    let mut published = BTreeMap::new();
    for (port, bindings) in ports {
        let Ok(port) = port.parse() else { continue };
        let bound: Vec<(Option<IpAddr>, u16)> = bindings
            .unwrap_or_default()
            .into_iter()
            .filter_map(|binding| {
                let address = binding.host_ip.and_then(|address| address.parse().ok());
                Some((address, binding.host_port?.parse().ok()?))
            })
            .collect();
        let requested = bound
            .iter()
            .find(|(address, _)| *address == Some(publish_address));
        if let Some((_, host_port)) = requested.or(bound.first()) {
            published.insert(port, *host_port);
        }
    }
    Endpoints::new(published, labelled_app)
}

fn addresses(networks: HashMap<String, Endpoint>) -> Vec<IpAddr> {
    let texts = networks
        .into_values()
        .flat_map(|network| [network.ip_address, network.global_ipv6_address]);
    let mut addresses: Vec<IpAddr> = texts.flatten().filter_map(|text| text.parse().ok()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "2cd8a1b037d8752a481b373f225ac72ced9ec89ba784b7868dbb784072358f0e";

    fn observe(json: serde_json::Value, signalled: bool) -> Result<Observation, EngineError> {
        let inspected = serde_json::from_value(json).unwrap();
        observation(
            ID.parse().unwrap(),
            inspected,
            "127.0.0.1".parse().unwrap(),
            signalled,
        )
    }

    #[test]
    fn running_container_has_ports_and_addresses() {
        let seen = observe(
            serde_json::json!({
                "Name": "/hungry_bell",
                "State": { "Status": "running", "StartedAt": "2026-03-01T14:02:11.25Z" },
                "Config": { "Labels": { "spin-docker.app-port": "5432" } },
                "NetworkSettings": {
                    "Ports": {
                        "22/tcp": [{ "HostIp": "::1", "HostPort": "1" }, { "HostIp": "127.0.0.1", "HostPort": "49155" }],
                        "80/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "49156" }],
                        "5432/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "49157" }],
                        "9/udp": null,
                    },
                    "Networks": { "bridge": { "IPAddress": "172.17.0.2", "GlobalIPv6Address": "" } },
                },
            }),
            false,
        );
        let Observation {
            name,
            state:
                ObservedState::Live {
                    run,
                    state,
                    endpoints,
                    addresses,
                    ..
                },
        } = seen.unwrap()
        else {
            panic!("not live")
        };
        assert_eq!(name.as_str(), "hungry_bell");
        assert_eq!(run.as_str(), "2026-03-01T14:02:11.25Z");
        assert_eq!(state, LiveState::Running);
        assert_eq!(
            (endpoints.ssh(), endpoints.app(), endpoints.ports().len()),
            (Some(49155), Some(49157), 3)
        );
        assert_eq!(addresses, ["172.17.0.2".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn signals_and_exit_codes_decide_how_a_container_ended() {
        let cases = [
            (0, false, false, Exit::Exited { code: 0 }),
            (1, false, false, Exit::Exited { code: 1 }),
            (137, false, false, Exit::Exited { code: 137 }),
            (143, false, false, Exit::Exited { code: 143 }),
            (0, false, true, Exit::Killed),
            (137, true, true, Exit::OutOfMemory),
        ];
        for (code, out_of_memory, signalled, expected) in cases {
            let state =
                serde_json::json!({ "Status": "exited", "ExitCode": code, "OOMKilled": out_of_memory });
            let seen = observe(serde_json::json!({ "Name": "/ab", "State": state }), signalled).unwrap();
            assert!(
                matches!(seen.state, ObservedState::Ended { exit, .. } if exit == expected),
                "{code} {out_of_memory} {signalled}"
            );
        }
    }

    #[test]
    fn invalid_name_is_replaced_by_the_short_id() {
        let state = serde_json::json!({ "Status": "created" });
        let seen = observe(
            serde_json::json!({ "Name": "/\u{1b}[31m", "State": state }),
            false,
        )
        .unwrap();
        assert_eq!(seen.name.as_str(), &ID[..12]);
    }

    #[test]
    fn inspection_without_a_status_is_an_error() {
        assert!(observe(serde_json::json!({ "Name": "/ab" }), false).is_err());
    }

    #[test]
    fn states_of_other_engines_are_mapped_or_unknown() {
        let state = |status: &str| {
            let seen = observe(
                serde_json::json!({ "Name": "/ab", "State": { "Status": status } }),
                false,
            );
            seen.unwrap().state
        };
        for created in ["created", "configured"] {
            assert_eq!(state(created), ObservedState::Created, "{created}");
        }
        for ended in ["exited", "stopped", "dead", "removing"] {
            assert!(matches!(state(ended), ObservedState::Ended { .. }), "{ended}");
        }
        for unknown in ["initialized", "stopping", "hibernating"] {
            assert_eq!(state(unknown), ObservedState::Unknown, "{unknown}");
        }
    }

    #[test]
    fn container_id_of_docker_is_64_hex_digits() {
        assert_eq!(container_id(ID), ID.parse().ok());
        for text in [
            "",
            "web",
            &ID[..12],
            &ID.to_uppercase(),
            &format!("{}-", &ID[1..]),
        ] {
            assert_eq!(container_id(text), None, "{text}");
        }
    }

    #[test]
    fn omitted_gateway_is_the_first_address() {
        let of = |config| {
            gateway(serde_json::from_value(serde_json::json!({ "IPAM": { "Config": config } })).unwrap())
        };
        let first = Some("172.17.0.1".parse().unwrap());
        assert_eq!(of(serde_json::json!([{ "Subnet": "172.17.0.0/16" }])), first);
        assert_eq!(
            of(serde_json::json!([{ "Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1" }])),
            first
        );
        assert_eq!(
            of(serde_json::json!([{ "Subnet": "fd00::/64" }, { "Subnet": "172.17.0.0/16" }])),
            first
        );
        assert_eq!(of(serde_json::json!([])), None);
    }

    #[test]
    fn tags_are_sorted_without_unnamed_images() {
        let image = |tags: &[&str]| ImageSummary {
            repo_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..ImageSummary::default()
        };
        let images = vec![
            image(&["web:2", "web:1"]),
            image(&["<none>:<none>"]),
            image(&[]),
            image(&["db:latest"]),
        ];
        assert_eq!(tags(images), ["db:latest", "web:1", "web:2"]);
    }
}
