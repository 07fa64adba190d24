//! Looking at everything while nothing is done, and asking what always has to be true.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use sd_client::api::ContainerQuery;

use crate::auditor::{Rows, Sighting};
use crate::ledger::Presence;
use crate::world::{CLOCK_ERROR, World};

/// After this long everything is settled, on a machine with other things to do too.
const PATIENCE: Duration = Duration::from_secs(60);
/// Creates that a crash left behind are forgotten after two minutes of which the engine knows nothing of them.
const PATIENCE_WITH_CREATIONS: Duration = Duration::from_secs(240);
/// How many of those that are gone are asked for each time.
const SAMPLE: usize = 15;
/// Whoever asks whether the daemon lives hears so within this time.
const HEALTHY: Duration = Duration::from_secs(1);
const HEALTH_CHECKS: usize = 5;

/// Whether creates that were left behind may still be open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creations {
    MayBeOpen,
    AreClosed,
}

/// How many of the containers that are gone are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    Some,
    All,
}

impl World {
    /// What holds at any moment.
    pub(crate) async fn audit_lightly(&self) -> anyhow::Result<()> {
        let _nothing_is_done = self.gate.write().await;
        let sighting = self.look(Gone::Some).await?;
        let findings = sighting.at_any_moment(&self.ledger());
        self.report(findings);
        self.bury(&sighting);
        Ok(())
    }

    /// What holds once everything is settled, which has to be soon.
    pub(crate) async fn audit(&self, creations: Creations, gone: Gone) -> anyhow::Result<()> {
        let _nothing_is_done = self.gate.write().await;
        let patience = match creations {
            Creations::MayBeOpen => PATIENCE,
            Creations::AreClosed => PATIENCE_WITH_CREATIONS,
        };
        let deadline = Instant::now() + patience;
        loop {
            let sighting = self.look(gone).await?;
            self.report(sighting.at_any_moment(&self.ledger()));
            let mut findings = sighting.in_quiet(&self.ledger());
            if creations == Creations::AreClosed {
                findings.extend(sighting.no_creation_left());
            }
            if findings.is_empty() {
                self.bury(&sighting);
                break;
            }
            if Instant::now() > deadline {
                self.report(findings);
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.reads_write_nothing().await?;
        self.is_healthy().await
    }

    /// So that the clients turn to what is there.
    fn bury(&self, sighting: &Sighting) {
        let now = self.now();
        self.ledger()
            .bury(|id| sighting.rows.containers.contains_key(id), now);
    }

    fn report(&self, findings: Vec<String>) {
        for finding in findings {
            self.found(finding);
        }
    }

    async fn look(&self, gone: Gone) -> anyhow::Result<Sighting> {
        let listed = self.client.containers(&ContainerQuery::default()).await?;
        let mut activities = BTreeMap::new();
        for container in &listed {
            // One that is removed meanwhile has none.
            if let Ok(activity) = self.client.activity(&container.container_id).await {
                activities.insert(container.container_id.clone(), activity);
            }
        }
        let rows = Rows::read(&self.daemon.registry())?;
        let foreign = self.ledger().all_foreign().clone();
        let mut looks = BTreeMap::new();
        for id in foreign.keys() {
            looks.insert(id.clone(), self.engine.look(id).await?);
        }
        Ok(Sighting {
            now: self.now(),
            clock_error: CLOCK_ERROR,
            listed,
            activities,
            answers_for_gone: self.ask_for(gone).await?,
            rows,
            engine: self.engine.containers(&self.instance()?, &foreign).await?,
            volumes: self.engine.volumes().await?,
            foreign: looks,
        })
    }

    async fn ask_for(&self, gone: Gone) -> anyhow::Result<BTreeMap<String, u16>> {
        let mut deleted: Vec<_> = {
            let ledger = self.ledger();
            let denied = ledger
                .accounts()
                .iter()
                .filter(|(_, account)| account.presence() == Presence::Denied);
            denied.map(|(id, _)| id.clone()).collect()
        };
        if gone == Gone::Some {
            fastrand::shuffle(&mut deleted);
            deleted.truncate(SAMPLE);
        }
        let mut answers = BTreeMap::new();
        for id in deleted {
            let status = match self.client.container(&id).await {
                Ok(_) => StatusCode::OK.as_u16(),
                Err(error) => error
                    .problem()
                    .map_or_else(|| Err(error.to_string()), |problem| Ok(problem.status))
                    .map_err(anyhow::Error::msg)?,
            };
            answers.insert(id, status);
        }
        Ok(answers)
    }

    /// Reads and reconciling in quiet leave the registry as it is. What becomes idle meanwhile changes it rightly:
    /// one round of several without a change is enough.
    async fn reads_write_nothing(&self) -> anyhow::Result<()> {
        let registry = rusqlite::Connection::open(self.daemon.registry())?;
        let version = || registry.query_row("pragma data_version", [], |row| row.get::<_, i64>(0));
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let before = version()?;
            for audit in [false, true, true] {
                let query = ContainerQuery {
                    audit,
                    ..ContainerQuery::default()
                };
                self.client.containers(&query).await?;
            }
            if version()? == before {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        self.found("lists and audits change the registry while nothing happens");
        Ok(())
    }

    async fn is_healthy(&self) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        let url = format!("{}/healthz", self.client.url());
        let mut fastest = Duration::MAX;
        for _ in 0..HEALTH_CHECKS {
            let begun = Instant::now();
            client.get(&url).send().await?.error_for_status()?;
            fastest = fastest.min(begun.elapsed());
        }
        if fastest > HEALTHY {
            self.found(format!(
                "the fastest of {HEALTH_CHECKS} health checks took {fastest:?}"
            ));
        }
        Ok(())
    }
}
