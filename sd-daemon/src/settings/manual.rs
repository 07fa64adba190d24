//! The sections of the man page other than the options.

use super::layers::DEFAULT_FILE;

/// Sections of the man page: a heading, and terms with their explanations.
pub const MANUAL: [(&str, &[(&str, &str)]); 3] = [
    (
        "ENVIRONMENT",
        &[
            (
                "SD_DAEMON_*",
                "Every long option, in capitals and with underscores: SD_DAEMON_LISTEN.",
            ),
            (
                "DOCKER_HOST",
                "Address of the Docker engine: unix://PATH or tcp://HOST:PORT. Default: unix:///var/run/docker.sock.",
            ),
            (
                "RUST_LOG",
                "Level of the log on standard error: error, warn, info or debug. Default: info.",
            ),
        ],
    ),
    (
        "FILES",
        &[
            (
                DEFAULT_FILE,
                "Settings, in TOML: every long option is a key, with underscores. Options and variables take precedence. Unknown keys are errors.",
            ),
            (
                "/var/lib/spin-docker/registry.sqlite3",
                "The registry of containers. A daemon that does not run as root keeps it in the user's state directory.",
            ),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "Stopped by a signal. Containers keep running."),
            ("1", "Failed; the last line of the log has the cause."),
            ("2", "Invalid settings; nothing was bound."),
        ],
    ),
];
