//! What is counted, and the table of it.

use std::collections::BTreeMap;

/// The counts of a tag.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub operations: usize,
    pub requests: usize,
    pub responses: usize,
    /// Operations that differ as docs/conformance.md explains.
    pub explained: usize,
    pub failures: usize,
}

/// Prints a row for each tag, and one for all.
pub fn print(counts: &BTreeMap<&str, Counts>) {
    println!(
        "{:<30} {:>10} {:>9} {:>9} {:>9} {:>9}",
        "tag", "operations", "requests", "responses", "explained", "failures"
    );
    let mut sum = Counts::default();
    for (tag, count) in counts {
        print_row(tag, count);
        sum.operations += count.operations;
        sum.requests += count.requests;
        sum.responses += count.responses;
        sum.explained += count.explained;
        sum.failures += count.failures;
    }
    print_row("all", &sum);
}

fn print_row(tag: &str, count: &Counts) {
    println!(
        "{tag:<30} {:>10} {:>9} {:>9} {:>9} {:>9}",
        count.operations, count.requests, count.responses, count.explained, count.failures
    );
}
