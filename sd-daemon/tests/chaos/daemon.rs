//! The daemon as a process that is killed and restarted at the same addresses.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use parking_lot::{Mutex, MutexGuard};
use sd_client::Client;

/// The daemon is ready within this time, even on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(90);

pub(crate) struct Daemon {
    program: PathBuf,
    state: PathBuf,
    api: u16,
    check_in: u16,
    child: Mutex<Option<Child>>,
}

impl Daemon {
    /// Returns a daemon that is not started yet.
    pub(crate) fn over(program: PathBuf, state: PathBuf) -> anyhow::Result<Self> {
        Ok(Self {
            program,
            state,
            api: free_port()?,
            check_in: free_port()?,
            child: Mutex::new(None),
        })
    }

    pub(crate) fn launch(&self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let child = Command::new(&self.program)
            .args(["--listen", &format!("127.0.0.1:{}", self.api)])
            .args(["--check-in-listen", &format!("gateway:{}", self.check_in)])
            .args(["--log-format", "json", "--state-dir"])
            .arg(&self.state)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("failed to start {}", self.program.display()))?;
        *self.child() = Some(child);
        Ok(())
    }

    /// Waits until the daemon is ready.
    pub(crate) async fn wait_until_ready(&self) -> anyhow::Result<()> {
        let (client, deadline) = (self.client()?, Instant::now() + READY_LIMIT);
        loop {
            let Err(error) = client.ready().await else {
                return Ok(());
            };
            if let Some(status) = self
                .child()
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten())
            {
                bail!("the daemon exited: {status}");
            }
            if Instant::now() > deadline {
                bail!(
                    "the daemon is not ready after {} s: {error}",
                    READY_LIMIT.as_secs()
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills the daemon with SIGKILL.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            // Fails if the process has exited already.
            drop(child.kill());
            drop(child.wait());
        }
    }

    pub(crate) fn process(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let client = Client::new(&format!("http://127.0.0.1:{}", self.api))?;
        Ok(client.with_credentials("admin", "spindocker"))
    }

    pub(crate) fn registry(&self) -> PathBuf {
        self.state.join("registry.sqlite3")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.state.join("log")
    }

    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An unused port.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
