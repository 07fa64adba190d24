//! A client: it creates, starts, stops, deletes, extends, lists and reports without end, and now and then changes a
//! container behind the daemon's back. Whatever it does is entered into the ledger.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use sd_client::api::{
    Container, ContainerQuery, CreateContainer, ExtendContainer, RemoveMode, Span, Status, TimeLimit,
    UpdateContainer,
};
use tokio_util::sync::CancellationToken;

use crate::auditor::stopped_too_early;
use crate::docker::image;
use crate::engine::{NUMBER, Outside};
use crate::ledger::{Deed, Ticket};
use crate::world::{CLOCK_ERROR, Outcome, World};

/// Together with what the others are just creating, about fifteen.
const MOST_CONTAINERS: usize = 11;
/// A create with a key is repeated this often, until it is answered.
const REPETITIONS: u32 = 60;
const PAUSE_BETWEEN_REPETITIONS: Duration = Duration::from_millis(250);
/// A container with a longer idle timeout does not become idle in a run.
const LONG: Duration = Duration::from_secs(20_000);
/// The idle timeout of a container that reports each second: it never becomes idle.
const OF_REPORTERS: Duration = Duration::from_secs(60);

/// Reports its number each second, for as long as it runs.
const REPORTER: &str = "trap 'exit 0' TERM; while :; do \
    /bin/busybox wget -q -O - --post-data active-connections=$SD_TEST_NUMBER $SD_CHECK_IN_URL; \
    sleep 1 & wait $!; done";

pub(crate) struct LoadClient {
    world: Arc<World>,
    over: CancellationToken,
    random: Rng,
    /// Distinguishes its keys from those of other clients and runs.
    keys: u64,
}

impl LoadClient {
    pub(crate) fn new(world: Arc<World>, over: CancellationToken, mut random: Rng) -> Self {
        let keys = random.u64(..);
        Self {
            world,
            over,
            random,
            keys,
        }
    }

    /// Does one thing after the other until it is over.
    pub(crate) async fn run(mut self) {
        let world = Arc::clone(&self.world);
        while !self.over.is_cancelled() {
            {
                let _nobody_looks = world.gate.read().await;
                self.act().await;
            }
            tokio::time::sleep(Duration::from_millis(self.random.u64(20..300))).await;
        }
    }

    async fn act(&mut self) {
        let alive = self.world.ledger().alive();
        let choice = self.random.u32(0..100);
        if alive.len() < 3 || (choice < 22 && alive.len() < MOST_CONTAINERS) {
            return self.create().await;
        }
        let id = self.random.choice(&alive).cloned().unwrap_or_default();
        match choice {
            ..37 => self.start(&id).await,
            37..50 => self.stop(&id).await,
            50..62 => self.remove(&id).await,
            62..69 => self.hold(&id).await,
            69..75 => self.set_idle_timeout(&id).await,
            75..83 => self.list().await,
            83..91 => self.check_in(&id).await,
            91..93 => self.outside(&id, Outside::Kill).await,
            93..95 => self.outside(&id, Outside::Stop).await,
            95..97 => self.freeze(&id).await,
            _ => self.outside(&id, Outside::Remove).await,
        }
    }

    fn wanted(&mut self, number: u32) -> CreateContainer {
        let mut wanted = CreateContainer::of_image(image());
        wanted.env.insert(NUMBER.to_owned(), number.to_string());
        wanted.idle_timeout = Some(match self.random.u32(0..10) {
            0..3 => TimeLimit::After(Duration::from_secs(self.random.u64(3..9))),
            3..6 => {
                wanted.cmd = ["/bin/sh", "-c", REPORTER].map(str::to_owned).to_vec();
                TimeLimit::After(OF_REPORTERS)
            }
            6 => TimeLimit::Never,
            _ => TimeLimit::After(self.long()),
        });
        wanted
    }

    fn long(&mut self) -> Duration {
        LONG + Duration::from_secs(self.random.u64(0..10_000))
    }

    async fn create(&mut self) {
        let world = Arc::clone(&self.world);
        let number = world.next_number();
        let wanted = self.wanted(number);
        let key = self
            .random
            .bool()
            .then(|| format!("chaos-{}-{number}", self.keys));
        let mut repetitions = if key.is_some() { REPETITIONS } else { 0 };
        let mut may_ask_again = key.is_some() && self.random.u32(0..3) == 0;
        let began = world.ledger().moment(world.now());
        loop {
            let created = match &key {
                Some(key) => {
                    world
                        .attempt("create with a key", world.client.create_once(&wanted, key))
                        .await
                }
                None => world.attempt("create", world.client.create(&wanted)).await,
            };
            let is_answered = match created {
                Outcome::Acknowledged(container) => {
                    world
                        .ledger()
                        .created(&container, began, number, key.as_deref(), world.now());
                    self.note_volumes(&container).await;
                    !std::mem::take(&mut may_ask_again)
                }
                // Somebody has removed what the key stands for, or there are too many.
                Outcome::Refused => true,
                Outcome::NotSent | Outcome::Unknown => false,
            };
            if is_answered || repetitions == 0 {
                return;
            }
            repetitions = repetitions.saturating_sub(1);
            tokio::time::sleep(PAUSE_BETWEEN_REPETITIONS).await;
        }
    }

    async fn note_volumes(&self, container: &Container) {
        let world = &self.world;
        match world.engine.volumes_of(&container.container_id).await {
            Ok(volumes) => world.ledger().has_volumes(&container.container_id, volumes),
            Err(error) => world.found(format!("the engine does not answer: {error:#}")),
        }
    }

    async fn start(&self, id: &str) {
        let world = &self.world;
        let ticket = self.enter(id, Deed::Start);
        let started = world.attempt("start", world.client.start(id)).await;
        // It may have ended by itself at once, or somebody else has ended or paused it.
        self.expect(id, &started, &[Status::Running, Status::Stopped, Status::Paused]);
        self.settle(ticket, &started);
    }

    async fn stop(&self, id: &str) {
        let world = &self.world;
        let ticket = self.enter(id, Deed::Stop);
        let stopped = world.attempt("stop", world.client.stop(id)).await;
        self.expect(id, &stopped, &[Status::Stopping, Status::Stopped]);
        self.settle(ticket, &stopped);
    }

    fn expect(&self, id: &str, answer: &Outcome<Container>, statuses: &[Status]) {
        if let Outcome::Acknowledged(container) = answer
            && !statuses.contains(&container.status)
        {
            self.world.found(format!(
                "{id} was answered as {}, not {statuses:?}",
                container.status
            ));
        }
    }

    async fn remove(&mut self, id: &str) {
        self.look_at_history(id).await;
        let world = &self.world;
        let mode = if self.random.bool() {
            RemoveMode::Force
        } else {
            RemoveMode::Graceful
        };
        let ticket = self.enter(id, Deed::Remove);
        let removed = world.attempt("delete", world.client.remove(id, mode)).await;
        self.settle(ticket, &removed);
    }

    /// With a container goes its history: it is looked at before.
    async fn look_at_history(&self, id: &str) {
        let world = &self.world;
        let activity = world.attempt("activity", world.client.activity(id)).await;
        let Outcome::Acknowledged(activity) = activity else {
            return;
        };
        let ledger = world.ledger();
        let account = ledger.accounts().get(id);
        let early = account.map(|account| stopped_too_early(&activity, account, &ledger, CLOCK_ERROR));
        drop(ledger);
        for finding in early.unwrap_or_default() {
            world.found(finding);
        }
    }

    async fn hold(&mut self, id: &str) {
        let span = Duration::from_secs(self.random.u64(5..90));
        let Ok(asked) = Span::try_from(span) else { return };
        let world = &self.world;
        let ticket = self.enter(id, Deed::Hold(span));
        let extension = ExtendContainer::hold_for(asked);
        let held = world.attempt("extend", world.client.extend(id, &extension)).await;
        self.settle(ticket, &held);
    }

    /// Of those alone that do not become idle: it stays clear when the others may.
    async fn set_idle_timeout(&mut self, id: &str) {
        let timeout = self.world.ledger().accounts()[id].shortest_idle_timeout();
        if timeout.is_none_or(|timeout| timeout < LONG) {
            return;
        }
        let timeout = self.long();
        let world = &self.world;
        let update = UpdateContainer {
            idle_timeout: Some(TimeLimit::After(timeout)),
            ..UpdateContainer::default()
        };
        let ticket = self.enter(id, Deed::SetIdleTimeout(Some(timeout.as_secs())));
        let updated = world
            .attempt("set the idle timeout", world.client.update(id, &update))
            .await;
        self.settle(ticket, &updated);
    }

    /// Lists, and takes care of what others were never told of: nobody else would.
    async fn list(&mut self) {
        let world = Arc::clone(&self.world);
        let query = ContainerQuery {
            audit: self.random.u32(0..4) == 0,
            ..ContainerQuery::default()
        };
        let listed = world.attempt("list", world.client.containers(&query)).await;
        let Outcome::Acknowledged(listed) = listed else {
            return;
        };
        let unknown = listed.iter().find(|container| {
            let is_known = world.ledger().accounts().contains_key(&container.container_id);
            !is_known && container.status == Status::Running
        });
        if let Some(unknown) = unknown {
            world.ledger().adopt(unknown, world.now());
            self.remove(&unknown.container_id).await;
        }
    }

    async fn check_in(&self, id: &str) {
        let world = &self.world;
        let _inside = world.beginning_inside.read().await;
        let ticket = self.enter(id, Deed::CheckIn);
        let reported = match world.engine.check_in(id).await {
            Ok(true) => Outcome::Acknowledged(()),
            // It does not run, or the daemon does not, or something ended while it reported.
            Ok(false) => Outcome::Unknown,
            Err(error) => {
                world.found(format!("a report from inside {id} hangs: {error:#}"));
                Outcome::Unknown
            }
        };
        world.count("check in", &reported);
        self.settle(ticket, &reported);
    }

    /// Pauses a container for a moment.
    async fn freeze(&mut self, id: &str) {
        let world = Arc::clone(&self.world);
        let nothing_begins = world.beginning_inside.write().await;
        self.outside(id, Outside::Pause).await;
        drop(nothing_begins);
        tokio::time::sleep(Duration::from_millis(self.random.u64(50..2_000))).await;
        self.outside(id, Outside::Unpause).await;
    }

    async fn outside(&self, id: &str, what: Outside) {
        let world = &self.world;
        let (deed, name) = match what {
            Outside::Kill => (Deed::EndOutside, "docker kill"),
            Outside::Stop => (Deed::EndOutside, "docker stop"),
            Outside::Remove => (Deed::RemoveOutside, "docker rm"),
            Outside::Pause => (Deed::PauseOutside, "docker pause"),
            Outside::Unpause => (Deed::Start, "docker unpause"),
        };
        let ticket = self.enter(id, deed);
        let done = match world.engine.outside(id, what).await {
            Ok(true) => Outcome::Acknowledged(()),
            Ok(false) => Outcome::Refused,
            Err(error) => {
                world.found(format!("the engine does not answer: {error:#}"));
                Outcome::Unknown
            }
        };
        world.count(name, &done);
        self.settle(ticket, &done);
    }

    fn enter(&self, id: &str, deed: Deed) -> Ticket {
        self.world.ledger().enter(id, deed, self.world.now())
    }

    fn settle<T>(&self, ticket: Ticket, outcome: &Outcome<T>) {
        let now = self.world.now();
        let mut ledger = self.world.ledger();
        match outcome {
            Outcome::Acknowledged(_) => ledger.acknowledge(ticket, now),
            Outcome::Unknown => ledger.leave_open(ticket, now),
            Outcome::Refused | Outcome::NotSent => ledger.refuse(ticket, now),
        }
    }
}
