//! What happens besides requests: reports of containers, and what somebody on the host does.

use std::net::IpAddr;

use sd_daemon::domain::{ContainerId, LiveState, ObservedState};
use sd_daemon::engine::fake::FakeEngine;

use super::super::sample::look;
use super::super::transition::{Labels, Outside};
use super::Play;
use crate::ledger::Deed;
use crate::support::send;

impl Play {
    /// A running container reports its number, and is heard.
    pub(super) async fn report(&mut self, which: usize) {
        let sighting = look(self.daemon(), &self.ledger).await;
        let running: Vec<_> = sighting
            .engine
            .iter()
            .filter(|seen| seen.status == "running")
            .collect();
        let Some(seen) = which.checked_rem(running.len()).map(|index| running[index]) else {
            return;
        };
        let number = seen.number.unwrap();
        let status = self.send_report(&seen.id, number).await;
        assert_eq!(status, 204, "the report of {}", seen.id);
    }

    async fn send_report(&mut self, id: &str, number: u32) -> u16 {
        let Some(ObservedState::Live { addresses, .. }) = self.observe(id) else {
            panic!("{id} runs");
        };
        let now = self.now();
        let ticket = self.ledger.enter(id, Deed::CheckIn, now);
        let report = self
            .daemon()
            .check_in_from(addresses[0])
            .form(&[("active-connections", number)]);
        let status = send(report).await.status;
        if status == 204 {
            self.ledger.acknowledge(ticket, now);
        } else {
            self.ledger.refuse(ticket, now);
        }
        status
    }

    pub(super) async fn report_from_taken_address(&mut self, which: usize) {
        let sighting = look(self.daemon(), &self.ledger).await;
        let running = sighting.engine.iter().filter(|seen| seen.status == "running");
        // Whoever starts next gets the lowest address that is free.
        let Some(ended) = running.min_by_key(|seen| self.address(&seen.id)) else {
            return;
        };
        let others: Vec<_> = sighting
            .engine
            .iter()
            .filter(|seen| seen.id != ended.id)
            .collect();
        let Some(next) = which.checked_rem(others.len()).map(|index| others[index]) else {
            return;
        };
        match next.status.as_str() {
            "stopped" => {}
            "running" => {
                self.done_outside(&next.id, Deed::EndOutside, FakeEngine::exit);
                self.settle_down().await;
            }
            _ => return,
        }
        self.daemon().engine.skip_events();
        self.done_outside(&ended.id, Deed::EndOutside, FakeEngine::exit);
        self.done_outside(&next.id, Deed::Start, FakeEngine::start_behind_back);
        // Nobody knows it yet; it is heard or not, but nobody else is taken for it.
        self.send_report(&next.id, next.number.unwrap()).await;
        self.daemon().engine.tell_events();
    }

    fn done_outside(&mut self, id: &str, deed: Deed, act: impl Fn(&FakeEngine, ContainerId)) {
        let now = self.now();
        let ticket = self.ledger.enter(id, deed, now);
        act(&self.daemon().engine, container_id(id));
        self.ledger.acknowledge(ticket, now);
    }

    fn address(&self, id: &str) -> Option<IpAddr> {
        match self.observe(id)? {
            ObservedState::Live { addresses, .. } => addresses.first().copied(),
            ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => None,
        }
    }

    /// Seen from the engine's side: no fault is in the way.
    fn observe(&self, id: &str) -> Option<ObservedState> {
        let observation = self.daemon().engine.observation_of(container_id(id));
        observation.map(|observation| observation.state)
    }

    pub(super) fn outside(&mut self, which: usize, what: Outside) {
        let Some(id) = self.pick(which) else { return };
        let Some(state) = self.observe(&id) else { return };
        let live = match &state {
            ObservedState::Live { state, .. } => Some(*state),
            ObservedState::Created | ObservedState::Ended { .. } | ObservedState::Unknown => None,
        };
        let (engine, number) = (self.daemon().engine.clone(), container_id(&id));
        let deed = match (what, live) {
            (Outside::Start, None) | (Outside::Unpause, Some(LiveState::Paused)) => Some(Deed::Start),
            (Outside::End, Some(LiveState::Running)) => Some(Deed::EndOutside),
            (Outside::Pause, Some(LiveState::Running)) => Some(Deed::PauseOutside),
            (Outside::Remove, _) => Some(Deed::RemoveOutside),
            (Outside::Rename, _) => None,
            _ => return,
        };
        let now = self.now();
        let ticket = deed.map(|deed| self.ledger.enter(&id, deed, now));
        match what {
            Outside::Start => engine.start_behind_back(number),
            Outside::End => engine.stop_behind_back(number),
            Outside::Remove => engine.remove_behind_back(number),
            Outside::Pause => engine.pause(number),
            Outside::Unpause => engine.unpause(number),
            Outside::Rename => {
                self.next_number += 1;
                engine.rename(number, format!("renamed_{}", self.next_number).parse().unwrap());
            }
        }
        if let Some(ticket) = ticket {
            self.ledger.acknowledge(ticket, now);
        }
    }

    pub(super) fn make_foreign(&mut self, labels: Labels) {
        self.next_number += 1;
        let name = format!("foreign_{}", self.next_number);
        let operation = match labels {
            Labels::None => None,
            Labels::Forged => Some(format!("{:032x}", self.next_number).parse().unwrap()),
        };
        let engine = self.daemon().engine.clone();
        let id = engine.create_behind_back(&name, operation);
        engine.start_behind_back(id);
        let observation = engine.observation_of(id).unwrap();
        self.ledger.foreign(id.to_string(), format!("{observation:?}"));
    }
}

fn container_id(id: &str) -> ContainerId {
    id.parse().unwrap()
}
