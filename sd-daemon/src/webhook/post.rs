//! One POST request over HTTP/1.1, with or without TLS.

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::SigningKey;
use crate::domain::Timestamp;

const AGENT: &str = concat!("sd-daemon/", env!("CARGO_PKG_VERSION"));
/// The maximum size of response headers in bytes. Response bodies are not read.
const MAX_HEADERS: usize = 16 * 1024;

/// The receiver of events.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// The URL to post to: `http` or `https`.
    pub url: Url,
    /// The key that signs the posts, if any.
    pub key: Option<SigningKey>,
}

/// Posts to one URL. Follows no redirects and uses no proxy.
pub(super) struct PostClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    address: Uri,
    receiver: String,
    key: Option<SigningKey>,
}

impl PostClient {
    pub(super) fn new(receiver: &Receiver) -> anyhow::Result<Self> {
        let url = &receiver.url;
        let client = Client::builder(TokioExecutor::new())
            // The receiver may close an idle connection at the moment it is reused, which would look like a failed
            // delivery. Events are rare enough for a connection each.
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(MAX_HEADERS)
            .build(connector(url)?);
        Ok(Self {
            client,
            address: url
                .as_str()
                .parse()
                .with_context(|| format!("failed to use the webhook_url {url}"))?,
            receiver: url.origin().ascii_serialization(),
            key: receiver.key.clone(),
        })
    }

    /// The origin of the URL, for logs. The path may contain a secret.
    pub(super) fn receiver(&self) -> &str {
        &self.receiver
    }

    /// Posts once, and waits for the status of the response.
    pub(super) async fn post(&self, id: &str, at: Timestamp, body: Bytes) -> anyhow::Result<StatusCode> {
        let seconds = at.as_millis() / 1000;
        let mut request = Request::post(self.address.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds);
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", key.sign(id, seconds, &body));
        }
        let response = self.client.request(request.body(Full::new(body))?).await?;
        Ok(response.status())
    }
}

fn connector(url: &Url) -> anyhow::Result<HttpsConnector<HttpConnector>> {
    let builder = HttpsConnectorBuilder::new();
    let builder = if url.scheme() == "https" {
        builder
            .with_provider_and_native_roots(ring::default_provider())
            .context(
                "failed to load the CA certificates that an https webhook_url needs; \
                 install ca-certificates, or set SSL_CERT_FILE",
            )?
    } else {
        // Plain HTTP needs no certificates, and the machine may have none.
        let config = ClientConfig::builder_with_provider(ring::default_provider().into());
        let config = config.with_safe_default_protocol_versions()?;
        builder.with_tls_config(
            config
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth(),
        )
    };
    Ok(builder.https_or_http().enable_http1().build())
}
