//! Who made a request, where a proxy passes it on.
//!
//! What a proxy says of its client is believed of the proxies that the settings name, and of nobody else: anybody can
//! write a header. It decides only whose wrong passwords are counted together; whose report is credited is never
//! told by a header.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Proxies(Arc<[IpNet]>);

impl Proxies {
    pub(in crate::http) fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    fn include(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The last address on the way here that is no such proxy. Each of them has written down, at the end of the
    /// list, who came to it; what stands further left anybody may have written.
    pub(in crate::http) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let mut way = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        let mut client = peer;
        while self.include(client)
            && let Some(before) = way.next().and_then(|text| text.trim().parse::<IpAddr>().ok())
        {
            client = before.to_canonical();
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
        Proxies::new(&networks)
            .client(peer.parse().unwrap(), &headers)
            .to_string()
    }

    #[test]
    fn only_a_proxy_that_is_named_is_believed() {
        assert_eq!(client(&[], "127.0.0.1", &["192.0.2.7"]), "127.0.0.1");
        let proxies = ["127.0.0.0/8", "10.0.0.0/24"];
        assert_eq!(client(&proxies, "192.0.2.1", &["192.0.2.7"]), "192.0.2.1");
        assert_eq!(client(&proxies, "127.0.0.1", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(client(&proxies, "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn what_a_client_has_written_itself_counts_for_nothing() {
        let proxies = ["127.0.0.0/8", "10.0.0.0/24"];
        for lines in [
            &["198.51.100.1, 192.0.2.7"][..],
            &["198.51.100.1", "192.0.2.7"],
            &["127.0.0.1, 192.0.2.7, 10.0.0.5"],
            &["nonsense,192.0.2.7 ,10.0.0.5"],
        ] {
            assert_eq!(client(&proxies, "127.0.0.1", lines), "192.0.2.7", "{lines:?}");
        }
        for (lines, known) in [
            (&["nonsense"][..], "127.0.0.1"),
            (&["192.0.2.7, , 10.0.0.5"], "10.0.0.5"),
            (&["192.0.2.7:80, 10.0.0.5"], "10.0.0.5"),
        ] {
            assert_eq!(client(&proxies, "127.0.0.1", lines), known, "{lines:?}");
        }
        assert_eq!(
            client(&["127.0.0.1/32"], "127.0.0.1", &["::ffff:192.0.2.7"]),
            "192.0.2.7"
        );
    }
}
