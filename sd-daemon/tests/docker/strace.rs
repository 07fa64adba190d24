//! Fault injection into the system calls of a running process, by strace.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A fault that is injected until this is dropped.
pub(crate) struct Injection {
    strace: Child,
}

impl Injection {
    /// Injects `fault` into `calls`, a comma-separated list of system calls. The fault is in the syntax of strace:
    /// `error=EIO`, `signal=KILL:when=3`. Each thread counts its own calls.
    pub(crate) fn into(process: u32, calls: &str, fault: &str) -> Self {
        let mut strace = Command::new("strace")
            .arg("--follow-forks")
            .args([
                "-e",
                &format!("trace={calls}"),
                "-e",
                &format!("inject={calls}:{fault}"),
            ])
            .args(["-p", &process.to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace is installed");
        let mut output = BufReader::new(strace.stderr.take().expect("the stream is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the process writes a line");
        assert!(line.contains("attached"), "{line}");
        // strace blocks if its output is not read.
        std::thread::spawn(move || std::io::copy(&mut output, &mut std::io::sink()));
        Self { strace }
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // strace has already exited if the process has.
        drop(self.strace.kill());
        drop(self.strace.wait());
    }
}
