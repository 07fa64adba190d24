use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn limits() -> ConnectionLimits {
    ConnectionLimits::default()
}

/// Whether a connection is about to close.
fn is_evicted(permit: &ConnectionPermit) -> bool {
    let mut evicted = std::pin::pin!(permit.connection().evicted());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    evicted.as_mut().poll(&mut context).is_ready()
}

#[test]
fn limits_unauthenticated_connections_per_address() {
    let table = ConnectionTable::new(limits());
    let now = Instant::now();
    let admit = || table.admit(ADDRESS, now);
    let maximum = limits().max_unauthenticated;
    let mut permits: Vec<_> = (0..maximum).filter_map(|_| admit()).collect();
    assert_eq!(permits.len(), maximum);
    assert!(admit().is_none());
    let of_another_address = table.admit("127.0.0.2".parse().unwrap(), now);
    assert!(of_another_address.is_some());

    permits[0].connection().authenticated();
    permits[0].connection().authenticated();
    permits.extend(admit());
    assert!(admit().is_none(), "an authenticated connection frees one slot");
    // Its removal does not free a second one.
    drop(permits.remove(0));
    assert!(admit().is_none());
    drop(permits);
    drop(of_another_address);
    assert!(table.entries.lock().open.is_empty());
    assert!(table.entries.lock().unauthenticated.is_empty());
}

#[test]
fn ipv6_addresses_of_one_network_count_together() {
    let address = |text: &str| address_or_network(text.parse().unwrap());
    assert_eq!(address("2001:db8:1:2::3"), address("2001:db8:1:2:ffff::1"));
    assert_ne!(address("2001:db8:1:2::3"), address("2001:db8:1:3::3"));
    assert_ne!(address("10.0.0.1"), address("10.0.0.2"));
}

#[test]
fn request_that_arrives_before_the_close_cancels_an_eviction() {
    let table = ConnectionTable::new(limits());
    let now = Instant::now();
    let [active, silent] =
        ["127.0.0.1", "127.0.0.2"].map(|from| table.admit(from.parse().unwrap(), now).unwrap());
    table.evict_stalled(now + SECOND * 11);
    active.connection().request_received();
    assert!(!is_evicted(&active));
    assert!(is_evicted(&silent));
    active.connection().response_sent();
    table.evict_stalled(Instant::now() + SECOND * 76);
    assert!(is_evicted(&active));
}

#[test]
fn overload_is_per_address_or_three_quarters_of_the_table() {
    /// Whether a silent connection is evicted after some seconds, among equal ones of several addresses.
    fn is_silent_one_evicted(addresses: u8, each: usize, seconds: u32) -> bool {
        let table = ConnectionTable::new(limits());
        let now = Instant::now();
        let addresses = (0..addresses).map(|last| IpAddr::from([127, 0, 1, last]));
        let permits: Vec<_> = addresses
            .flat_map(|address| (0..each).map(move |_| address))
            .filter_map(|address| table.admit(address, now))
            .collect();
        table.evict_stalled(now + SECOND * seconds);
        is_evicted(&permits[0])
    }

    assert!(!is_silent_one_evicted(1, 32, 5), "32 connections are allowed");
    assert!(is_silent_one_evicted(1, 33, 5));
    assert!(!is_silent_one_evicted(11, 32, 5));
    assert!(
        is_silent_one_evicted(12, 32, 5),
        "the table is three quarters full"
    );
    assert!(is_silent_one_evicted(1, 1, 11), "the normal timeout has passed");
}
