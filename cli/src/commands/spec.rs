//! `altegio spec`: prints the date, URL, and counts of the document that the commands
//! were generated from.

use std::collections::BTreeSet;

use altegio_cli::{COMMANDS, Failure};
use altegio_openapi::documents::B2B_V1;
use clap::ArgMatches;
use serde_json::{Value, json};

use crate::options;
use crate::output;

pub fn command() -> clap::Command {
    clap::Command::new("spec").about("Print the document's date, URL, and counts")
}

pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let source: Value =
        toml::from_str(B2B_V1.source).map_err(|error| Failure::other(error.to_string()))?;
    let operations = altegio::b2b_v1::operations::ALL.iter();
    let deprecated = operations.filter(|operation| operation.deprecated).count();
    let tags: BTreeSet<&str> = COMMANDS.iter().map(|command| command.group).collect();
    let value = json!({
        "date": source["date"],
        "url": source["url"],
        "operations": COMMANDS.len(),
        "deprecated": deprecated,
        "tags": tags.len(),
    });
    output::print_json(&value.to_string(), options::format(matches))
}
