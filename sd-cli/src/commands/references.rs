//! Doing the same to many containers: in parallel, each reported as it comes, the worst deciding.

use futures_util::StreamExt;
use futures_util::stream;
use serde::Serialize;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Format, Printer};

/// As many as the daemon stops at once by itself; more would only queue there.
const AT_ONCE: usize = 8;

/// Does the work for each reference and prints what comes of it.
///
/// A table shows the reference as it was given, JSON what the work brought: lines as they come, or
/// one array in the order of the references. A failure is one line on stderr and stops no other.
pub(super) async fn each<'a, T, Work>(
    references: &'a [String],
    doing: &str,
    out: &mut Printer<'_>,
    work: impl Fn(&'a str) -> Work,
) -> Result<(), CliError>
where
    T: Serialize,
    Work: Future<Output = Result<T, CliError>>,
{
    let begun = references.iter().enumerate().map(|(position, reference)| {
        let work = work(reference);
        async move { (position, reference.as_str(), work.await) }
    });
    let mut outcomes = std::pin::pin!(stream::iter(begun).buffer_unordered(AT_ONCE));
    let mut done = Vec::new();
    let mut failures = Failures::default();
    while let Some((position, reference, outcome)) = out.wait_for(doing, outcomes.next()).await {
        match outcome {
            Ok(value) => match out.format() {
                Format::Table => out.line(reference),
                Format::Jsonl => out.value(&value),
                Format::Json => done.push((position, value)),
            },
            Err(error) => failures.report(reference, &error, out),
        }
    }
    if out.format() == Format::Json {
        done.sort_by_key(|(position, _)| *position);
        let values: Vec<T> = done.into_iter().map(|(_, value)| value).collect();
        out.values(&values);
    }
    failures.conclude(out)
}

/// What failed so far.
#[derive(Default)]
struct Failures {
    worst: Option<Exit>,
    hints: Vec<&'static str>,
}

impl Failures {
    fn report(&mut self, reference: &str, error: &CliError, out: &mut Printer<'_>) {
        let message = error.to_string();
        if message.contains(reference) {
            out.note(&message);
        } else {
            out.note(&format!("{reference}: {message}"));
        }
        self.worst = self.worst.max(Some(error.exit()));
        if let Some(hint) = error.hint().filter(|hint| !self.hints.contains(hint)) {
            self.hints.push(hint);
        }
    }

    /// Each hint once, after all the failures.
    fn conclude(self, out: &mut Printer<'_>) -> Result<(), CliError> {
        for hint in self.hints {
            out.hint(hint);
        }
        self.worst.map_or(Ok(()), |worst| Err(CliError::Reported(worst)))
    }
}
