//! Faults at exact points of a program that runs: strace stands between it and the kernel.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// What happens to some calls of a process, for as long as this lives.
pub(crate) struct Injection {
    strace: Child,
}

impl Injection {
    /// `calls` are names with commas between them, `fault` is what strace calls it: `error=EIO`,
    /// `signal=KILL:when=3`. Each thread counts its calls for itself.
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
        let mut said = BufReader::new(strace.stderr.take().expect("it is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("it says something");
        assert!(line.contains("attached"), "{line}");
        // It must be able to go on writing.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { strace }
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // It ends by itself when the process does.
        drop(self.strace.kill());
        drop(self.strace.wait());
    }
}
