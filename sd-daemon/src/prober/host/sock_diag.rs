//! The netlink socket that reports the TCP connections of one network namespace.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::message::{Connection, Message, messages, request};

/// The groups `SKNLGRP_INET_TCP_DESTROY` and `SKNLGRP_INET6_TCP_DESTROY`, the first and the third, as a mask.
const ENDED_CONNECTIONS: u32 = 0b101;

/// The kernel puts at most this many bytes into a datagram.
const DATAGRAM: usize = 32 * 1024;

/// The maximum number of datagrams of one list, enough for half a million connections.
const MAX_DATAGRAMS: usize = 8 * 1024;

/// The maximum number of reports about ended connections to read at a time. The kernel queues about 200; more arrive
/// only if connections end as fast as the reports are read, which could continue without limit.
const MAX_REPORTS: usize = 1024;

/// A `NETLINK_SOCK_DIAG` socket. It belongs to the namespace that it was opened in and keeps the namespace alive.
pub(super) struct SockDiag {
    socket: OwnedFd,
    /// The number of the last request.
    sequence: u32,
}

/// The buffer for one datagram, shared by all sockets.
pub(super) struct ReceiveBuffer(Box<[u8]>);

impl ReceiveBuffer {
    pub(super) fn new() -> Self {
        Self(vec![0; DATAGRAM].into())
    }
}

impl SockDiag {
    /// Opens a socket in the namespace of this thread. The kernel reports connections that end from now on.
    pub(super) fn open() -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(SOCK_DIAG))?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, ENDED_CONNECTIONS))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Reads the reports about ended connections. If the kernel's queue was full, later reports are lost.
    pub(super) fn ended(
        &self,
        buffer: &mut ReceiveBuffer,
        mut ended: impl FnMut(Connection),
    ) -> Result<(), Errno> {
        for _ in 0..MAX_REPORTS {
            match self.receive(buffer) {
                Ok(datagram) => {
                    for message in messages(datagram, self.sequence) {
                        if let Message::Ended(connection) = message {
                            ended(connection);
                        }
                    }
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::NOBUFS) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// Lists all connections, and reports those that end meanwhile.
    ///
    /// After an error the socket cannot be used again: the rest of the list may still arrive.
    pub(super) fn list(
        &mut self,
        buffer: &mut ReceiveBuffer,
        mut listed: impl FnMut(Connection),
        mut ended: impl FnMut(Connection),
    ) -> Result<(), Errno> {
        // Messages without a request have the number zero.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        rustix::net::send(&self.socket, &request(self.sequence), SendFlags::DONTWAIT)?;
        for _ in 0..MAX_DATAGRAMS {
            // The kernel writes the list while it is read, so the socket is never empty before the end.
            let datagram = match self.receive(buffer) {
                Err(Errno::NOBUFS) => continue,
                received => received?,
            };
            for message in messages(datagram, self.sequence) {
                match message {
                    Message::Listed(connection) => listed(connection),
                    Message::Ended(connection) => ended(connection),
                    Message::Done => return Ok(()),
                    Message::Refused(number) => return Err(Errno::from_raw_os_error(number)),
                    Message::Other => {}
                }
            }
        }
        Err(Errno::TOOBIG)
    }

    fn receive<'buffer>(&self, buffer: &'buffer mut ReceiveBuffer) -> Result<&'buffer [u8], Errno> {
        let (length, _) = rustix::net::recv(&self.socket, &mut buffer.0[..], RecvFlags::DONTWAIT)?;
        Ok(&buffer.0[..length])
    }
}
