//! The listener that containers reach: one route, on the host's address in their network.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http;
use crate::service::Service;

/// Ports that are tried where the wanted one is taken. Always in the same order, so that containers
/// that were told one of them most likely find it again after a restart.
const OTHER_PORTS: std::ops::RangeInclusive<u16> = 10080..=10089;

/// The engine may come up later, and its network with it.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Serves check-ins on the gateway, as soon as there is one.
pub(super) async fn serve_on_gateway(port: u16, service: Service, shutdown: CancellationToken) {
    loop {
        if let Some(listener) = bind_gateway(port, &service).await {
            return serve(listener, service, shutdown).await;
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RETRY_INTERVAL) => {}
        }
    }
}

/// Serves check-ins, and tells new containers where.
pub(super) async fn serve(listener: TcpListener, service: Service, shutdown: CancellationToken) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "serving check-ins");
        service.set_check_in_url(http::check_in_url(address));
    }
    http::serve(listener, http::check_in(service), shutdown).await;
}

async fn bind_gateway(port: u16, service: &Service) -> Option<TcpListener> {
    let gateway = service.gateway().await.ok()??;
    let refused = match bind(gateway, port).await {
        Ok(listener) => return Some(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => return None,
        Err(error) => error,
    };
    for other in OTHER_PORTS {
        if let Ok(listener) = bind(gateway, other).await {
            tracing::warn!(
                "cannot serve check-ins at {gateway}:{port} ({refused}): new containers are told to use port {other}"
            );
            return Some(listener);
        }
    }
    None
}

async fn bind(address: IpAddr, port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::new(address, port)).await
}
