//! What happens besides requests: reports of containers, and what somebody on the host does.

use sd_daemon::domain::{ContainerId, LiveState, ObservedState};

use super::super::sight::look;
use super::super::transition::{Labels, Outside};
use super::Play;
use crate::ledger::Deed;
use crate::support::Answer;

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
        let status = Answer::to(report).await.status;
        if status == 204 {
            self.ledger.acknowledge(ticket, now);
        } else {
            self.ledger.refuse(ticket, now);
        }
        status
    }

    pub(super) async fn report_from_taken_address(&mut self, ended: usize, next: usize) {
        let sighting = look(self.daemon(), &self.ledger).await;
        let of_status = |status: &'static str, which: usize| {
            let seen: Vec<_> = sighting
                .engine
                .iter()
                .filter(|seen| seen.status == status)
                .collect();
            which.checked_rem(seen.len()).map(|index| seen[index].clone())
        };
        let Some((ended, next)) = of_status("running", ended).zip(of_status("stopped", next)) else {
            return;
        };
        self.daemon().engine.skip_events();
        let now = self.now();
        for (id, deed) in [(&ended.id, Deed::EndOutside), (&next.id, Deed::Start)] {
            let ticket = self.ledger.enter(id, deed, now);
            if deed == Deed::Start {
                self.daemon().engine.start_behind_back(container_id(id));
            } else {
                self.daemon().engine.exit(container_id(id));
            }
            self.ledger.acknowledge(ticket, now);
        }
        // Nobody knows it yet; it is heard or not, but nobody else is taken for it.
        self.send_report(&next.id, next.number.unwrap()).await;
        self.daemon().engine.tell_events();
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
            ObservedState::Created | ObservedState::Ended { .. } => None,
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
