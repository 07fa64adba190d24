//! A child process at the head of a process group of its own, which ends as one.

use std::ffi::OsString;
use std::fs::File;
use std::future::pending;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::net::unix::pipe::Receiver;
use tokio::signal::unix::{SignalKind, signal};

/// How much of what it prints is kept. A number needs less, and so does a complaint that is read.
const KEPT_BYTES: usize = 4096;

/// A process, and those that it has started. Dropping this ends all of them.
pub(super) struct Running {
    child: Child,
    ends_of_children: tokio::signal::unix::Signal,
    stdout: Printed,
    stderr: Printed,
    is_over: bool,
}

/// What is left of it.
pub(super) struct Ended {
    /// How it ended, unless it had to be ended.
    pub(super) by_itself: Option<ExitStatus>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Running {
    /// Starts a program, given with its arguments. It reads nothing.
    pub(super) fn start(program: &[OsString]) -> io::Result<Self> {
        let Some((name, arguments)) = program.split_first() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        // Before there is a child: its end cannot be missed.
        let ends_of_children = signal(SignalKind::child())?;
        let mut child = Command::new(name)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut running = Self {
            child,
            ends_of_children,
            stdout: Printed::default(),
            stderr: Printed::default(),
            is_over: false,
        };
        running.stdout.pipe = stdout
            .map(|pipe| Receiver::from_owned_fd(pipe.into()))
            .transpose()?;
        running.stderr.pipe = stderr
            .map(|pipe| Receiver::from_owned_fd(pipe.into()))
            .transpose()?;
        Ok(running)
    }

    /// Returns when the process has ended, or has printed more than is kept.
    ///
    /// Others that hold its output open are not waited for.
    pub(super) async fn until_it_ends(&mut self) {
        while !self.has_ended() && !self.stdout.is_full() {
            tokio::select! {
                _ = self.ends_of_children.recv() => {}
                () = self.stdout.take_some() => {}
                () = self.stderr.take_some() => {}
            }
        }
    }

    /// Ends what still runs of it, and waits for that.
    pub(super) fn end(mut self) -> io::Result<Ended> {
        let has_ended = self.has_ended();
        let status = self.kill()?;
        Ok(Ended {
            by_itself: has_ended.then_some(status),
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        })
    }

    /// Looks without burying it: until then its number, which is the group's, is nobody else's.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid()), options), Ok(None))
    }

    fn kill(&mut self) -> io::Result<ExitStatus> {
        if !self.is_over {
            // Who has another user's rights by now stays; there is nothing to be done about that.
            let _ = kill_process_group(self.pid(), Signal::KILL);
            self.is_over = true;
        }
        // A signal that cannot be refused has been sent, so this is short.
        self.child.wait()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

/// What is read from a pipe, and how much of it is kept.
#[derive(Default)]
struct Printed {
    pipe: Option<Receiver>,
    kept: Vec<u8>,
}

impl Printed {
    /// Waits until something is printed, and takes it; for ever once nothing more can come.
    async fn take_some(&mut self) {
        let Some(pipe) = &self.pipe else {
            return pending().await;
        };
        let mut buffer = [0; KEPT_BYTES];
        let taken = match pipe.readable().await {
            Ok(()) => pipe.try_read(&mut buffer),
            Err(error) => Err(error),
        };
        match taken {
            Ok(length) if length > 0 => self.keep(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => self.pipe = None,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = KEPT_BYTES - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn is_full(&self) -> bool {
        self.kept.len() == KEPT_BYTES
    }

    /// Everything that is kept, with what stands in the pipe: it may have been printed right before the end.
    fn all(&mut self) -> Vec<u8> {
        if let Some(mut file) = self.pipe.take().and_then(file) {
            let mut buffer = [0; KEPT_BYTES];
            while !self.is_full()
                && let Ok(length) = file.read(&mut buffer)
                && length > 0
            {
                self.keep(&buffer[..length]);
            }
        }
        std::mem::take(&mut self.kept)
    }
}

/// The pipe for reading without waiting, also for what its owner has not been told of yet.
fn file(pipe: Receiver) -> Option<File> {
    pipe.into_nonblocking_fd().ok().map(|fd: OwnedFd| File::from(fd))
}
