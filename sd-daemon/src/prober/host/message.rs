//! What the kernel says about TCP connections, as bytes.
//!
//! Offsets are those of `struct inet_diag_req`, `struct inet_diag_msg` and `struct tcp_info` in the headers
//! of Linux, which never move: they are an interface. Numbers are in the order of this machine, ports and
//! addresses in that of the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NlaBuffer, NlasIterator,
};

/// `TCPDIAG_GETSOCK`: asks for both families in one walk through the kernel's table. The request that came
/// after it asks for one family, and the walk is what costs.
const GET_SOCKETS: u16 = 18;
/// `SOCK_DIAG_BY_FAMILY`, the kind of what is told about a connection that has ended.
const BY_FAMILY: u16 = 20;

const HEADER: usize = 16;
const REQUEST: u8 = 76;
const DESCRIPTION: usize = 72;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// `INET_DIAG_INFO`, the attribute with the counters.
const INFO: u16 = 2;

/// `TCP_ESTABLISHED`.
const ESTABLISHED: u8 = 1;
/// Every state from established to closed that has counters: `FIN_WAIT1`, `FIN_WAIT2`, `CLOSE_WAIT`,
/// `LAST_ACK` and `CLOSING` as well. One side has hung up, and the other may go on for long.
const STATES: u32 = 1 << ESTABLISHED | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11;

/// One end of a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    /// The kernel's own name for it, never used again.
    pub(super) cookie: u64,
    /// This end.
    pub(super) local: SocketAddr,
    /// The other end.
    pub(super) peer: SocketAddr,
    /// Whether both sides may still send.
    pub(super) is_open: bool,
    /// What it has carried so far.
    pub(super) counters: Counters,
}

/// What a connection has carried since it was opened. The segments begin again at zero after the last number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) received: u64,
    pub(super) segments_received: u32,
    pub(super) sent: u64,
    pub(super) segments_sent: u32,
}

/// One message of the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// A connection that was asked for.
    Listed(Connection),
    /// A connection that has ended; nobody asked.
    Ended(Connection),
    /// Everything that was asked for has been said.
    Done,
    /// The question was refused, with this error number.
    Refused(i32),
    /// Something else.
    Other,
}

/// Asks for all connections of a network namespace.
pub(super) fn request(sequence: u32) -> [u8; REQUEST as usize] {
    const EXTENSIONS: usize = HEADER + 3;
    const WANTED_STATES: usize = HEADER + 52;
    let mut bytes = [0; REQUEST as usize];
    let mut frame = NetlinkBuffer::new(&mut bytes[..]);
    frame.set_length(REQUEST.into());
    frame.set_message_type(GET_SOCKETS);
    frame.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
    frame.set_sequence_number(sequence);
    bytes[EXTENSIONS] = 1 << (INFO - 1);
    bytes[WANTED_STATES..WANTED_STATES + 4].copy_from_slice(&STATES.to_ne_bytes());
    bytes
}

/// Reads a datagram: the messages in it that answer the question of this number, or no question at all.
pub(super) fn messages(mut datagram: &[u8], sequence: u32) -> impl Iterator<Item = Message> {
    std::iter::from_fn(move || {
        let frame = NetlinkBuffer::new_checked(datagram).ok()?;
        // Each begins at a multiple of four bytes.
        let next = (frame.length() as usize).next_multiple_of(4);
        datagram = datagram.get(next..).unwrap_or_default();
        Some(message(&frame, sequence))
    })
}

fn message(frame: &NetlinkBuffer<&[u8]>, asked: u32) -> Message {
    let is_answer = frame.sequence_number() == asked;
    let connection = || connection(frame.payload());
    match frame.message_type() {
        NLMSG_DONE if is_answer => Message::Done,
        NLMSG_ERROR if is_answer => Message::Refused(
            u32_at(frame.payload(), 0).map_or(0, |number| number.cast_signed().wrapping_neg()),
        ),
        GET_SOCKETS if is_answer => connection().map_or(Message::Other, Message::Listed),
        // Nobody's answer.
        BY_FAMILY if frame.sequence_number() == 0 => connection().map_or(Message::Other, Message::Ended),
        _ => Message::Other,
    }
}

fn connection(payload: &[u8]) -> Option<Connection> {
    let (description, attributes) = payload.split_at_checked(DESCRIPTION)?;
    let mut attributes = NlasIterator::new(attributes).map_while(Result::ok);
    let info = attributes.find(|attribute: &NlaBuffer<&[u8]>| attribute.kind() == INFO)?;
    let family = description[0];
    Some(Connection {
        cookie: u64_at(description, 44)?,
        local: SocketAddr::new(address(family, &description[8..24])?, port(&description[4..6])),
        peer: SocketAddr::new(address(family, &description[24..40])?, port(&description[6..8])),
        is_open: description[1] == ESTABLISHED,
        counters: counters(info.value())?,
    })
}

fn counters(info: &[u8]) -> Option<Counters> {
    // Data that was sent again was sent before. An older kernel counts only what has arrived.
    let sent = || Some(u64_at(info, 200)?.saturating_sub(u64_at(info, 208)?));
    Some(Counters {
        received: u64_at(info, 128)?,
        segments_received: u32_at(info, 152)?,
        sent: sent().or_else(|| u64_at(info, 120))?,
        segments_sent: u32_at(info, 156)?,
    })
}

/// An address; one of IPv4 in the clothes of IPv6 is what it is.
fn address(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).into()),
        AF_INET6 => Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).to_canonical()),
        _ => None,
    }
}

fn port(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}
