//! What connections carry.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::{set_socket_keepalive, set_socket_linger, set_tcp_keepidle, set_tcp_keepintvl};
use sd_daemon::domain::{ByteCount, ConnectionAge, Traffic};

use crate::container::{ANOTHER_PORT, Connection, Container, PORT, look_until, prober, see, see_the_end};

const NOTHING: ByteCount = ByteCount {
    bytes: 0,
    segments: 0,
};

/// A known connection of a client on the host that carried nothing.
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
    /// The client says something, and the server hears it.
    pub(crate) fn ask(&mut self, question: &[u8]) {
        say(&mut self.client, &mut self.server, question);
    }

    /// The server says something, and the client hears it.
    fn answer(&mut self, answer: &[u8]) {
        say(&mut self.server, &mut self.client, answer);
    }
}

fn say(from: &mut TcpStream, to: &mut TcpStream, what: &[u8]) {
    from.write_all(what).expect("it is connected");
    to.read_exact(&mut vec![0; what.len()]).expect("it is connected");
}

#[tokio::test]
async fn an_open_silent_connection_is_open_and_carries_nothing() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    let first = see(&prober, &target).await;
    assert_eq!((first.since_last, first.open.len()), (None, 0));

    let connection = server.connect();
    let new = Traffic {
        age: ConnectionAge::New,
        ..silent(&container)
    };
    assert_eq!(see(&prober, &target).await.open, [new]);
    for _ in 0..3 {
        let sample = see(&prober, &target).await;
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
async fn keep_alives_of_tcp_carry_nothing() {
    let container = Container::start();
    let connection = container.listen(PORT).connect();
    for end in [&connection.client, &connection.server] {
        set_socket_keepalive(end, true).unwrap();
        set_tcp_keepidle(end, Duration::from_secs(1)).unwrap();
        set_tcp_keepintvl(end, Duration::from_secs(1)).unwrap();
    }
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;
    look_until(&prober, &target, |sample| {
        assert_eq!((sample.open, sample.ended), (vec![silent(&container)], vec![]));
        (container.tcp_counter("TCPKeepAlive") >= 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_byte_shows_in_either_direction() {
    let container = Container::start();
    let mut connection = container.listen(PORT).connect();
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;

    connection.ask(b"?");
    let asked = Traffic {
        received: in_one_segment(1),
        ..silent(&container)
    };
    assert_eq!(see(&prober, &target).await.open, [asked]);
    connection.answer(b"!");
    let answered = Traffic {
        sent: in_one_segment(1),
        ..silent(&container)
    };
    assert_eq!(see(&prober, &target).await.open, [answered]);
    assert_eq!(see(&prober, &target).await.open, [silent(&container)]);
}

#[tokio::test]
async fn a_new_connection_shows_all_that_it_carried() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;

    let mut connection = server.connect();
    connection.ask(b"select 1;");
    connection.answer(b"1");
    let used = Traffic {
        age: ConnectionAge::New,
        received: in_one_segment(9),
        sent: in_one_segment(1),
        ..silent(&container)
    };
    assert_eq!(see(&prober, &target).await.open, [used]);
}

#[tokio::test]
async fn a_connection_that_came_and_went_between_two_looks_is_seen() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;

    for ends in [end_by_client, end_by_server, end_by_reset] {
        let mut connection = server.connect();
        connection.ask(b"ping");
        connection.answer(b"pong!");
        ends(connection);
        let ended = see_the_end(&prober, &target).await;
        assert_eq!(
            (ended.age, ended.port, ended.peer),
            (ConnectionAge::New, PORT, container.host())
        );
        assert_eq!(ended.sent, in_one_segment(5));
        // The end of the client's stream is counted as a byte.
        assert!((4..=5).contains(&ended.received.bytes), "{ended:?}");
        assert_eq!(ended.received.segments, 1);
        let after = see(&prober, &target).await;
        assert_eq!((after.open, after.ended), (vec![], vec![]), "it is told once");
    }
}

#[tokio::test]
async fn a_silent_connection_that_ends_carried_nothing() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    for ends in [end_by_client, end_by_server, end_by_reset] {
        let connection = server.connect();
        see(&prober, &target).await;
        ends(connection);
        assert_eq!(see_the_end(&prober, &target).await, silent(&container));
        let after = see(&prober, &target).await;
        assert_eq!((after.open, after.ended), (vec![], vec![]), "it is told once");
    }
}

fn end_by_client(connection: Connection) {
    drop(connection.client);
    let mut server = connection.server;
    let _ = server.read(&mut [0]).expect("the end is heard");
}

fn end_by_server(connection: Connection) {
    drop(connection.server);
    let mut client = connection.client;
    let _ = client.read(&mut [0]).expect("the end is heard");
}

fn reset(end: TcpStream) {
    set_socket_linger(&end, Some(Duration::ZERO)).expect("it is an option of sockets");
    drop(end);
}

fn end_by_reset(connection: Connection) {
    reset(connection.client);
    let mut server = connection.server;
    server.read(&mut [0]).expect_err("it is reset");
}

#[tokio::test]
async fn a_client_that_has_hung_up_is_not_connected() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    let mut connection = server.connect();
    see(&prober, &target).await;

    connection.client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(see_the_end(&prober, &target).await, silent(&container));
    // The server may go on for long: what it sends is seen, and the rest of the time there is nothing.
    assert_eq!(see(&prober, &target).await.ended, []);
    connection.answer(b"and one more thing");
    let answered = Traffic {
        sent: in_one_segment(18),
        ..silent(&container)
    };
    assert_eq!(see(&prober, &target).await.ended, [answered]);
    drop(connection);
    let after = see(&prober, &target).await;
    assert_eq!((after.open, after.ended), (vec![], vec![]));
}

#[tokio::test]
async fn a_connection_that_the_container_keeps_after_it_was_reset_is_told_once() {
    let container = Container::start();
    let mut connection = container.listen(PORT).connect();
    connection.ask(&[0; 1_000]);
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;

    reset(connection.client);
    assert_eq!(see_the_end(&prober, &target).await, silent(&container));
    drop(connection.server);
    // A connection that comes later is told later: nothing was told of the first one before.
    let server = container.listen(ANOTHER_PORT);
    end_by_client(server.connect());
    assert_eq!(see_the_end(&prober, &target).await.port, ANOTHER_PORT);
}

#[tokio::test]
async fn what_never_was_a_connection_is_not_seen() {
    let container = Container::start();
    let server = container.listen(PORT);
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;
    // Nobody listens there, and the port is one of the container's.
    let refused = SocketAddr::new(container.address(), ANOTHER_PORT);
    TcpStream::connect(refused).expect_err("nobody listens");
    // A server that ends is no connection that ends.
    drop(container.listen(ANOTHER_PORT));
    // After them, so that they would have been told before it.
    end_by_client(server.connect());
    assert_eq!(see_the_end(&prober, &target).await.port, PORT);
    let sample = see(&prober, &target).await;
    assert_eq!((sample.open, sample.ended), (vec![], vec![]));
}

#[tokio::test]
async fn what_the_container_does_by_itself_is_not_seen() {
    let container = Container::start();
    let server = container.listen(PORT);
    let outside = TcpListener::bind((container.host(), 0)).unwrap();
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;

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
            connection.ask(b"active-connections=0");
            connection.answer(b"thanks");
            if is_short {
                end_by_client(connection);
            } else {
                kept.push(connection);
            }
        }
    }
    // After them, so that they would have been told before it.
    end_by_client(server.connect());
    look_until(&prober, &target, |mut sample| {
        assert_eq!(sample.open, []);
        let ended = sample.ended.pop()?;
        assert_eq!((ended.peer, sample.ended), (container.host(), vec![]));
        Some(())
    })
    .await;
    for connection in &mut kept {
        connection.ask(b"active-connections=0");
    }
    let sample = see(&prober, &target).await;
    assert_eq!((sample.open, sample.ended), (vec![], vec![]));
}

#[tokio::test]
async fn a_port_that_is_not_one_of_the_containers_is_not_looked_at() {
    let container = Container::start();
    let mut connection = container.listen(9_999).connect();
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;
    connection.ask(b"?");
    end_by_client(connection);
    let sample = see(&prober, &target).await;
    assert_eq!((sample.open, sample.ended), (vec![], vec![]));
}

#[tokio::test]
async fn a_client_of_ipv4_at_a_server_of_ipv6_is_one_of_ipv4() {
    let container = Container::start();
    let server = container.listen_at(SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)));
    let (prober, target) = (prober(), container.target());
    see(&prober, &target).await;
    let connection = server.connect();
    let sample = see(&prober, &target).await;
    assert_eq!(
        sample.open.iter().map(|seen| seen.peer).collect::<Vec<_>>(),
        [container.host()]
    );
    end_by_client(connection);
    assert_eq!(see_the_end(&prober, &target).await.peer, container.host());
    // And its own loopback, mapped, is loopback.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let own = server.accept(container.inside(|| TcpStream::connect(address).unwrap()));
    end_by_server(server.connect());
    look_until(&prober, &target, |mut sample| {
        assert_eq!(sample.open, []);
        sample.ended.pop()
    })
    .await;
    drop(own);
}
