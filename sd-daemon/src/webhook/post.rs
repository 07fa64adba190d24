//! One post over HTTP/1.1, in clear text or over TLS.

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

use super::{Receiver, SigningKey};
use crate::domain::Timestamp;

const AGENT: &str = concat!("sd-daemon/", env!("CARGO_PKG_VERSION"));
/// The largest head of an answer that is read, in bytes. Bodies are not read.
const LARGEST_HEAD: usize = 16 * 1024;

/// Posts to one address. Follows no redirect and asks no proxy.
pub(super) struct Post {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    address: Uri,
    receiver: String,
    key: Option<SigningKey>,
}

impl Post {
    /// Everything that a post needs. Over TLS, the machine has to trust somebody.
    pub(super) fn new(receiver: &Receiver) -> anyhow::Result<Self> {
        let url = &receiver.url;
        let client = Client::builder(TokioExecutor::new())
            // A connection that was kept may be closed at the other end just when it is used again, which
            // would look like a failure. Events are few.
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(LARGEST_HEAD)
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

    /// Who is posted to, without the path: some are a secret.
    pub(super) fn receiver(&self) -> &str {
        &self.receiver
    }

    /// Posts once, and waits for the head of the answer.
    pub(super) async fn send(&self, id: &str, at: Timestamp, body: Bytes) -> anyhow::Result<StatusCode> {
        let seconds = at.as_millis() / 1000;
        let mut request = Request::post(self.address.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds);
        if let Some(key) = &self.key {
            request = request.header("webhook-signature", key.sign(id, seconds, &body));
        }
        let answer = self.client.request(request.body(Full::new(body))?).await?;
        Ok(answer.status())
    }
}

fn connector(url: &Url) -> anyhow::Result<HttpsConnector<HttpConnector>> {
    let builder = HttpsConnectorBuilder::new();
    let builder = if url.scheme() == "https" {
        builder
            .with_provider_and_native_roots(ring::default_provider())
            .context(
                "failed to find the certificates that an https webhook_url needs: \
                 install ca-certificates, or name a file with SSL_CERT_FILE",
            )?
    } else {
        // Nothing is encrypted, and a machine without certificates can do that too.
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
