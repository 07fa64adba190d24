//! `GET /v1/images`.

use reqwest::Method;

use crate::support::{TestDaemon, assert_response, send};

#[tokio::test]
async fn images_are_sorted() {
    let daemon = TestDaemon::start();
    assert_response!(send(daemon.request(Method::GET, "/v1/images")).await);
}
