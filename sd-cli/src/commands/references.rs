//! Runs the same request for several containers: in parallel, with one line of output for each.

use futures_util::StreamExt;
use futures_util::stream;
use serde::Serialize;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Format, Printer};

/// Requests in flight. The daemon stops as many containers at once; more requests would queue there.
const MAX_IN_FLIGHT: usize = 8;

/// Runs `request` for each reference and prints the results.
///
/// A table prints each reference as given; JSON prints the result of each request: as it arrives with
/// jsonl, or as one array in the order of the references. A failure is printed on stderr and does not
/// stop the other requests. The most severe failure determines the exit code.
pub(super) async fn for_each<'a, T, Work>(
    references: &'a [String],
    progress: &str,
    out: &mut Printer<'_>,
    request: impl Fn(&'a str) -> Work,
) -> Result<(), CliError>
where
    T: Serialize,
    Work: Future<Output = Result<T, CliError>>,
{
    let requests = references.iter().enumerate().map(|(position, reference)| {
        let work = request(reference);
        async move { (position, reference.as_str(), work.await) }
    });
    let mut results = std::pin::pin!(stream::iter(requests).buffer_unordered(MAX_IN_FLIGHT));
    let mut values = Vec::new();
    let mut failures = Failures::default();
    while let Some((position, reference, result)) = out.wait_for(progress, results.next()).await {
        match result {
            Ok(value) => match out.format() {
                Format::Table => out.line(reference),
                Format::Jsonl => out.value(&value),
                Format::Json => values.push((position, value)),
            },
            Err(error) => failures.report(reference, &error, out),
        }
    }
    if out.format() == Format::Json {
        values.sort_by_key(|(position, _)| *position);
        let values: Vec<T> = values.into_iter().map(|(_, value)| value).collect();
        out.values(&values);
    }
    failures.finish(out)
}

/// The failures so far.
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

    /// Prints each hint once, after all failures.
    fn finish(self, out: &mut Printer<'_>) -> Result<(), CliError> {
        for hint in self.hints {
            out.hint(hint);
        }
        self.worst.map_or(Ok(()), |worst| Err(CliError::Reported(worst)))
    }
}
