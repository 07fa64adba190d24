//! The listeners that containers reach: one route, on the host's addresses in the containers' networks.
//!
//! A container keeps the network and the check-in address that it was created with. There is a listener on
//! the network of new containers, therefore, and one on each other network of this daemon's containers: after
//! a change of the setting `network`, older containers can still check in. The other networks are read once,
//! because new containers use one network only while the daemon runs.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::http::{self, Router};
use crate::server;
use crate::service::{CheckInAddress, CheckInAddressWatch, EngineAccess, Service};
use crate::settings::CheckInListen;
use crate::task_status::TaskReporter;

/// Ports that are tried if the configured one is in use. The order is fixed, so that after a restart the
/// listener most likely gets the port that existing containers use.
const OTHER_PORTS: std::ops::RangeInclusive<u16> = 10080..=10089;

/// How often a missing listener is tried again: the engine may start later, and create its network then.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How often the gateways are read: a network that is removed and created again has another address.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(5);

/// Serves check-ins.
pub(super) enum CheckInListener {
    /// On one configured address.
    Fixed(TcpListener),
    /// On the gateways of the containers' networks, once there are any.
    Gateways(Gateways),
}

impl CheckInListener {
    /// Binds a configured address, and sets the check-in address of new containers. Returns `None` if
    /// check-ins are not served.
    pub(super) async fn build(listen: CheckInListen, service: &Service) -> anyhow::Result<Option<Self>> {
        let check_in_address = service.check_in_address();
        match listen {
            CheckInListen::Off => Ok(None),
            CheckInListen::Address(address) => {
                let listener = TcpListener::bind(address)
                    .await
                    .with_context(|| format!("failed to listen for check-ins on {address}"))?;
                announce(&listener, check_in_address)?;
                Ok(Some(Self::Fixed(listener)))
            }
            CheckInListen::Gateway { port } => {
                check_in_address.set(CheckInAddress::Pending);
                Ok(Some(Self::Gateways(Gateways {
                    port,
                    engine: Arc::clone(service.engine()),
                    check_in_address: Arc::clone(check_in_address),
                    bound: BTreeMap::new(),
                    others: None,
                    listeners: JoinSet::new(),
                    logged: HashSet::new(),
                })))
            }
        }
    }

    /// Serves check-ins until `shutdown`.
    pub(super) async fn run(self, router: Router, status: TaskReporter, shutdown: CancellationToken) {
        match self {
            Self::Fixed(listener) => {
                status.succeeded();
                server::serve(listener, router, shutdown).await;
            }
            Self::Gateways(gateways) => gateways.run(router, status, shutdown).await,
        }
    }
}

/// Sets the check-in address of new containers to this listener's. Inside a container, an unspecified or
/// loopback address is the container itself, so it is not used: `sd check-in` tries the gateway by itself.
fn announce(listener: &TcpListener, check_in_address: &CheckInAddressWatch) -> anyhow::Result<()> {
    let address = listener
        .local_addr()
        .context("failed to read the address of the check-in listener")?;
    tracing::info!(%address, "serving check-ins");
    if !address.ip().is_unspecified() && !address.ip().is_loopback() {
        check_in_address.set(CheckInAddress::Available(http::check_in_url(address)));
    }
    Ok(())
}

/// The listeners on the gateways. A listener stays when its network is removed: if the address returns, it is
/// served again.
pub(super) struct Gateways {
    port: u16,
    engine: Arc<EngineAccess>,
    check_in_address: Arc<CheckInAddressWatch>,
    bound: BTreeMap<IpAddr, SocketAddr>,
    /// The gateways of older containers, once the engine has returned them.
    others: Option<Vec<IpAddr>>,
    listeners: JoinSet<()>,
    /// Warnings that were logged already, because their cause may last.
    logged: HashSet<String>,
}

impl Gateways {
    async fn run(mut self, router: Router, status: TaskReporter, shutdown: CancellationToken) {
        loop {
            let sleep = if self.bind_all(&router, &shutdown).await {
                status.succeeded();
                FOLLOW_INTERVAL
            } else {
                status.failed("failed to listen on a network of the containers");
                RETRY_INTERVAL
            };
            tokio::select! {
                // At a shutdown the listeners end too. That is not unexpected.
                biased;
                () = shutdown.cancelled() => break,
                Some(_) = self.listeners.join_next() => return,
                () = tokio::time::sleep(sleep) => {}
            }
        }
        while self.listeners.join_next().await.is_some() {}
    }

    /// Binds the listeners that are missing. Returns whether there is one on every gateway.
    async fn bind_all(&mut self, router: &Router, shutdown: &CancellationToken) -> bool {
        let has_main = self.bind_main(router, shutdown).await;
        if self.others.is_none() {
            self.others = self.engine.other_gateways().await.ok();
        }
        let Some(others) = self.others.clone() else {
            return false;
        };
        let mut has_all = has_main;
        for gateway in others {
            has_all &= self.listen_on(gateway, router, shutdown).await.is_some();
        }
        has_all
    }

    /// Listens on the network of new containers, and sets their check-in address.
    async fn bind_main(&mut self, router: &Router, shutdown: &CancellationToken) -> bool {
        // The task that follows events logs that the engine is unavailable.
        let Ok(gateway) = self.engine.gateway().await else {
            return false;
        };
        let Some(gateway) = gateway else {
            self.check_in_address.give_up();
            self.warn_once(
                "containers cannot check in: the engine's network has no address on this host".to_owned(),
            );
            return false;
        };
        let address = self.listen_on(gateway, router, shutdown).await;
        match address {
            Some(address) => {
                let url = http::check_in_url(address);
                self.check_in_address.set(CheckInAddress::Available(url));
            }
            None => self.check_in_address.give_up(),
        }
        address.is_some()
    }

    /// The address of the listener on a gateway. Starts the listener if there is none.
    async fn listen_on(
        &mut self,
        gateway: IpAddr,
        router: &Router,
        shutdown: &CancellationToken,
    ) -> Option<SocketAddr> {
        if let Some(address) = self.bound.get(&gateway) {
            return Some(*address);
        }
        let listener = self.bind(gateway).await?;
        let address = listener.local_addr().ok()?;
        tracing::info!(%address, "serving check-ins");
        self.listeners
            .spawn(server::serve(listener, router.clone(), shutdown.clone()));
        self.bound.insert(gateway, address);
        Some(address)
    }

    async fn bind(&mut self, gateway: IpAddr) -> Option<TcpListener> {
        let port = self.port;
        let error = match bind(gateway, port).await {
            Ok(listener) => return Some(listener),
            Err(error) => error,
        };
        if error.kind() != std::io::ErrorKind::AddrNotAvailable {
            for other in OTHER_PORTS {
                if let Ok(listener) = bind(gateway, other).await {
                    tracing::warn!(
                        "failed to listen for check-ins on {gateway}:{port}: {error}; \
                         new containers use port {other}"
                    );
                    return Some(listener);
                }
            }
        }
        self.warn_once(format!(
            "failed to listen for check-ins on {gateway}:{port}: {error}; retrying"
        ));
        None
    }

    fn warn_once(&mut self, warning: String) {
        if !self.logged.contains(&warning) {
            tracing::warn!("{warning}");
            self.logged.insert(warning);
        }
    }
}

async fn bind(address: IpAddr, port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::new(address, port)).await
}
