//! Rate limits per client address, as a generic cell rate algorithm (GCRA).
//!
//! The limiter has a fixed number of cells and never allocates. Addresses that fall into the same cell share its limit.
//! The assignment is secret to the process, so that an attacker cannot choose to exhaust the cell of another client.
//! Crates such as governor allocate per address, which an attacker with many addresses can exhaust.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::problem::Problem;
use crate::server::{Peer, address_or_network};

/// Far more than the addresses that send anything; 128 KiB.
const CELLS: usize = 16 * 1024;

/// The rate of check-ins that one address may send.
#[derive(Clone, Copy, Debug)]
pub struct ReportRate {
    /// Check-ins at once.
    pub burst: u32,
    /// Interval after which one more is allowed.
    pub interval: Duration,
}

/// Generous, because many containers may share one source address.
impl Default for ReportRate {
    fn default() -> Self {
        Self {
            burst: 60,
            interval: Duration::from_millis(100),
        }
    }
}

/// Limits check-ins per address. Each of them costs a call to the engine.
pub(in crate::http) async fn limit_check_ins(
    State(limiter): State<Arc<RateLimiter>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match limiter.check(peer.address(), Instant::now()) {
        Ok(()) => Ok(next.run(request).await),
        Err(retry_after) => Err(Problem::rate_limited(
            "too many check-ins from this address",
            retry_after,
        )),
    }
}

/// A rate limit for each address.
#[derive(Debug)]
pub(in crate::http) struct RateLimiter {
    /// For each cell the moment at which its whole burst is available again, in nanoseconds since `started_at`.
    cells: Box<[AtomicU64]>,
    hasher: RandomState,
    started_at: Instant,
    interval: Duration,
    burst: u32,
}

impl RateLimiter {
    /// Allows `burst` requests at once and one more after each `interval`.
    pub(in crate::http) fn new(burst: u32, interval: Duration) -> Self {
        Self {
            cells: (0..CELLS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            started_at: Instant::now(),
            interval,
            burst,
        }
    }

    /// Counts one request. Returns how long to wait if the limit is reached.
    pub(in crate::http) fn check(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let now = self.since_start(now);
        let mut retry_after = 0;
        let counted = self
            .cell(address)
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                let full_at = full_at.max(now) + nanoseconds(self.interval);
                retry_after = full_at.saturating_sub(now + self.tolerance());
                (retry_after == 0).then_some(full_at)
            });
        match counted {
            Ok(_) => Ok(()),
            Err(_) => Err(Duration::from_nanos(retry_after)),
        }
    }

    /// As [`Self::check`], but does not count the request.
    pub(in crate::http) fn peek(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let now = self.since_start(now);
        let full_at = self.cell(address).load(Ordering::Relaxed).max(now) + nanoseconds(self.interval);
        match full_at.saturating_sub(now + self.tolerance()) {
            0 => Ok(()),
            retry_after => Err(Duration::from_nanos(retry_after)),
        }
    }

    fn cell(&self, address: IpAddr) -> &AtomicU64 {
        let hash = self.hasher.hash_one(address_or_network(address));
        let cells = self.cells.len() as u64;
        // Smaller than the number of cells, which is a usize.
        &self.cells[usize::try_from(hash % cells).unwrap_or_default()]
    }

    fn tolerance(&self) -> u64 {
        u64::from(self.burst) * nanoseconds(self.interval)
    }

    fn since_start(&self, moment: Instant) -> u64 {
        nanoseconds(moment.saturating_duration_since(self.started_at))
    }
}

/// Saturates after five hundred years.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn allows_a_burst_and_then_one_request_per_interval() {
        let limiter = RateLimiter::new(3, 2 * SECOND);
        let now = limiter.started_at + SECOND;
        let allowed = |now| (0..10).filter(|_| limiter.check(ADDRESS, now).is_ok()).count();
        assert_eq!(allowed(now), 3);
        assert_eq!(limiter.check(ADDRESS, now), Err(2 * SECOND));
        assert_eq!(limiter.peek(ADDRESS, now + SECOND), Err(SECOND));
        assert_eq!(limiter.peek(ADDRESS, now + 2 * SECOND), Ok(()));
        assert_eq!(allowed(now + 4 * SECOND), 2);
        assert_eq!(allowed(now + 3600 * SECOND), 3, "never more than the burst");
    }

    #[test]
    fn limits_addresses_independently() {
        let limiter = RateLimiter::new(1, SECOND);
        let now = limiter.started_at;
        let addresses = || (0..1000_u32).map(|number| IpAddr::from((0x7f00_0000 + number).to_be_bytes()));
        let allowed = addresses()
            .filter(|address| limiter.check(*address, now).is_ok())
            .count();
        // About thirty share a cell by chance.
        assert!(allowed > 900, "{allowed}");
        assert!(addresses().all(|address| limiter.check(address, now).is_err()));
    }
}
