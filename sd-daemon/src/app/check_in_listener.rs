//! The listeners that containers reach: one route, on the host's addresses in their networks.
//!
//! A container keeps the network it was made on, and calls the address that it was told then. There is a listener
//! on the network of new containers, therefore, and one on each other network that a container of ours is on: after
//! the setting `network` was changed, older containers go on checking in. Which networks those are is asked once:
//! while the daemon runs, new containers come to one network only.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::http::{self, Router};
use crate::server;
use crate::service::{CheckInAddress, Service};

/// Ports that are tried where the wanted one is taken. Always in the same order, so that containers
/// that were told one of them most likely find it again after a restart.
const OTHER_PORTS: std::ops::RangeInclusive<u16> = 10080..=10089;

/// The engine may come up later, and its network with it.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Somebody may remove the network, and the one that is made in its place has another address.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(5);

/// Serves check-ins on the gateways of the containers' networks, as soon as there are any.
pub(super) async fn serve_on_gateways(
    port: u16,
    service: Service,
    reports: Router,
    shutdown: CancellationToken,
) {
    let mut gateways = Gateways {
        port,
        service,
        reports,
        shutdown: shutdown.clone(),
        bound: BTreeMap::new(),
        others: None,
        listeners: JoinSet::new(),
        complaints: HashSet::new(),
    };
    loop {
        let pause = match gateways.bind_missing().await {
            Missing::Nothing => FOLLOW_INTERVAL,
            Missing::Something => RETRY_INTERVAL,
        };
        tokio::select! {
            // Listeners end at the same signal, and have not ended by themselves then.
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = gateways.listeners.join_next() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
    while gateways.listeners.join_next().await.is_some() {}
}

/// Serves check-ins, and tells new containers where. An address that means something else, or nothing,
/// inside a container is not passed on: there `sd` asks the gateway by itself.
pub(super) async fn serve(
    listener: TcpListener,
    service: Service,
    reports: Router,
    shutdown: CancellationToken,
) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "serving check-ins");
        if !address.ip().is_unspecified() && !address.ip().is_loopback() {
            service.set_check_in(CheckInAddress::Available(http::check_in_url(address)));
        }
    }
    server::serve(listener, reports, shutdown).await;
}

/// Whether a listener is missing that should be there.
enum Missing {
    Nothing,
    Something,
}

/// The listeners there are. One stays when its network goes: an address that comes back is served again.
struct Gateways {
    port: u16,
    service: Service,
    reports: Router,
    shutdown: CancellationToken,
    bound: BTreeMap<IpAddr, SocketAddr>,
    /// The gateways of older containers, once the engine has said which.
    others: Option<Vec<IpAddr>>,
    listeners: JoinSet<()>,
    /// What has been said already, and goes on for long.
    complaints: HashSet<String>,
}

impl Gateways {
    /// Listens wherever nobody does yet.
    async fn bind_missing(&mut self) -> Missing {
        let mut missing = Missing::Nothing;
        // While the engine is away, whoever follows its events says so.
        match self.service.engine().gateway().await {
            Ok(Some(gateway)) => {
                if let Some(address) = self.listen_on(gateway).await {
                    let url = http::check_in_url(address);
                    self.service
                        .check_in_address()
                        .set(CheckInAddress::Available(url));
                } else {
                    missing = Missing::Something;
                    self.service.check_in_address().give_up();
                }
            }
            Ok(None) => {
                missing = Missing::Something;
                self.service.check_in_address().give_up();
                self.complain(
                    "containers cannot check in: the engine's network has no address on this host".to_owned(),
                );
            }
            Err(_) => missing = Missing::Something,
        }
        if self.others.is_none() {
            self.others = self.service.engine().other_gateways().await.ok();
        }
        match self.others.clone() {
            None => missing = Missing::Something,
            Some(others) => {
                for gateway in others {
                    if self.listen_on(gateway).await.is_none() {
                        missing = Missing::Something;
                    }
                }
            }
        }
        missing
    }

    /// The address of the listener on a gateway, which is begun if there is none.
    async fn listen_on(&mut self, gateway: IpAddr) -> Option<SocketAddr> {
        if let Some(address) = self.bound.get(&gateway) {
            return Some(*address);
        }
        let listener = self.bind(gateway).await?;
        let address = listener.local_addr().ok()?;
        tracing::info!(%address, "serving check-ins");
        let serving = server::serve(listener, self.reports.clone(), self.shutdown.clone());
        self.listeners.spawn(serving);
        self.bound.insert(gateway, address);
        Some(address)
    }

    async fn bind(&mut self, gateway: IpAddr) -> Option<TcpListener> {
        let port = self.port;
        let refused = match bind(gateway, port).await {
            Ok(listener) => return Some(listener),
            Err(error) => error,
        };
        if refused.kind() != std::io::ErrorKind::AddrNotAvailable {
            for other in OTHER_PORTS {
                if let Ok(listener) = bind(gateway, other).await {
                    tracing::warn!(
                        "cannot serve check-ins at {gateway}:{port} ({refused}): new containers are told to use port {other}"
                    );
                    return Some(listener);
                }
            }
        }
        self.complain(format!(
            "containers cannot check in at {gateway}:{port}, which is tried again ({refused})"
        ));
        None
    }

    fn complain(&mut self, text: String) {
        if !self.complaints.contains(&text) {
            tracing::warn!("{text}");
            self.complaints.insert(text);
        }
    }
}

async fn bind(address: IpAddr, port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::new(address, port)).await
}
