//! Lists, creates and removes a container with the client that openapi-generator generated.

use generated::apis::configuration::Configuration;
use generated::apis::containers_api::{create_container, list_containers, remove_container};
use generated::models::CreateContainer;

type Error = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let [url, image, name] = std::env::args().skip(1).collect::<Vec<_>>().try_into().expect("three arguments");
    let configuration = Configuration {
        base_path: url,
        basic_auth: Some(("admin".to_owned(), Some("spindocker".to_owned()))),
        ..Configuration::default()
    };
    assert!(!is_listed(&configuration, &name).await?);
    let request = CreateContainer {
        name: Some(name.clone()),
        idle_timeout: Some("6h".to_owned()),
        ..CreateContainer::new(image)
    };
    let container = create_container(&configuration, request, None).await?;
    assert_eq!(container.idle_timeout, Some(21_600));
    assert!(is_listed(&configuration, &name).await?);
    remove_container(&configuration, &container.container_id, Some(true)).await?;
    assert!(!is_listed(&configuration, &name).await?);
    Ok(())
}

async fn is_listed(configuration: &Configuration, name: &str) -> Result<bool, Error> {
    let containers = list_containers(configuration, None, None, None, None).await?;
    Ok(containers.iter().any(|container| container.name == format!("/{name}")))
}
