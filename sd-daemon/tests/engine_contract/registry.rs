//! An image registry on loopback, to pull from.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::docker::docker;

/// A running `docker-registry`. Dropping it ends the process.
pub(crate) struct ImageRegistry {
    process: Child,
    address: String,
    _directory: TempDir,
}

impl ImageRegistry {
    /// Starts a registry on a free port.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("config.yml");
        let root = directory.path().join("data");
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n",
            root.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry is installed");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = lines
            .find_map(|line| listening_on(&line.unwrap()))
            .expect("docker-registry listens");
        // Unread log lines would block the registry.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            address,
            _directory: directory,
        }
    }

    /// Pushes an image, deletes the engine's tag of it, and returns the name to pull.
    pub(crate) fn offer(&self, image: &str) -> String {
        let name = format!("{}/offered:1", self.address);
        docker(&["tag", image, &name]);
        docker(&["push", "--quiet", &name]);
        docker(&["rmi", &name]);
        name
    }
}

impl Drop for ImageRegistry {
    fn drop(&mut self) {
        // A failure means that it has exited already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn listening_on(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("listening on ")?;
    let end = rest.find(|char: char| !(char.is_ascii_digit() || ".:".contains(char)));
    Some(rest[..end.unwrap_or(rest.len())].to_owned())
}
