//! The default gateway of this container, which is an address of the daemon's host.
//!
//! IPv4 only: the daemon accepts check-ins on the IPv4 address of the container network.

use std::net::Ipv4Addr;

use procfs::net::{RouteEntry, route};

/// `RTF_UP` and `RTF_GATEWAY` of `linux/route.h`.
const UP_THROUGH_GATEWAY: u16 = 0x1 | 0x2;

/// The default gateway. Returns `None` if this process has no network or no default route.
pub(super) fn default_gateway() -> Option<Ipv4Addr> {
    route().ok().and_then(|routes| gateway_of(&routes))
}

/// The gateway of the default route with the lowest metric, which the kernel prefers.
fn gateway_of(routes: &[RouteEntry]) -> Option<Ipv4Addr> {
    routes
        .iter()
        .filter(|route| route.destination.is_unspecified() && route.mask.is_unspecified())
        .filter(|route| route.flags & UP_THROUGH_GATEWAY == UP_THROUGH_GATEWAY)
        .min_by_key(|route| route.metrics)
        .map(|route| route.gateway)
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use procfs::FromRead;
    use procfs::net::RouteEntries;

    use super::*;

    const HEADER: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn gateway_in(lines: &[&str]) -> Option<Ipv4Addr> {
        let table = format!("{HEADER}{}\n", lines.join("\n"));
        gateway_of(
            &RouteEntries::from_read(table.as_bytes())
                .expect("well-formed routes")
                .0,
        )
    }

    #[test]
    fn gateway_of_a_container_is_found() {
        let gateway = gateway_in(&[
            "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0",
            "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
        ]);
        assert_eq!(gateway, Some(Ipv4Addr::new(172, 17, 0, 1)));
    }

    #[test]
    fn route_with_the_lowest_metric_is_preferred() {
        let gateway = gateway_in(&[
            "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0",
            "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0",
        ]);
        assert_eq!(gateway, Some(Ipv4Addr::new(10, 0, 0, 1)));
    }

    #[test]
    fn other_routes_are_ignored() {
        for line in [
            "eth0\t000011AC\t010011AC\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0",
            "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000080\t0\t0\t0",
            "eth0\t00000000\t010011AC\t0002\t0\t0\t0\t00000000\t0\t0\t0",
            "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0",
        ] {
            assert_eq!(gateway_in(&[line]), None, "{line}");
        }
        assert_eq!(gateway_of(&[]), None);
    }
}
