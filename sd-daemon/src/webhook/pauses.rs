//! How long to wait before the next try.

use std::time::Duration;

/// The first pause is at most this long; each further one doubles it.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause: who is back after a night hears of it within minutes.
const LONGEST: Duration = Duration::from_secs(300);

/// Growing pauses between the tries of one thing.
///
/// Up to half of each is left to chance: daemons that lost the same receiver shall not come back to it all at
/// once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    so_far: u32,
}

impl Backoff {
    /// Whether nothing was waited for yet.
    pub(super) fn is_first(&self) -> bool {
        self.so_far == 0
    }

    /// The next pause.
    pub(super) fn next(&mut self) -> Duration {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.so_far));
        self.so_far = self.so_far.saturating_add(1);
        // Without random numbers the pause is a whole one.
        let chance = getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX));
        doubled.min(LONGEST).mul_f64(0.5 + chance / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_five_minutes_and_are_never_shorter_than_half() {
        let mut pauses = Backoff::default();
        assert!(pauses.is_first());
        for longest in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] {
            let (pause, longest) = (pauses.next(), Duration::from_secs(longest));
            assert!(
                (longest / 2..=longest).contains(&pause),
                "{pause:?} of {longest:?}"
            );
            assert!(!pauses.is_first());
        }
        pauses.so_far = u32::MAX;
        assert!(pauses.next() <= LONGEST);
    }

    #[test]
    fn two_daemons_do_not_wait_equally_long() {
        let tenth = || (0..10).map(|_| Backoff::default().next()).collect::<Vec<_>>();
        assert_ne!(tenth(), tenth());
    }
}
