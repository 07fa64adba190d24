//! Counts the connections of this container in the TCP tables of the kernel.
//!
//! Connections from loopback are not counted: a health check from inside the container is not a client.

use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
use procfs::{ProcError, ProcResult};

/// The number of established connections from other hosts to these local ports.
pub(super) fn count(ports: &[u16]) -> ProcResult<usize> {
    let mut connections = count_in(&tcp()?, ports);
    match tcp6() {
        Ok(table) => connections += count_in(&table, ports),
        // The kernel has no such table if IPv6 is disabled.
        Err(ProcError::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(connections)
}

fn count_in(table: &[TcpNetEntry], ports: &[u16]) -> usize {
    table
        .iter()
        .filter(|entry| entry.state == TcpState::Established && ports.contains(&entry.local_address.port()))
        // An IPv6 socket shows IPv4 peers as `::ffff:a.b.c.d`.
        .filter(|entry| !entry.remote_address.ip().to_canonical().is_loopback())
        .count()
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use procfs::FromReadSI;
    use procfs::net::TcpNetEntries;

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
   0: 00000000000000000000000000000000:1538 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0000000000000000FFFF0000020011AC:1538 0000000000000000FFFF0000010011AC:D350 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0000000000000000FFFF00000100007F:1538 0000000000000000FFFF00000100007F:D351 01 00000000:00000000 00:00000000 00000000     0        0 3
   3: 00000000000000000000000001000000:1538 00000000000000000000000001000000:D352 01 00000000:00000000 00:00000000 00000000     0        0 4
   4: B80D0120000000000000000002000000:1538 B80D0120000000000000000001000000:D353 01 00000000:00000000 00:00000000 00000000     0        0 5
";

    fn count_in_text(table: &str, ports: &[u16]) -> ProcResult<usize> {
        let entries = TcpNetEntries::from_read(table.as_bytes(), procfs::current_system_info())?;
        Ok(count_in(&entries.0, ports))
    }

    #[test]
    fn established_connections_from_other_hosts_count() {
        for (ports, connections) in [(&[5432][..], 1), (&[22], 1), (&[22, 5432], 2), (&[80], 0)] {
            assert_eq!(count_in_text(TCP, ports).unwrap(), connections, "{ports:?}");
        }
    }

    #[test]
    fn mapped_and_native_loopback_peers_do_not_count() {
        assert_eq!(count_in_text(TCP6, &[5432]).unwrap(), 2);
    }

    #[test]
    fn malformed_table_is_an_error() {
        assert!(count_in_text("header\nnonsense\n", &[5432]).is_err());
    }
}
