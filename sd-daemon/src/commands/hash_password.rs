//! `sd-daemon hash-password`: prints the hash of a password for the password file.

use std::io::{BufRead, BufReader, IsTerminal, Read, Stdin, Write};

use anyhow::Context;
use sd_daemon::password;
use secrecy::{ExposeSecret, SecretString};

/// The longest password that is hashed, in bytes. A request with a longer one would exceed the limit of its headers.
const MAX_LENGTH: usize = 16 * 1024;

/// Prompts for a password on a terminal, or reads the first line of standard input, and prints the hash.
pub(crate) fn hash_password() -> anyhow::Result<()> {
    let input = std::io::stdin();
    let password = if input.is_terminal() {
        rpassword::prompt_password("Password: ").map(SecretString::from)
    } else {
        read_line(&input)
    };
    let password = password.context("failed to read the password")?;
    let length = password.expose_secret().len();
    anyhow::ensure!(length > 0, "no password on standard input");
    anyhow::ensure!(
        length < MAX_LENGTH,
        "the password is too long: a login can carry at most {MAX_LENGTH} bytes"
    );
    let hash = password::hash(&password).map_err(anyhow::Error::msg)?;
    writeln!(std::io::stdout(), "{hash}").context("failed to print the hash")
}

fn read_line(input: &Stdin) -> std::io::Result<SecretString> {
    let mut line = String::with_capacity(MAX_LENGTH);
    BufReader::new(input.lock().take(MAX_LENGTH as u64)).read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line.into())
}
