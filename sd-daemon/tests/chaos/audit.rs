//! Collects the state of API, registry and engine while the clients pause, and checks the invariants.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use sd_client::api::ContainerQuery;

use crate::auditor::{Rows, SystemState};
use crate::ledger::Presence;
use crate::world::{CLOCK_ERROR, World};

/// All operations are complete within this time, even on a busy machine.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
/// The daemon closes an orphaned creation after its container has been absent for two minutes.
const CREATIONS_LIMIT: Duration = Duration::from_secs(240);
/// How many deleted containers a partial audit requests.
const SAMPLE: usize = 15;
/// The limit of the response time of a health check.
const HEALTH_LIMIT: Duration = Duration::from_secs(1);
const HEALTH_CHECKS: usize = 5;

/// Whether orphaned creations may still be open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creations {
    MayBeOpen,
    AreClosed,
}

/// Which deleted containers are requested.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    Some,
    All,
}

impl World {
    /// Checks what holds at any time.
    pub(crate) async fn audit_lightly(&self) -> anyhow::Result<()> {
        let _paused = self.gate.write().await;
        let system = self.collect(Gone::Some).await?;
        let findings = system.violations_at_any_time(&self.ledger());
        self.report(findings);
        self.confirm_removals(&system);
        Ok(())
    }

    /// Waits until all operations are complete, and checks all invariants.
    pub(crate) async fn audit(&self, creations: Creations, gone: Gone) -> anyhow::Result<()> {
        let _paused = self.gate.write().await;
        let limit = match creations {
            Creations::MayBeOpen => SETTLE_LIMIT,
            Creations::AreClosed => CREATIONS_LIMIT,
        };
        let deadline = Instant::now() + limit;
        loop {
            let system = self.collect(gone).await?;
            self.report(system.violations_at_any_time(&self.ledger()));
            let mut findings = system.violations_when_idle(&self.ledger());
            if creations == Creations::AreClosed {
                findings.extend(system.open_creations());
            }
            if findings.is_empty() {
                self.confirm_removals(&system);
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

    /// Enters the removals that the audit has confirmed, so that clients use existing containers.
    fn confirm_removals(&self, system: &SystemState) {
        let now = self.now();
        self.ledger()
            .confirm_removals(|id| system.rows.containers.contains_key(id), now);
    }

    fn report(&self, findings: Vec<String>) {
        for finding in findings {
            self.found(finding);
        }
    }

    async fn collect(&self, gone: Gone) -> anyhow::Result<SystemState> {
        let listed = self.client.containers(&ContainerQuery::default()).await?;
        let mut activities = BTreeMap::new();
        for container in &listed {
            // Fails if the container was removed since it was listed.
            if let Ok(activity) = self.client.activity(&container.container_id).await {
                activities.insert(container.container_id.clone(), activity);
            }
        }
        let rows = Rows::read(&self.daemon.registry())?;
        let foreign = self.ledger().all_foreign().clone();
        let mut foreign_states = BTreeMap::new();
        for id in foreign.keys() {
            foreign_states.insert(id.clone(), self.engine.describe(id).await?);
        }
        Ok(SystemState {
            now: self.now(),
            clock_error: CLOCK_ERROR,
            listed,
            activities,
            answers_for_gone: self.request_deleted(gone).await?,
            rows,
            engine: self.engine.containers(&self.instance()?, &foreign).await?,
            volumes: self.engine.volumes().await?,
            foreign: foreign_states,
        })
    }

    async fn request_deleted(&self, gone: Gone) -> anyhow::Result<BTreeMap<String, u16>> {
        let mut deleted: Vec<_> = {
            let ledger = self.ledger();
            let denied = ledger
                .accounts()
                .iter()
                .filter(|(_, account)| account.presence() == Presence::Deleted);
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

    /// Checks that reads and audits leave the registry unchanged. Idle stops may change it in some rounds, so one round
    /// without a change is enough.
    async fn reads_write_nothing(&self) -> anyhow::Result<()> {
        let registry = rusqlite::Connection::open(self.daemon.registry())?;
        let version = || registry.query_row("pragma data_version", [], |row| row.get::<_, i64>(0));
        let deadline = Instant::now() + SETTLE_LIMIT;
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
        self.found("lists and audits change the registry although no operation is in progress");
        Ok(())
    }

    async fn is_healthy(&self) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        let url = format!("{}/healthz", self.client.url());
        let mut fastest = Duration::MAX;
        for _ in 0..HEALTH_CHECKS {
            let started = Instant::now();
            client.get(&url).send().await?.error_for_status()?;
            fastest = fastest.min(started.elapsed());
        }
        if fastest > HEALTH_LIMIT {
            self.found(format!(
                "the fastest of {HEALTH_CHECKS} health checks took {fastest:?}"
            ));
        }
        Ok(())
    }
}
