//! The program as a process that is killed and started again at the same addresses.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use sd_client::Client;

/// A daemon is ready within this time, on a machine with other things to do too.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Daemon {
    program: PathBuf,
    state: PathBuf,
    api: u16,
    check_in: u16,
    child: Mutex<Option<Child>>,
}

impl Daemon {
    /// A daemon that does not run yet.
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

    /// Waits until it can do its work.
    pub(crate) async fn is_ready(&self) -> anyhow::Result<()> {
        let (client, deadline) = (self.client()?, Instant::now() + PATIENCE);
        loop {
            let Err(error) = client.ready().await else {
                return Ok(());
            };
            if let Some(status) = self
                .child()
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten())
            {
                bail!("the daemon has ended by itself: {status}");
            }
            if Instant::now() > deadline {
                bail!("the daemon is not ready within {} s: {error}", PATIENCE.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it without any warning, as a power cut would.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            // It may have ended already, and then there is nothing to kill.
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

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens at, the next time as well.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
