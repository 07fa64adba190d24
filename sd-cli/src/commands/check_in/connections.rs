//! Counts the connections a container serves, from the kernel's own table.
//!
//! Loopback peers are left out: a health check from inside the container is not somebody using it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::{fs, io};

/// The kernel's TCP tables; the second is missing where IPv6 is turned off.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
/// `TCP_ESTABLISHED` of `net/tcp_states.h`.
const ESTABLISHED: &str = "01";

/// How many established connections from elsewhere end at one of these local ports.
pub(crate) fn count(ports: &[u16]) -> io::Result<usize> {
    let mut connections = 0;
    for table in TABLES {
        match fs::read_to_string(table) {
            Ok(text) => connections += count_in(&text, ports),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(connections)
}

fn count_in(table: &str, ports: &[u16]) -> usize {
    table
        .lines()
        .skip(1)
        .filter_map(established)
        .filter(|(port, peer)| ports.contains(port) && !peer.is_loopback())
        .count()
}

/// Local port and peer of a line, when it is an established connection.
///
/// Columns: `sl local_address rem_address st …`.
fn established(line: &str) -> Option<(u16, IpAddr)> {
    let mut columns = line.split_whitespace().skip(1);
    let (local, peer, state) = (columns.next()?, columns.next()?, columns.next()?);
    if state != ESTABLISHED {
        return None;
    }
    let (_, port) = local.split_once(':')?;
    let (address, _) = peer.split_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, parse_address(address)?))
}

/// An address as the kernel prints it: words of 32 bits, each a number of its own byte order.
fn parse_address(hex: &str) -> Option<IpAddr> {
    match hex.len() {
        8 => Some(Ipv4Addr::from(parse_word(hex)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (index, word) in bytes.chunks_exact_mut(4).enumerate() {
                word.copy_from_slice(&parse_word(hex.get(index * 8..index * 8 + 8)?)?);
            }
            // A server of both families sees its IPv4 peers as `::ffff:a.b.c.d`.
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

fn parse_word(hex: &str) -> Option<[u8; 4]> {
    u32::from_str_radix(hex, 16).ok().map(u32::to_ne_bytes)
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 020011AC:1538 010011AC:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0100007F:1538 0100007F:C351 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 020011AC:1538 010011AC:C352 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
   4: 020011AC:0016 010011AC:C353 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
   5: 020011AC:C354 0500000A:1538 01 00000000:00000000 00:00000000 00000000     0        0 5 1 0 20 4 30 10 -1
";

    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:1538 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 0000000000000000FFFF0000020011AC:1538 0000000000000000FFFF0000010011AC:D350 01 00000000:00000000
   2: 0000000000000000FFFF00000100007F:1538 0000000000000000FFFF00000100007F:D351 01 00000000:00000000
   3: 00000000000000000000000001000000:1538 00000000000000000000000001000000:D352 01 00000000:00000000
   4: B80D0120000000000000000002000000:1538 B80D0120000000000000000001000000:D353 01 00000000:00000000
";

    #[test]
    fn established_connections_from_elsewhere_count() {
        assert_eq!(count_in(TCP, &[5432]), 1);
        assert_eq!(count_in(TCP, &[22]), 1);
        assert_eq!(count_in(TCP, &[22, 5432]), 2);
        assert_eq!(count_in(TCP, &[80]), 0);
    }

    #[test]
    fn mapped_and_native_loopback_peers_do_not_count() {
        assert_eq!(count_in(TCP6, &[5432]), 2);
    }

    #[test]
    fn addresses_are_read_in_the_kernels_byte_order() {
        assert_eq!(parse_address("010011AC").unwrap().to_string(), "172.17.0.1");
        assert_eq!(
            parse_address("B80D0120000000000000000001000000")
                .unwrap()
                .to_string(),
            "2001:db8::1"
        );
    }

    #[test]
    fn a_broken_table_counts_nothing() {
        for table in [
            "",
            "header only\n",
            "header\nnonsense\n",
            "header\n 0: x:y z:w 01\n",
        ] {
            assert_eq!(count_in(table, &[5432]), 0);
        }
    }
}
