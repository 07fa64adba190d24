//! The binary messages of the kernel about TCP connections.
//!
//! The offsets are those of `struct inet_diag_req`, `struct inet_diag_msg` and `struct tcp_info`, which are stable
//! interfaces of Linux. Numbers are in native byte order, ports and addresses in network byte order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NlaBuffer, NlasIterator,
};

/// `TCPDIAG_GETSOCK`: lists both address families in one walk through the kernel's table. Its successor lists one
/// family, and the walk is the expensive part.
const GET_SOCKETS: u16 = 18;
/// `SOCK_DIAG_BY_FAMILY`, the type of reports about ended connections.
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
/// `LAST_ACK` and `CLOSING` as well, in which one side has closed and the other may continue.
const STATES: u32 = 1 << ESTABLISHED | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11;

/// One end of a TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    /// The kernel's identifier, never reused.
    pub(super) cookie: u64,
    /// The local address.
    pub(super) local: SocketAddr,
    /// The remote address.
    pub(super) peer: SocketAddr,
    /// Whether both sides may still send.
    pub(super) is_open: bool,
    /// The traffic so far.
    pub(super) counters: Counters,
}

/// The traffic of a connection since it was opened. The counters of segments wrap around.
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
    /// A connection of the list.
    Listed(Connection),
    /// A report about an ended connection.
    Ended(Connection),
    /// The end of the list.
    Done,
    /// The request was refused with this error number.
    Refused(i32),
    /// Any other message.
    Other,
}

/// The request for all connections of a network namespace.
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

/// The messages of a datagram. Responses to other requests than this one are [`Message::Other`].
pub(super) fn messages(mut datagram: &[u8], sequence: u32) -> impl Iterator<Item = Message> {
    std::iter::from_fn(move || {
        let frame = NetlinkBuffer::new_checked(datagram).ok()?;
        // Messages are aligned to four bytes.
        let next = (frame.length() as usize).next_multiple_of(4);
        datagram = datagram.get(next..).unwrap_or_default();
        Some(message(&frame, sequence))
    })
}

fn message(frame: &NetlinkBuffer<&[u8]>, sequence: u32) -> Message {
    let is_response = frame.sequence_number() == sequence;
    let connection = || connection(frame.payload());
    match frame.message_type() {
        NLMSG_DONE if is_response => Message::Done,
        NLMSG_ERROR if is_response => Message::Refused(
            u32_at(frame.payload(), 0).map_or(0, |number| number.cast_signed().wrapping_neg()),
        ),
        GET_SOCKETS if is_response => connection().map_or(Message::Other, Message::Listed),
        // A report is no response to a request.
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
    // Retransmitted data was counted before. Older kernels count acknowledged data only.
    let sent = || Some(u64_at(info, 200)?.saturating_sub(u64_at(info, 208)?));
    Some(Counters {
        received: u64_at(info, 128)?,
        segments_received: u32_at(info, 152)?,
        sent: sent().or_else(|| u64_at(info, 120))?,
        segments_sent: u32_at(info, 156)?,
    })
}

/// An address. IPv4-mapped IPv6 addresses are returned as IPv4.
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
