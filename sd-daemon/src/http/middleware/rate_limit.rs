//! How often something may come from one address: some at once, then so many a second.
//!
//! The memory is taken once. Addresses that fall into the same bucket share it; which do is a secret of this process,
//! so that nobody can choose to empty the bucket of somebody else.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::server::address_or_network;

/// Far more than there are addresses that anything comes from; 128 KiB.
const BUCKETS: usize = 16 * 1024;

/// A bucket for each address.
#[derive(Debug)]
pub(in crate::http) struct RateLimiter {
    /// For each bucket the moment at which it is full again, in nanoseconds since the beginning.
    full_at: Box<[AtomicU64]>,
    hasher: RandomState,
    beginning: Instant,
    /// After this long one more is allowed.
    interval: Duration,
    /// So many at once.
    burst: u32,
}

impl RateLimiter {
    /// Full buckets.
    pub(in crate::http) fn new(burst: u32, interval: Duration) -> Self {
        Self {
            full_at: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            beginning: Instant::now(),
            interval,
            burst,
        }
    }

    /// Takes one; where there is none, says how long it takes until there is.
    pub(in crate::http) fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let now = self.nanoseconds(now);
        let mut missing = 0;
        let taken = self
            .of(address)
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let full_at = full_at.max(now) + self.interval_nanoseconds();
                missing = full_at.saturating_sub(now + self.depth());
                (missing == 0).then_some(full_at)
            });
        match taken {
            Ok(_) => Ok(()),
            Err(_) => Err(Duration::from_nanos(missing)),
        }
    }

    /// Whether there is one to take; else how long it takes until there is.
    pub(in crate::http) fn look(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let now = self.nanoseconds(now);
        let full_at = self.of(address).load(Ordering::Relaxed).max(now) + self.interval_nanoseconds();
        match full_at.saturating_sub(now + self.depth()) {
            0 => Ok(()),
            missing => Err(Duration::from_nanos(missing)),
        }
    }

    fn of(&self, address: IpAddr) -> &AtomicU64 {
        let hash = self.hasher.hash_one(address_or_network(address));
        let buckets = self.full_at.len() as u64;
        // Less than the number of buckets, which is a usize.
        &self.full_at[usize::try_from(hash % buckets).unwrap_or_default()]
    }

    fn depth(&self) -> u64 {
        u64::from(self.burst) * self.interval_nanoseconds()
    }

    fn interval_nanoseconds(&self) -> u64 {
        nanoseconds(self.interval)
    }

    fn nanoseconds(&self, moment: Instant) -> u64 {
        nanoseconds(moment.saturating_duration_since(self.beginning))
    }
}

/// Enough for five hundred years.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn some_come_at_once_and_then_one_for_each_interval() {
        let buckets = RateLimiter::new(3, 2 * SECOND);
        let now = buckets.beginning + SECOND;
        let many = |now| (0..10).filter(|_| buckets.take(HERE, now).is_ok()).count();
        assert_eq!(many(now), 3);
        assert_eq!(buckets.take(HERE, now), Err(2 * SECOND));
        assert_eq!(buckets.look(HERE, now + SECOND), Err(SECOND));
        assert_eq!(buckets.look(HERE, now + 2 * SECOND), Ok(()));
        assert_eq!(many(now + 4 * SECOND), 2);
        assert_eq!(many(now + 3600 * SECOND), 3, "not more than at the beginning");
    }

    #[test]
    fn others_have_buckets_of_their_own() {
        let buckets = RateLimiter::new(1, SECOND);
        let now = buckets.beginning;
        let addresses = || (0..1000_u32).map(|number| IpAddr::from((0x7f00_0000 + number).to_be_bytes()));
        let taken = addresses()
            .filter(|address| buckets.take(*address, now).is_ok())
            .count();
        // Thirty or so share one by chance.
        assert!(taken > 900, "{taken}");
        assert!(addresses().all(|address| buckets.take(address, now).is_err()));
    }
}
