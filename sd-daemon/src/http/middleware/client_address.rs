//! The client address of a request that came through a trusted proxy.
//!
//! `X-Forwarded-For` is read only if it comes from a proxy in `trusted_proxies`: any client can send the header. The
//! address decides which failed logins are counted together, and it is recorded as the caller's. Check-ins ignore the
//! header.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks of the proxies whose `X-Forwarded-For` is read.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    pub(in crate::http) fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The last address on the path of a request that is not a trusted proxy.
    ///
    /// Each proxy appends the address of its client to the header. Entries further to the left may be forged.
    pub(in crate::http) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let mut hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut client = peer;
        while self.contain(client)
            && let Some(hop) = hops.next().and_then(|text| text.trim().parse::<IpAddr>().ok())
        {
            client = hop.to_canonical();
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &[&str], peer: &str, lines: &[&str]) -> String {
        let networks: Vec<IpNet> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let lines = lines.iter().map(|line| (X_FORWARDED_FOR, line.parse().unwrap()));
        let headers = lines.collect();
        TrustedProxies::new(&networks)
            .client(peer.parse().unwrap(), &headers)
            .to_string()
    }

    #[test]
    fn header_is_read_from_trusted_proxies_only() {
        assert_eq!(client(&[], "127.0.0.1", &["192.0.2.7"]), "127.0.0.1");
        let proxies = ["127.0.0.0/8", "10.0.0.0/24"];
        assert_eq!(client(&proxies, "192.0.2.1", &["192.0.2.7"]), "192.0.2.1");
        assert_eq!(client(&proxies, "127.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&proxies, "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn entries_that_a_client_forged_are_ignored() {
        let proxies = ["127.0.0.0/8", "10.0.0.0/24"];
        for lines in [
            &["198.51.100.1, 192.0.2.7"][..],
            &["198.51.100.1", "192.0.2.7"],
            &["127.0.0.1, 192.0.2.7, 10.0.0.5"],
            &["nonsense,192.0.2.7 ,10.0.0.5"],
        ] {
            assert_eq!(client(&proxies, "127.0.0.1", lines), "192.0.2.7", "{lines:?}");
        }
        for (lines, last_proxy) in [
            (&["nonsense"][..], "127.0.0.1"),
            (&["192.0.2.7, , 10.0.0.5"], "10.0.0.5"),
            (&["192.0.2.7:80, 10.0.0.5"], "10.0.0.5"),
        ] {
            assert_eq!(client(&proxies, "127.0.0.1", lines), last_proxy, "{lines:?}");
        }
        assert_eq!(
            client(&["127.0.0.1/32"], "127.0.0.1", &["::ffff:192.0.2.7"]),
            "192.0.2.7"
        );
    }
}
