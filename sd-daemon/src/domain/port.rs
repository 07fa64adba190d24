//! Ports of a container, and the host ports on which they are published.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::Invalid;

/// A transport protocol that the engine can publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    const ALL: [(Self, &'static str); 3] = [(Self::Tcp, "tcp"), (Self::Udp, "udp"), (Self::Sctp, "sctp")];
}

/// A port inside a container: `22/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerPort {
    /// 1 to 65535.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

impl ContainerPort {
    /// The SSH port.
    pub const SSH: Self = Self::tcp(22);

    /// The number, or `None` if it is not a TCP port.
    pub fn tcp_number(self) -> Option<u16> {
        (self.protocol == Protocol::Tcp).then_some(self.number)
    }

    /// A TCP port.
    pub const fn tcp(number: u16) -> Self {
        Self {
            number,
            protocol: Protocol::Tcp,
        }
    }
}

impl fmt::Display for ContainerPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Protocol::ALL
            .iter()
            .find(|(protocol, _)| *protocol == self.protocol)
            .map_or("", |(_, name)| name);
        write!(formatter, "{}/{name}", self.number)
    }
}

impl FromStr for ContainerPort {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        const INVALID: Invalid = Invalid("must be a port such as 22/tcp");
        let (number, name) = text.split_once('/').unwrap_or((text, "tcp"));
        let number = number.parse().ok().filter(|number| *number != 0).ok_or(INVALID)?;
        let (protocol, _) = Protocol::ALL
            .into_iter()
            .find(|(_, known)| *known == name)
            .ok_or(INVALID)?;
        Ok(Self { number, protocol })
    }
}

/// The published ports of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    ports: BTreeMap<ContainerPort, u16>,
    app: Option<ContainerPort>,
}

impl Endpoints {
    /// Endpoints from published ports and the application's port in the image's label.
    pub fn new(ports: BTreeMap<ContainerPort, u16>, labelled_app: Option<u16>) -> Self {
        let app = app_port(ports.keys().copied(), labelled_app);
        Self { ports, app }
    }

    /// Endpoints from stored ports and the stored application's port.
    pub fn restore(ports: BTreeMap<ContainerPort, u16>, app: Option<ContainerPort>) -> Self {
        Self { ports, app }
    }

    /// The host port of each container port.
    pub fn ports(&self) -> &BTreeMap<ContainerPort, u16> {
        &self.ports
    }

    /// The container port of the application.
    pub fn app_port(&self) -> Option<ContainerPort> {
        self.app
    }

    /// The host port of SSH.
    pub fn ssh(&self) -> Option<u16> {
        self.ports.get(&ContainerPort::SSH).copied()
    }

    /// The host port of the application.
    pub fn app(&self) -> Option<u16> {
        self.ports.get(&self.app?).copied()
    }
}

/// The application's port: the labelled one if it is exposed, else the lowest TCP port other than SSH.
pub(super) fn app_port(
    ports: impl Iterator<Item = ContainerPort> + Clone,
    labelled: Option<u16>,
) -> Option<ContainerPort> {
    let labelled = labelled
        .map(ContainerPort::tcp)
        .filter(|label| ports.clone().any(|port| port == *label));
    let lowest = || {
        ports
            .filter(|port| port.protocol == Protocol::Tcp && *port != ContainerPort::SSH)
            .min()
    };
    labelled.or_else(lowest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(ports: &[&str], labelled: Option<u16>) -> Endpoints {
        let host_ports = 49_153..;
        Endpoints::new(
            ports
                .iter()
                .map(|port| port.parse().unwrap())
                .zip(host_ports)
                .collect(),
            labelled,
        )
    }

    #[test]
    fn ssh_is_22_and_the_app_is_the_lowest_other_tcp_port() {
        let endpoints = endpoints(&["22/tcp", "8000/tcp", "80/udp", "443/tcp"], None);
        assert_eq!((endpoints.ssh(), endpoints.app()), (Some(49_153), Some(49_156)));
    }

    #[test]
    fn label_names_the_app_port_if_it_is_exposed() {
        assert_eq!(endpoints(&["80/tcp", "5432/tcp"], Some(5432)).app(), Some(49_154));
        assert_eq!(endpoints(&["80/tcp", "5432/tcp"], Some(9999)).app(), Some(49_153));
    }

    #[test]
    fn container_without_ports_has_no_endpoints() {
        let endpoints = endpoints(&[], None);
        assert_eq!(
            (endpoints.ssh(), endpoints.app(), endpoints.ports().len()),
            (None, None, 0)
        );
    }

    #[test]
    fn ports_parse_what_they_print() {
        for text in ["22/tcp", "53/udp", "9/sctp"] {
            assert_eq!(text.parse::<ContainerPort>().unwrap().to_string(), text);
        }
        for wrong in ["", "0/tcp", "65536/tcp", "22/icmp", "x/tcp", "22/"] {
            assert!(wrong.parse::<ContainerPort>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_tcp_ports_have_a_tcp_number() {
        let number = |text: &str| text.parse::<ContainerPort>().unwrap().tcp_number();
        assert_eq!((number("22/tcp"), number("22/udp")), (Some(22), None));
    }

    #[test]
    fn restored_endpoints_equal_the_stored_ones() {
        let stored = endpoints(&["22/tcp", "5432/tcp", "80/tcp"], Some(5432));
        let restored = Endpoints::restore(stored.ports().clone(), stored.app_port());
        assert_eq!(restored, stored);
        assert_eq!(restored.ports().len(), 3);
        assert_eq!(restored.app_port(), Some(ContainerPort::tcp(5432)));
    }
}
