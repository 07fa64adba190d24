//! Images, and the engine itself.

use futures_util::TryStreamExt;
use sd_daemon::domain::{ContainerPort, Image};
use sd_daemon::engine::{ContainerSpec, EngineError, PullProgress};

use super::support::in_time;
use crate::harness::Harness;

pub(crate) async fn images_are_listed_by_tag_in_order(harness: &impl Harness) {
    let image = harness.image().to_string();
    let images = harness.engine().images().await.unwrap();
    assert!(images.contains(&image), "{images:?}");
    assert!(images.is_sorted());
}

pub(crate) async fn image_declares_its_ports(harness: &impl Harness) {
    let exposed = vec![ContainerPort::SSH, ContainerPort::tcp(8000)];
    let expected = Image {
        exposed,
        app_port: Some(8000),
        ..Image::default()
    };
    assert_eq!(harness.engine().image(&harness.image()).await, Ok(expected));
}

pub(crate) async fn missing_image_is_no_such_image(harness: &impl Harness) {
    let image = "no-such-image".parse().unwrap();
    let found = harness.engine().image(&image).await;
    assert_eq!(found, Err(EngineError::NoSuchImage));
    let spec = ContainerSpec {
        image,
        ..harness.spec()
    };
    let created = harness.engine().create(&spec).await;
    assert_eq!(created, Err(EngineError::NoSuchImage));
}

pub(crate) async fn pulled_image_is_available(harness: &impl Harness) {
    let (engine, remote) = (harness.engine(), harness.offer_image());
    assert_eq!(engine.image(remote.image()).await, Err(EngineError::NoSuchImage));
    let progress = in_time(engine.pull(remote.image())).await.unwrap();
    let reports: Vec<PullProgress> = in_time(progress.try_collect()).await.unwrap();
    assert!(!reports.is_empty());
    engine.image(remote.image()).await.unwrap();
}

pub(crate) async fn pull_of_a_missing_image_is_no_such_image(harness: &impl Harness) {
    let remote = harness.offer_image();
    let missing = format!("{}-missing", remote.image()).parse().unwrap();
    let pulled = in_time(harness.engine().pull(&missing)).await;
    assert_eq!(pulled.err(), Some(EngineError::NoSuchImage));
}

pub(crate) async fn engine_reports_product_and_version(harness: &impl Harness) {
    let info = harness.engine().info().await.unwrap();
    let (product, version) = info.name.split_once(' ').expect("the name has two words");
    assert!(!product.is_empty(), "{info:?}");
    assert!(
        version.starts_with(|first: char| first.is_ascii_digit()),
        "{info:?}"
    );
    assert!(info.capabilities.logs && info.capabilities.exec, "{info:?}");
}

pub(crate) async fn engine_identity_is_stable(harness: &impl Harness) {
    let identity = async || harness.engine().identity().await.unwrap();
    let first = identity().await;
    assert!(first.len() > 10, "{first:?} distinguishes engines");
    assert_eq!(identity().await, first);
}

pub(crate) async fn container_network_has_a_gateway(harness: &impl Harness) {
    let gateway = harness.engine().gateway().await.unwrap();
    assert!(gateway.is_some_and(|address| !address.is_unspecified()));
}
