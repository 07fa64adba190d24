//! The listener that containers reach: one route, on the host's address in their network.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http::{self, Router};
use crate::service::Service;

/// Ports that are tried where the wanted one is taken. Always in the same order, so that containers
/// that were told one of them most likely find it again after a restart.
const OTHER_PORTS: std::ops::RangeInclusive<u16> = 10080..=10089;

/// The engine may come up later, and its network with it.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Serves check-ins on the gateway, as soon as there is one.
pub(super) async fn serve_on_gateway(
    port: u16,
    service: Service,
    reports: Router,
    shutdown: CancellationToken,
) {
    let mut complaint = Complaint::default();
    loop {
        if let Some(listener) = bind_gateway(port, &service, &mut complaint).await {
            return serve(listener, service, reports, shutdown).await;
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RETRY_INTERVAL) => {}
        }
    }
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
            service.set_check_in_url(http::check_in_url(address));
        }
    }
    http::serve(listener, reports, shutdown).await;
}

async fn bind_gateway(port: u16, service: &Service, complaint: &mut Complaint) -> Option<TcpListener> {
    // While the engine is away, whoever follows its events says so.
    let Some(gateway) = service.gateway().await.ok()? else {
        complaint.once("containers cannot check in: the engine's bridge network has no address on this host");
        return None;
    };
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
    complaint.once(&format!(
        "containers cannot check in at {gateway}:{port}, which is tried again ({refused})"
    ));
    None
}

/// Says once what goes on for long.
#[derive(Default)]
struct Complaint {
    is_made: bool,
}

impl Complaint {
    fn once(&mut self, text: &str) {
        if !std::mem::replace(&mut self.is_made, true) {
            tracing::warn!("{text}");
        }
    }
}

async fn bind(address: IpAddr, port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::new(address, port)).await
}
