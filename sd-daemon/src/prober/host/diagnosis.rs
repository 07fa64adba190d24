//! The socket on which the kernel tells of the TCP connections of one network namespace.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::message::{Connection, Message, messages, request};

/// The groups `SKNLGRP_INET_TCP_DESTROY` and `SKNLGRP_INET6_TCP_DESTROY`, the first and the third, as a mask.
const ENDED_CONNECTIONS: u32 = 0b101;

/// The kernel puts at most this many bytes into a datagram.
const DATAGRAM: usize = 32 * 1024;

/// Datagrams that are read for one list: half a million connections. Beyond it, something is wrong.
const MOST_DATAGRAMS: usize = 8 * 1024;

/// Datagrams about ended connections that are taken at a time. The kernel keeps about 200; more there are only
/// while connections end as fast as this is told of them, and that may go on for ever.
const MOST_TOLD: usize = 1024;

/// A socket of `NETLINK_SOCK_DIAG`. It stays in the namespace it was opened in, and keeps that alive.
pub(super) struct Diagnosis {
    socket: OwnedFd,
    /// Of the last question.
    sequence: u32,
}

/// Room for one datagram, used for all sockets.
pub(super) struct ReceiveBuffer(Box<[u8]>);

impl ReceiveBuffer {
    pub(super) fn new() -> Self {
        Self(vec![0; DATAGRAM].into())
    }
}

impl Diagnosis {
    /// Opens one in the namespace of this thread. From now on it is told of connections that end.
    pub(super) fn open() -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(SOCK_DIAG))?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, ENDED_CONNECTIONS))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Takes what has been told of connections that ended. When there were more than the kernel keeps for
    /// us, the first ones have to do; what comes faster than it is taken stays for the next time.
    pub(super) fn ended(
        &self,
        room: &mut ReceiveBuffer,
        mut ended: impl FnMut(Connection),
    ) -> Result<(), Errno> {
        for _ in 0..MOST_TOLD {
            match self.receive(room) {
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

    /// Lists all connections. What ends meanwhile is told as well.
    ///
    /// After an error the socket is of no use any more: the rest of the list may still come.
    pub(super) fn list(
        &mut self,
        room: &mut ReceiveBuffer,
        mut listed: impl FnMut(Connection),
        mut ended: impl FnMut(Connection),
    ) -> Result<(), Errno> {
        // Zero is the number of what nobody asked for.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        rustix::net::send(&self.socket, &request(self.sequence), SendFlags::DONTWAIT)?;
        for _ in 0..MOST_DATAGRAMS {
            // The kernel writes the list while it is read: there is always more, until it is done.
            let datagram = match self.receive(room) {
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

    fn receive<'room>(&self, room: &'room mut ReceiveBuffer) -> Result<&'room [u8], Errno> {
        let (length, _) = rustix::net::recv(&self.socket, &mut room.0[..], RecvFlags::DONTWAIT)?;
        Ok(&room.0[..length])
    }
}
