//! The default gateway, which is where a container finds the daemon's host.
//!
//! It is read from the kernel's table and never from a command's output. IPv4 only: the daemon
//! listens for check-ins at the IPv4 address of the container network.

use std::fs;
use std::net::Ipv4Addr;

/// The kernel's IPv4 routes.
const ROUTES: &str = "/proc/net/route";
/// `RTF_UP` and `RTF_GATEWAY` of `linux/route.h`.
const UP_THROUGH_GATEWAY: u32 = 0x1 | 0x2;

/// The default gateway of the network this process is in; none without a network.
pub(crate) fn default_gateway() -> Option<Ipv4Addr> {
    fs::read_to_string(ROUTES).ok().and_then(|routes| parse(&routes))
}

/// Of several default routes the one the kernel prefers, which is the one of the lowest metric.
fn parse(routes: &str) -> Option<Ipv4Addr> {
    routes
        .lines()
        .skip(1)
        .filter_map(default_route)
        .min_by_key(|(metric, _)| *metric)
        .map(|(_, gateway)| gateway)
}

/// Metric and gateway of a line, when it is a default route that is up.
///
/// Columns: `Iface Destination Gateway Flags RefCnt Use Metric Mask …`.
fn default_route(line: &str) -> Option<(u32, Ipv4Addr)> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [_, destination, gateway, flags, _, _, metric, mask, ..] = columns[..] else {
        return None;
    };
    let hex = |column| u32::from_str_radix(column, 16).ok();
    let is_default = hex(destination)? == 0 && hex(mask)? == 0;
    let is_usable = hex(flags)? & UP_THROUGH_GATEWAY == UP_THROUGH_GATEWAY;
    // The kernel prints the address as a number of its own byte order: little-endian on most machines.
    let gateway = Ipv4Addr::from(hex(gateway)?.to_ne_bytes());
    (is_default && is_usable).then_some((metric.parse().ok()?, gateway))
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const HEADER: &str =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

    fn gateway_of(lines: &[&str]) -> Option<Ipv4Addr> {
        parse(&format!("{HEADER}{}\n", lines.join("\n")))
    }

    #[test]
    fn the_gateway_of_a_container_is_found() {
        let gateway = gateway_of(&[
            "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0",
            "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
        ]);
        assert_eq!(gateway, Some(Ipv4Addr::new(172, 17, 0, 1)));
    }

    #[test]
    fn the_lowest_metric_wins() {
        let gateway = gateway_of(&[
            "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0",
            "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0",
        ]);
        assert_eq!(gateway, Some(Ipv4Addr::new(10, 0, 0, 1)));
    }

    #[test]
    fn other_routes_are_not_the_gateway() {
        for line in [
            "eth0\t000011AC\t010011AC\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0",
            "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000080\t0\t0\t0",
            "eth0\t00000000\t010011AC\t0002\t0\t0\t0\t00000000\t0\t0\t0",
            "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0",
            "eth0\t00000000",
            "eth0\tzz\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0",
        ] {
            assert_eq!(gateway_of(&[line]), None, "{line}");
        }
        assert_eq!(parse(""), None);
    }
}
