//! Who has to go, and who may stay.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

type Awaiting = fn(Instant) -> Awaited;

fn limits() -> Limits {
    Limits::default()
}

/// Whether a guest of which this is awaited has to go, for each number of seconds.
fn goes_after(conduct: &ConnectionState, crowd: Overload, began: Instant) -> Option<u32> {
    (0..200).find(|seconds| conduct.is_over(&limits(), crowd, began + SECOND * *seconds))
}

fn awaiting(awaited: Awaiting, began: Instant) -> ConnectionState {
    ConnectionState {
        awaited: awaited(began),
        ..ConnectionState::new(began)
    }
}

#[test]
fn each_thing_is_waited_for_as_long_as_its_limit_and_in_a_crowd_for_a_second() {
    let began = Instant::now();
    let crowd_of_source = Overload {
        is_of_source: true,
        ..Overload::default()
    };
    let crowd_everywhere = Overload {
        is_everywhere: true,
        ..Overload::default()
    };
    let cases: [(Awaiting, _, _); 4] = [
        (|since| Awaited::Head { since }, Some(11), Some(2)),
        (|since| Awaited::Request { since }, Some(76), Some(2)),
        (|since| Awaited::Body { since }, None, Some(2)),
        (|_| Awaited::Nothing, None, None),
    ];
    for (awaited, usually, in_crowd) in cases {
        let mut guest = awaiting(awaited, began);
        assert_eq!(
            goes_after(&guest, Overload::default(), began),
            usually,
            "{guest:?}"
        );
        assert_eq!(goes_after(&guest, crowd_of_source, began), in_crowd, "{guest:?}");
        assert_eq!(goes_after(&guest, crowd_everywhere, began), in_crowd, "{guest:?}");
        guest.become_known();
        assert_eq!(goes_after(&guest, crowd_of_source, began), usually, "{guest:?}");
    }
}

#[test]
fn who_takes_nothing_of_an_answer_goes_and_who_has_nothing_to_take_stays() {
    let began = Instant::now();
    let mut guest = awaiting(|_| Awaited::Nothing, began);
    assert_eq!(goes_after(&guest, Overload::default(), began), None);
    guest.unread_since = Some(began);
    assert_eq!(goes_after(&guest, Overload::default(), began), Some(21));
    let crowd = Overload {
        is_everywhere: true,
        is_of_source: true,
    };
    assert_eq!(goes_after(&guest, crowd, began), Some(2));
    guest.become_known();
    assert_eq!(goes_after(&guest, crowd, began), Some(21));
}

#[test]
fn of_one_address_there_may_be_so_many_strangers_and_everybody_who_is_known() {
    let guests = ConnectionTable::new(limits());
    let now = Instant::now();
    let admit = || guests.admit(HERE, now);
    let mut seats: Vec<_> = (0..limits().most_strangers).filter_map(|_| admit()).collect();
    assert_eq!(seats.len(), limits().most_strangers);
    assert!(admit().is_none());
    let elsewhere = guests.admit("127.0.0.2".parse().unwrap(), now);
    assert!(elsewhere.is_some());

    seats[0].guest().is_known();
    seats[0].guest().is_known();
    seats.extend(admit());
    assert!(admit().is_none(), "one that is known made place for one");
    // It does not count twice when it leaves.
    drop(seats.remove(0));
    assert!(admit().is_none());
    drop(seats);
    drop(elsewhere);
    assert!(guests.list().present.is_empty());
    assert!(guests.list().unauthenticated.is_empty());
}

#[test]
fn a_network_of_ipv6_is_one_source() {
    let address = |text: &str| source(text.parse().unwrap());
    assert_eq!(address("2001:db8:1:2::3"), address("2001:db8:1:2:ffff::1"));
    assert_ne!(address("2001:db8:1:2::3"), address("2001:db8:1:3::3"));
    assert_ne!(address("10.0.0.1"), address("10.0.0.2"));
}

/// Whether somebody is shown out who has been silent for so many seconds, among so many from so many addresses.
fn is_shown_out(addresses: u8, each: usize, seconds: u32) -> bool {
    let guests = ConnectionTable::new(limits());
    let now = Instant::now();
    let addresses = (0..addresses).map(|last| IpAddr::from([127, 0, 1, last]));
    let seats: Vec<_> = addresses
        .flat_map(|address| (0..each).map(move |_| address))
        .filter_map(|address| guests.admit(address, now))
        .collect();
    guests.evict_stalled(now + SECOND * seconds);
    leaves(&seats[0])
}

#[test]
fn who_has_asked_before_it_is_shown_out_stays_and_who_has_not_goes() {
    let guests = ConnectionTable::new(limits());
    let now = Instant::now();
    let [asks, is_silent] =
        ["127.0.0.1", "127.0.0.2"].map(|from| guests.admit(from.parse().unwrap(), now).unwrap());
    guests.evict_stalled(now + SECOND * 11);
    asks.guest().has_asked();
    assert!(!leaves(&asks));
    assert!(leaves(&is_silent));
    asks.guest().is_answered();
    guests.evict_stalled(Instant::now() + SECOND * 76);
    assert!(leaves(&asks));
}

/// Whether somebody is on its way out.
fn leaves(seat: &ConnectionPermit) -> bool {
    let mut way_out = std::pin::pin!(seat.guest().is_shown_out());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    way_out.as_mut().poll(&mut context).is_ready()
}

#[test]
fn a_crowd_is_too_many_of_an_address_or_too_many_of_all() {
    assert!(!is_shown_out(1, 32, 5), "thirty clients at once are no crowd");
    assert!(is_shown_out(1, 33, 5));
    assert!(!is_shown_out(11, 32, 5));
    assert!(is_shown_out(12, 32, 5), "three quarters full");
    assert!(is_shown_out(1, 1, 11), "ten seconds are enough for anybody");
}
