//! The traffic of connections.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::{set_socket_keepalive, set_socket_linger, set_tcp_keepidle, set_tcp_keepintvl};
use sd_daemon::domain::{ByteCount, ConnectionAge, Traffic};

use crate::container::{
    Connection, Container, OTHER_PORT, PORT, ended_connection, probe_until, prober, take_sample,
};

const NOTHING: ByteCount = ByteCount {
    bytes: 0,
    segments: 0,
};

/// A known connection of a client on the host without new traffic.
fn silent(container: &Container) -> Traffic {
    Traffic {
        port: PORT,
        peer: container.host(),
        age: ConnectionAge::Known,
        received: NOTHING,
        sent: NOTHING,
    }
}

fn in_one_segment(bytes: u64) -> ByteCount {
    ByteCount { bytes, segments: 1 }
}

impl Connection {
    /// Sends data from the client and reads it at the server.
    pub(crate) fn send_to_server(&mut self, data: &[u8]) {
        transfer(&mut self.client, &mut self.server, data);
    }

    /// Sends data from the server and reads it at the client.
    fn send_to_client(&mut self, data: &[u8]) {
        transfer(&mut self.server, &mut self.client, data);
    }
}

fn transfer(from: &mut TcpStream, to: &mut TcpStream, data: &[u8]) {
    from.write_all(data).expect("the connection is open");
    to.read_exact(&mut vec![0; data.len()])
        .expect("the connection is open");
}

#[tokio::test]
async fn silent_connection_is_open_without_traffic() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    let first = take_sample(&prober, &target).await;
    assert_eq!((first.since_last, first.open.len()), (None, 0));

    let connection = server.connect();
    let new = Traffic {
        age: ConnectionAge::New,
        ..silent(&container)
    };
    assert_eq!(take_sample(&prober, &target).await.open, [new]);
    for _ in 0..3 {
        let sample = take_sample(&prober, &target).await;
        assert_eq!((sample.open, sample.ended), (vec![silent(&container)], vec![]));
        assert!(
            sample
                .since_last
                .is_some_and(|since_last| since_last > Duration::ZERO)
        );
    }
    drop(connection);
}

#[tokio::test]
async fn tcp_keep_alives_are_not_traffic() {
    let container = Container::start();
    let connection = container.listen(PORT).connect();
    for end in [&connection.client, &connection.server] {
        set_socket_keepalive(end, true).unwrap();
        set_tcp_keepidle(end, Duration::from_secs(1)).unwrap();
        set_tcp_keepintvl(end, Duration::from_secs(1)).unwrap();
    }
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;
    probe_until(&prober, &target, |sample| {
        assert_eq!((sample.open, sample.ended), (vec![silent(&container)], vec![]));
        (container.tcp_counter("TCPKeepAlive") >= 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn single_byte_is_traffic_in_each_direction() {
    let container = Container::start();
    let mut connection = container.listen(PORT).connect();
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;

    connection.send_to_server(b"?");
    let received = Traffic {
        received: in_one_segment(1),
        ..silent(&container)
    };
    assert_eq!(take_sample(&prober, &target).await.open, [received]);
    connection.send_to_client(b"!");
    let sent = Traffic {
        sent: in_one_segment(1),
        ..silent(&container)
    };
    assert_eq!(take_sample(&prober, &target).await.open, [sent]);
    assert_eq!(take_sample(&prober, &target).await.open, [silent(&container)]);
}

#[tokio::test]
async fn new_connection_has_its_whole_traffic() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;

    let mut connection = server.connect();
    connection.send_to_server(b"select 1;");
    connection.send_to_client(b"1");
    let used = Traffic {
        age: ConnectionAge::New,
        received: in_one_segment(9),
        sent: in_one_segment(1),
        ..silent(&container)
    };
    assert_eq!(take_sample(&prober, &target).await.open, [used]);
}

#[tokio::test]
async fn connection_between_two_probes_is_reported() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;

    for ends in [end_by_client, end_by_server, end_by_reset] {
        let mut connection = server.connect();
        connection.send_to_server(b"ping");
        connection.send_to_client(b"pong!");
        ends(connection);
        let ended = ended_connection(&prober, &target).await;
        assert_eq!(
            (ended.age, ended.port, ended.peer),
            (ConnectionAge::New, PORT, container.host())
        );
        assert_eq!(ended.sent, in_one_segment(5));
        // The kernel counts the end of the client's stream as a byte.
        assert!((4..=5).contains(&ended.received.bytes), "{ended:?}");
        assert_eq!(ended.received.segments, 1);
        let after = take_sample(&prober, &target).await;
        assert_eq!(
            (after.open, after.ended),
            (vec![], vec![]),
            "the end is reported once"
        );
    }
}

#[tokio::test]
async fn end_of_a_silent_connection_has_no_traffic() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    for ends in [end_by_client, end_by_server, end_by_reset] {
        let connection = server.connect();
        take_sample(&prober, &target).await;
        ends(connection);
        assert_eq!(ended_connection(&prober, &target).await, silent(&container));
        let after = take_sample(&prober, &target).await;
        assert_eq!(
            (after.open, after.ended),
            (vec![], vec![]),
            "the end is reported once"
        );
    }
}

fn end_by_client(connection: Connection) {
    drop(connection.client);
    let mut server = connection.server;
    let _ = server.read(&mut [0]).expect("the peer has closed");
}

fn end_by_server(connection: Connection) {
    drop(connection.server);
    let mut client = connection.client;
    let _ = client.read(&mut [0]).expect("the peer has closed");
}

fn reset(end: TcpStream) {
    set_socket_linger(&end, Some(Duration::ZERO)).expect("sockets have this option");
    drop(end);
}

fn end_by_reset(connection: Connection) {
    reset(connection.client);
    let mut server = connection.server;
    server.read(&mut [0]).expect_err("the connection is reset");
}

#[tokio::test]
async fn half_closed_connection_is_reported_as_ended() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    let mut connection = server.connect();
    take_sample(&prober, &target).await;

    connection.client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(ended_connection(&prober, &target).await, silent(&container));
    // The server may continue to send. Its data is reported once.
    assert_eq!(take_sample(&prober, &target).await.ended, []);
    connection.send_to_client(b"and one more thing");
    let sent = Traffic {
        sent: in_one_segment(18),
        ..silent(&container)
    };
    assert_eq!(take_sample(&prober, &target).await.ended, [sent]);
    drop(connection);
    let after = take_sample(&prober, &target).await;
    assert_eq!((after.open, after.ended), (vec![], vec![]));
}

#[tokio::test]
async fn reset_connection_is_reported_once() {
    let container = Container::start();
    let mut connection = container.listen(PORT).connect();
    connection.send_to_server(&[0; 1_000]);
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;

    reset(connection.client);
    assert_eq!(ended_connection(&prober, &target).await, silent(&container));
    drop(connection.server);
    // Reports are in order: there was no second report of the first connection.
    let server = container.listen(OTHER_PORT);
    end_by_client(server.connect());
    assert_eq!(ended_connection(&prober, &target).await.port, OTHER_PORT);
}

#[tokio::test]
async fn failed_connection_is_not_reported() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;
    // No server listens on this port of the container.
    let refused = SocketAddr::new(container.address(), OTHER_PORT);
    TcpStream::connect(refused).expect_err("no server listens");
    // A listening socket that closes is not a connection.
    drop(container.listen(OTHER_PORT));
    // Reports are in order: earlier ones would have arrived before this one.
    end_by_client(server.connect());
    assert_eq!(ended_connection(&prober, &target).await.port, PORT);
    let sample = take_sample(&prober, &target).await;
    assert_eq!((sample.open, sample.ended), (vec![], vec![]));
}

#[tokio::test]
async fn connections_by_the_container_are_not_reported() {
    let container = Container::start();
    let server = container.listen(PORT);
    let outside = TcpListener::bind((container.host(), 0)).unwrap();
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;

    let own = SocketAddr::new(container.address(), PORT);
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let outgoing = outside.local_addr().unwrap();
    let mut kept = Vec::new();
    for address in [loopback, own, outgoing] {
        for is_short in [true, false] {
            let client = container.inside(|| TcpStream::connect(address).unwrap());
            let mut connection = if address == outgoing {
                let (server, _) = outside.accept().unwrap();
                Connection { client, server }
            } else {
                server.accept(client)
            };
            connection.send_to_server(b"active-connections=0");
            connection.send_to_client(b"thanks");
            if is_short {
                end_by_client(connection);
            } else {
                kept.push(connection);
            }
        }
    }
    // Reports are in order: earlier ones would have arrived before this one.
    end_by_client(server.connect());
    probe_until(&prober, &target, |mut sample| {
        assert_eq!(sample.open, []);
        let ended = sample.ended.pop()?;
        assert_eq!((ended.peer, sample.ended), (container.host(), vec![]));
        Some(())
    })
    .await;
    for connection in &mut kept {
        connection.send_to_server(b"active-connections=0");
    }
    let sample = take_sample(&prober, &target).await;
    assert_eq!((sample.open, sample.ended), (vec![], vec![]));
}

#[tokio::test]
async fn other_port_is_not_reported() {
    let container = Container::start();
    let mut connection = container.listen(9_999).connect();
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;
    connection.send_to_server(b"?");
    end_by_client(connection);
    let sample = take_sample(&prober, &target).await;
    assert_eq!((sample.open, sample.ended), (vec![], vec![]));
}

#[tokio::test]
async fn ipv4_client_of_an_ipv6_server_has_an_ipv4_address() {
    let container = Container::start();
    let server = container.listen_at(SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)));
    let (prober, target) = (prober(), container.target());
    take_sample(&prober, &target).await;
    let connection = server.connect();
    let sample = take_sample(&prober, &target).await;
    assert_eq!(
        sample.open.iter().map(|traffic| traffic.peer).collect::<Vec<_>>(),
        [container.host()]
    );
    end_by_client(connection);
    assert_eq!(ended_connection(&prober, &target).await.peer, container.host());
    // An IPv4-mapped loopback address is loopback.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let own = server.accept(container.inside(|| TcpStream::connect(address).unwrap()));
    end_by_server(server.connect());
    probe_until(&prober, &target, |mut sample| {
        assert_eq!(sample.open, []);
        sample.ended.pop()
    })
    .await;
    drop(own);
}
