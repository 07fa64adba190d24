//! Who is connected, what each of them is waited for, and who has to go.
//!
//! There are two sorts. Who has shown the credentials is *known*. The others are *strangers*: of one address there
//! may be so many. Behind a proxy everybody has the same address, and that is why the known do not count.
//!
//! There is a crowd when a listener is three quarters full, when the process has run out of file descriptors, and,
//! for strangers of an address, when there are too many of them. Then nobody is waited for longer than a second.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::heads::Heads;
use super::timeouts::Limits;

/// Everybody at one listener.
pub(super) struct ConnectionTable {
    limits: Limits,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    next_number: u64,
    present: HashMap<u64, Arc<Connection>>,
    unauthenticated: HashMap<IpAddr, usize>,
    /// Until when there is a crowd however few there are.
    crowded_until: Option<Instant>,
}

impl ConnectionTable {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            list: Mutex::default(),
        })
    }

    pub(super) fn have_room(&self) -> bool {
        self.list().present.len() < self.limits.connections
    }

    /// A seat for a new connection, unless there are too many strangers from there.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Option<ConnectionPermit> {
        let source = source(address);
        let mut list = self.list();
        let unauthenticated = list.unauthenticated.entry(source).or_default();
        if *unauthenticated >= self.limits.most_strangers {
            return None;
        }
        *unauthenticated += 1;
        let number = list.next_number;
        list.next_number += 1;
        let guest = Arc::new(Connection {
            source,
            guests: Arc::clone(self),
            conduct: Mutex::new(ConnectionState::new(now)),
            heads: Mutex::default(),
            way_out: Notify::new(),
        });
        list.present.insert(number, Arc::clone(&guest));
        Some(ConnectionPermit { number, guest })
    }

    /// Shows those out that have been waited for too long.
    pub(super) fn evict_stalled(&self, now: Instant) {
        let list = self.list();
        let is_full = list.present.len() * 4 >= self.limits.connections * 3;
        let is_crowded = is_full || list.crowded_until.is_some_and(|until| now < until);
        for guest in list.present.values() {
            let unauthenticated = list
                .unauthenticated
                .get(&guest.source)
                .copied()
                .unwrap_or_default();
            let crowd = Overload {
                is_everywhere: is_crowded,
                is_of_source: unauthenticated > self.limits.unauthenticated,
            };
            let mut conduct = guest.conduct();
            if conduct.is_over(&self.limits, crowd, now) {
                conduct.has_to_go = true;
                guest.way_out.notify_one();
            }
        }
    }

    /// Counts as a crowd for a moment, however few there are.
    pub(super) fn make_room(&self, now: Instant) {
        self.list().crowded_until = Some(now + 2 * self.limits.in_crowd);
    }

    fn leave(&self, number: u64) {
        let mut list = self.list();
        if let Some(guest) = list.present.remove(&number)
            && guest.conduct().become_known()
        {
            list.forget_stranger(guest.source);
        }
    }

    /// Nothing that holds this lock can panic half-way through a change.
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn forget_stranger(&mut self, source: IpAddr) {
        if let Some(unauthenticated) = self.unauthenticated.get_mut(&source) {
            *unauthenticated -= 1;
            if *unauthenticated == 0 {
                self.unauthenticated.remove(&source);
            }
        }
    }
}

/// Who counts as one. An IPv6 host has a whole network of addresses to itself.
pub(crate) fn source(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// The place of a connection among the guests. It is free when this is dropped.
pub(super) struct ConnectionPermit {
    number: u64,
    guest: Arc<Connection>,
}

impl ConnectionPermit {
    pub(super) fn guest(&self) -> &Arc<Connection> {
        &self.guest
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.guest.guests.leave(self.number);
    }
}

/// One connection.
pub(crate) struct Connection {
    source: IpAddr,
    guests: Arc<ConnectionTable>,
    conduct: Mutex<ConnectionState>,
    heads: Mutex<Heads>,
    way_out: Notify,
}

impl Connection {
    /// It has shown the credentials.
    pub(crate) fn is_known(&self) {
        // One lock after the other: who goes through the list takes them in the other order.
        let was_stranger = self.conduct().become_known();
        if was_stranger {
            self.guests.list().forget_stranger(self.source);
        }
    }

    /// Ends when it has to go. Not when what it was waited for has come by now: it may have been here before, and
    /// nobody has had the time to look.
    pub(super) async fn is_shown_out(&self) {
        loop {
            self.way_out.notified().await;
            if self.conduct().has_to_go {
                return;
            }
        }
    }

    /// Some of a request has come.
    pub(super) fn has_sent(&self) {
        let mut conduct = self.conduct();
        if let Awaited::Request { .. } = conduct.awaited {
            conduct.awaits(Awaited::Head {
                since: Instant::now(),
            });
        }
    }

    /// The head of a request is here, and its body is not.
    pub(super) fn is_sending(&self) {
        self.conduct().awaits(Awaited::Body {
            since: Instant::now(),
        });
    }

    /// This is what it has sent.
    pub(super) fn has_said(&self, bytes: &[u8]) {
        self.heads().read(bytes);
    }

    /// Whether a request of it ends in one place by its length, and by its chunks in another.
    pub(crate) fn says_two_ends(&self) -> bool {
        self.heads().have_two_ends()
    }

    /// The body is here as well, or nobody cares for it.
    pub(super) fn has_asked(&self) {
        self.heads().end_body();
        let mut conduct = self.conduct();
        if !matches!(conduct.awaited, Awaited::Request { .. }) {
            conduct.awaits(Awaited::Nothing);
        }
    }

    /// The answer has been given.
    pub(super) fn is_answered(&self) {
        self.conduct().awaits(Awaited::Request {
            since: Instant::now(),
        });
    }

    /// There is something for it, and it takes it or does not.
    pub(super) fn takes(&self, something: Takes) {
        let mut conduct = self.conduct();
        match something {
            Takes::Some => {
                conduct.unread_since = None;
                conduct.has_to_go = false;
            }
            Takes::Nothing => {
                conduct.unread_since.get_or_insert_with(Instant::now);
            }
        }
    }

    fn heads(&self) -> MutexGuard<'_, Heads> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing that holds this lock can panic half-way through a change.
    fn conduct(&self) -> MutexGuard<'_, ConnectionState> {
        self.conduct.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a peer takes of what there is for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    Some,
    Nothing,
}

/// What a guest is waited for.
#[derive(Clone, Copy, Debug)]
enum Awaited {
    /// The head of its first request, or the rest of a later one.
    Head { since: Instant },
    /// Another request, if there is one.
    Request { since: Instant },
    /// The body of its request. Who reads it limits the time for all of it.
    Body { since: Instant },
    /// It is we who are waited for.
    Nothing,
}

#[derive(Clone, Copy, Debug, Default)]
struct Overload {
    is_everywhere: bool,
    is_of_source: bool,
}

#[derive(Debug)]
struct ConnectionState {
    is_known: bool,
    awaited: Awaited,
    unread_since: Option<Instant>,
    /// It has been waited for too long, and nothing has come since.
    has_to_go: bool,
}

impl ConnectionState {
    fn new(now: Instant) -> Self {
        Self {
            is_known: false,
            awaited: Awaited::Head { since: now },
            unread_since: None,
            has_to_go: false,
        }
    }

    /// It is waited for something else from here on.
    fn awaits(&mut self, awaited: Awaited) {
        self.awaited = awaited;
        self.has_to_go = false;
    }

    /// Whether that is news.
    fn become_known(&mut self) -> bool {
        !std::mem::replace(&mut self.is_known, true)
    }

    fn is_over(&self, limits: &Limits, crowd: Overload, now: Instant) -> bool {
        let is_crowded = crowd.is_everywhere || (crowd.is_of_source && !self.is_known);
        let is_longer = |since: Instant, limit: Duration| now.saturating_duration_since(since) > limit;
        let or_less = |limit: Duration| if is_crowded { limits.in_crowd } else { limit };
        let keeps_waiting = match self.awaited {
            Awaited::Head { since } => is_longer(since, or_less(limits.head)),
            Awaited::Request { since } => is_longer(since, or_less(limits.idle)),
            Awaited::Body { since } => is_crowded && !self.is_known && is_longer(since, limits.in_crowd),
            Awaited::Nothing => false,
        };
        // Who is known may be slow to read: an answer that long was asked for.
        let unread = if self.is_known {
            limits.unread
        } else {
            or_less(limits.unread)
        };
        keeps_waiting || self.unread_since.is_some_and(|since| is_longer(since, unread))
    }
}

#[cfg(test)]
mod tests;
