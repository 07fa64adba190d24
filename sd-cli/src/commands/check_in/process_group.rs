//! A child process with its own process group, which is killed as a whole.

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

/// Bytes that are kept of each output stream. A number or an error message needs less.
const MAX_OUTPUT: usize = 4096;

/// A process and all processes that it has started in its group. Dropping this kills them.
pub(super) struct ProcessGroup {
    child: Child,
    child_exits: tokio::signal::unix::Signal,
    stdout: Output,
    stderr: Output,
    is_killed: bool,
}

/// The result of a process.
pub(super) struct Finished {
    /// The status of a process that exited. `None` if it had to be killed.
    pub(super) exit_status: Option<ExitStatus>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl ProcessGroup {
    /// Starts a program with its arguments and an empty standard input.
    pub(super) fn start(program: &[OsString]) -> io::Result<Self> {
        let Some((name, arguments)) = program.split_first() else {
            return Err(io::ErrorKind::NotFound.into());
        };
        // Before the child starts, so that its exit cannot be missed.
        let child_exits = signal(SignalKind::child())?;
        let mut child = Command::new(name)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let mut group = Self {
            child,
            child_exits,
            stdout: Output::default(),
            stderr: Output::default(),
            is_killed: false,
        };
        group.stdout.pipe = stdout
            .map(|pipe| Receiver::from_owned_fd(pipe.into()))
            .transpose()?;
        group.stderr.pipe = stderr
            .map(|pipe| Receiver::from_owned_fd(pipe.into()))
            .transpose()?;
        Ok(group)
    }

    /// Returns when the process has exited, or has filled the output buffer.
    ///
    /// Does not wait for other processes that hold its output open.
    pub(super) async fn wait(&mut self) {
        while !self.has_exited() && !self.stdout.is_full() {
            tokio::select! {
                _ = self.child_exits.recv() => {}
                () = self.stdout.read_some() => {}
                () = self.stderr.read_some() => {}
            }
        }
    }

    /// Kills the processes of the group that still run, and collects the output.
    pub(super) fn finish(mut self) -> io::Result<Finished> {
        let has_exited = self.has_exited();
        let status = self.kill()?;
        Ok(Finished {
            exit_status: has_exited.then_some(status),
            stdout: self.stdout.take(),
            stderr: self.stderr.take(),
        })
    }

    /// Does not reap the child: until then the kernel does not reuse its pid, which is the id of the group.
    fn has_exited(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid()), options), Ok(None))
    }

    fn kill(&mut self) -> io::Result<ExitStatus> {
        if !self.is_killed {
            // Fails for processes that have changed their user; `sd` may not kill those.
            let _ = kill_process_group(self.pid(), Signal::KILL);
            self.is_killed = true;
        }
        // SIGKILL cannot be ignored, so this returns soon.
        self.child.wait()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        drop(self.kill());
    }
}

/// The beginning of what a process prints to a pipe.
#[derive(Default)]
struct Output {
    pipe: Option<Receiver>,
    kept: Vec<u8>,
}

impl Output {
    /// Waits for output and keeps it. Never returns after the end of the output.
    async fn read_some(&mut self) {
        let Some(pipe) = &self.pipe else {
            return pending().await;
        };
        let mut buffer = [0; MAX_OUTPUT];
        let result = match pipe.readable().await {
            Ok(()) => pipe.try_read(&mut buffer),
            Err(error) => Err(error),
        };
        match result {
            Ok(length) if length > 0 => self.keep(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => self.pipe = None,
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_OUTPUT - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn is_full(&self) -> bool {
        self.kept.len() == MAX_OUTPUT
    }

    /// The output, including what is still in the pipe because it was printed right before the exit.
    fn take(&mut self) -> Vec<u8> {
        if let Some(mut file) = self.pipe.take().and_then(file) {
            let mut buffer = [0; MAX_OUTPUT];
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

/// The pipe as a non-blocking file, which also returns data that tokio has not been notified of.
fn file(pipe: Receiver) -> Option<File> {
    pipe.into_nonblocking_fd().ok().map(|fd: OwnedFd| File::from(fd))
}
