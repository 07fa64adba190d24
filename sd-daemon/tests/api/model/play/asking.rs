//! Requests: made, killed half-way, and two at once while the engine hangs.

use std::time::Duration;

use sd_client::api::{
    Container, ContainerQuery, CreateContainer, ExtendContainer, RemoveMode, Span, TimeLimit, UpdateContainer,
};
use sd_client::{Client, Error};
use sd_daemon::domain::Lifecycle;
use sd_daemon::engine::fake::{Action, Point};
use sd_daemon::registry::Snapshot;

use super::super::sample::NUMBER;
use super::super::transition::Request;
use super::{MOMENT, Play};
use crate::ledger::{Deed, Moment, Ticket};
use crate::support::{IMAGE, with_timeout};

/// A request that has not come to a point after this time does not come there.
const UNTIL_HELD: Duration = Duration::from_millis(30);
/// What keys create reports numbers of its own.
const FIRST_NUMBER_OF_KEYS: u32 = 500_000;

/// What is answered besides success: there is no such container, its state does not allow it, there are too many, the
/// engine is away. Anything else would be a bug.
pub(super) const NO: [u16; 5] = [404, 409, 429, 503, 504];
/// Only when it did.
pub(super) const ENGINE_REFUSED: u16 = 502;

/// A request about containers that are known by now.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Create(CreateContainer, u32, Option<String>),
    Start(String),
    Stop(String),
    Delete(String, RemoveMode),
    Hold(String, Duration),
    SetIdleTimeout(String, u64),
    List,
}

/// Where what comes of a request is to be entered.
enum Entered {
    Create(Moment),
    Deed(Ticket),
    Nothing,
}

impl Play {
    /// Nothing when it is about a container and there is none.
    pub(super) fn resolve(&mut self, request: &Request) -> Option<Asked> {
        Some(match request {
            Request::Create { idle_timeout, key } => self.wanted(*idle_timeout, *key),
            Request::Start(which) => Asked::Start(self.pick(*which)?),
            Request::Stop(which) => Asked::Stop(self.pick(*which)?),
            Request::Delete(which, mode) => Asked::Delete(self.pick(*which)?, *mode),
            Request::Hold(which, seconds) => Asked::Hold(self.pick(*which)?, Duration::from_secs(*seconds)),
            Request::SetIdleTimeout(which, seconds) => Asked::SetIdleTimeout(self.pick(*which)?, *seconds),
            Request::List => Asked::List,
        })
    }

    fn wanted(&mut self, idle_timeout: u64, key: Option<u8>) -> Asked {
        let (number, idle_timeout) = if let Some(key) = key {
            // The same key comes with the same request.
            (FIRST_NUMBER_OF_KEYS + u32::from(key), 1_000 * u64::from(key))
        } else {
            self.next_number += 1;
            (self.next_number, idle_timeout)
        };
        let mut wanted = CreateContainer::of_image(IMAGE);
        wanted.env.insert(NUMBER.to_owned(), number.to_string());
        wanted.idle_timeout = Some(limit(idle_timeout));
        Asked::Create(wanted, number, key.map(|key| format!("key-{key}")))
    }

    pub(super) async fn ask(&mut self, asked: Asked, refusals: &[u16]) {
        let entered = self.enter(&asked);
        let answer = with_timeout(send(self.daemon().client.clone(), asked.clone())).await;
        self.settle(&asked, entered, answer, refusals);
    }

    fn enter(&mut self, asked: &Asked) -> Entered {
        let now = self.now();
        let (id, deed) = match asked {
            Asked::Create(..) => return Entered::Create(self.ledger.moment(now)),
            Asked::List => return Entered::Nothing,
            Asked::Start(id) => (id, Deed::Start),
            Asked::Stop(id) => (id, Deed::Stop),
            Asked::Delete(id, _) => (id, Deed::Remove),
            Asked::Hold(id, span) => (id, Deed::Hold(*span)),
            Asked::SetIdleTimeout(id, seconds) => (id, Deed::SetIdleTimeout(Some(*seconds))),
        };
        Entered::Deed(self.ledger.enter(id, deed, now))
    }

    fn settle(
        &mut self,
        asked: &Asked,
        entered: Entered,
        answer: Result<Option<Container>, Error>,
        refusals: &[u16],
    ) {
        let now = self.now();
        match (entered, answer) {
            (Entered::Create(began), Ok(container)) => {
                let Asked::Create(_, number, key) = asked else {
                    return;
                };
                self.ledger
                    .created(&container.unwrap(), began, *number, key.as_deref(), now);
                self.note_volumes();
            }
            // A container that is never stopped for idleness needs no hold, and has none.
            (Entered::Deed(ticket), Ok(Some(shown)))
                if matches!(asked, Asked::Hold(..)) && shown.idle_timeout.is_none() =>
            {
                self.ledger.refuse(ticket, now);
            }
            (Entered::Deed(ticket), Ok(_)) => self.ledger.acknowledge(ticket, now),
            (entered, Err(error)) => {
                let status = error.problem().map(|problem| problem.status);
                assert!(
                    status.is_some_and(|status| refusals.contains(&status)),
                    "{asked:?} was answered with {error:?}"
                );
                if let Entered::Deed(ticket) = entered {
                    if status < Some(500) {
                        self.ledger.refuse(ticket, now);
                    } else {
                        self.ledger.leave_open(ticket, now);
                    }
                }
            }
            (Entered::Nothing, Ok(_)) => {}
        }
    }

    pub(super) async fn kill_at(&mut self, request: &Request, point: Point) {
        let Some(asked) = self.resolve(request) else {
            return;
        };
        let entered = self.enter(&asked);
        let hold = self.daemon().engine.hold(point);
        let answer = tokio::select! {
            answer = with_timeout(send(self.daemon().client.clone(), asked.clone())) => Some(answer),
            () = hold.reached() => None,
        };
        if let Some(answer) = answer {
            self.settle(&asked, entered, answer, &NO);
        } else if let Entered::Deed(ticket) = entered {
            let now = self.now();
            self.ledger.leave_open(ticket, now);
        }
        let killed = self.daemon.take().unwrap().kill().await;
        hold.release();
        self.daemon = Some(killed.restart().await);
        let now = self.now();
        self.ledger.daemon_starts(now);
    }

    /// Whoever hangs up stops listening, and nothing else: what the engine is being asked for is done.
    pub(super) async fn hang_up(&mut self, request: &Request) {
        let Some(asked) = self.resolve(request) else {
            return;
        };
        let action = match &asked {
            Asked::Create(..) => Action::Create,
            Asked::Start(_) => Action::Start,
            Asked::Delete(..) => Action::Remove,
            // It answers before it asks the engine, or never asks.
            Asked::Stop(_) | Asked::Hold(..) | Asked::SetIdleTimeout(..) | Asked::List => return,
        };
        let count_before = self.statuses().await.len();
        let entered = self.enter(&asked);
        let hold = self.daemon().engine.hold(Point::Before(action));
        let answer = tokio::select! {
            answer = with_timeout(send(self.daemon().client.clone(), asked.clone())) => Some(answer),
            () = hold.reached() => None,
        };
        if let Some(answer) = answer {
            return self.settle(&asked, entered, answer, &NO);
        }
        hold.release();
        self.daemon()
            .until_registry(|snapshot| is_done(&asked, count_before, snapshot))
            .await;
        if let Entered::Deed(ticket) = entered {
            let now = self.now();
            self.ledger.acknowledge(ticket, now);
        }
    }

    pub(super) async fn hang(&mut self, one: &Request, other: &Request, point: Point) {
        let Some((one, other)) = self.resolve(one).zip(self.resolve(other)) else {
            return;
        };
        let (entered_one, entered_other) = (self.enter(&one), self.enter(&other));
        let hold = self.daemon().engine.hold(point);
        let client = &self.daemon().client;
        let hanging = async {
            // It may never come to this point.
            drop(tokio::time::timeout(UNTIL_HELD, hold.reached()).await);
            tokio::time::sleep(MOMENT).await;
            hold.release();
        };
        let answers = (
            with_timeout(send(client.clone(), one.clone())),
            with_timeout(send(client.clone(), other.clone())),
        );
        let (answer_one, answer_other, ()) = tokio::join!(answers.0, answers.1, hanging);
        self.settle(&one, entered_one, answer_one, &NO);
        self.settle(&other, entered_other, answer_other, &NO);
    }
}

/// Whether the registry shows what was asked for when there were so many containers.
fn is_done(asked: &Asked, count_before: usize, snapshot: &Snapshot) -> bool {
    let state_of = |id: &String| snapshot.get(id.parse().unwrap()).map(|record| record.lifecycle());
    match asked {
        Asked::Create(..) => {
            let mut lifecycles = snapshot.records().map(|record| record.lifecycle());
            snapshot.records().count() > count_before
                && !lifecycles.any(|lifecycle| matches!(lifecycle, Lifecycle::Starting))
        }
        Asked::Start(id) => matches!(state_of(id), Some(Lifecycle::Running { .. })),
        Asked::Delete(id, _) => state_of(id).is_none(),
        Asked::Stop(_) | Asked::Hold(..) | Asked::SetIdleTimeout(..) | Asked::List => true,
    }
}

async fn send(client: Client, asked: Asked) -> Result<Option<Container>, Error> {
    Ok(match asked {
        Asked::Create(wanted, _, Some(key)) => Some(client.create_once(&wanted, &key).await?),
        Asked::Create(wanted, _, None) => Some(client.create(&wanted).await?),
        Asked::Start(id) => Some(client.start(&id).await?),
        Asked::Stop(id) => Some(client.stop(&id).await?),
        Asked::Delete(id, mode) => {
            client.remove(&id, mode).await?;
            None
        }
        Asked::Hold(id, span) => {
            let extension = ExtendContainer::hold_for(Span::try_from(span).unwrap());
            Some(client.extend(&id, &extension).await?)
        }
        Asked::SetIdleTimeout(id, seconds) => {
            let update = UpdateContainer {
                idle_timeout: Some(limit(seconds)),
                ..UpdateContainer::default()
            };
            Some(client.update(&id, &update).await?)
        }
        Asked::List => {
            let query = ContainerQuery {
                audit: true,
                ..ContainerQuery::default()
            };
            client.containers(&query).await?;
            None
        }
    })
}

fn limit(seconds: u64) -> TimeLimit {
    match seconds {
        0 => TimeLimit::Never,
        _ => TimeLimit::After(Duration::from_secs(seconds)),
    }
}
