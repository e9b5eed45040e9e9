//! Runs the command of an operation: sends the request, prints the response, and
//! warns where it differs from the document.

use std::collections::BTreeMap;

use altegio::ErrorKind;
use altegio_cli::{Command, Failure, Flag, Pages, Place, Response, flags};
use clap::{Arg, ArgAction, ArgMatches};
use futures_util::TryStreamExt;
use serde_json::value::RawValue;

use crate::options;
use crate::output::{self, Format};
use crate::secret;

const ALL: &str = "all";

/// Returns the clap definition of an operation's command, with the flags that only the
/// program has.
pub fn command(command: &Command) -> clap::Command {
    let all = Arg::new(ALL)
        .long(ALL)
        .action(ArgAction::SetTrue)
        .help("Fetch every page and print the items as one list");
    flags::command(command).args(command.paging.as_ref().map(|_| all))
}

/// Runs a command.
pub async fn run(command: &Command, matches: &ArgMatches) -> Result<(), Failure> {
    if let Some(template) = flags::template(command, matches) {
        return output::write(format!("{template}\n").as_bytes());
    }
    let client = options::client_builder(matches)?.build()?;
    let arguments = flags::arguments(command, matches, ask)?;
    let format = options::format(matches);
    if let Some(paging) = &command.paging
        && matches.get_flag(ALL)
    {
        let pages = (paging.pages)(&client, &arguments)?;
        return print_all(pages, paging.items, format).await;
    }
    match (command.call)(&client, &arguments).await {
        Ok(response) => {
            let mut warnings = Warnings::default();
            warnings.add(&response);
            warnings.print();
            output::print(&response, format)
        }
        Err(failure) => {
            if let Some(body) = undecodable(&failure) {
                output::print_error_body(body, format);
            }
            Err(failure)
        }
    }
}

/// Returns the body of a response that cannot be decoded. The server has acted on the
/// request, so the body is printed nevertheless.
fn undecodable(failure: &Failure) -> Option<&[u8]> {
    match failure {
        Failure::Call(error) if error.kind() == ErrorKind::Decode => {
            error.body().map(AsRef::as_ref)
        }
        _ => None,
    }
}

/// Reads a secret, which cannot be given on the command line.
fn ask(flag: &Flag, from_stdin: bool) -> Result<String, Failure> {
    let long = flag.long;
    let mut remedy = format!("give --{long}-stdin");
    if flag.place == Place::Field {
        remedy += ", or the field in --json-body";
    }
    secret::read(flag.name, from_stdin, &remedy)
}

/// Prints the items of all pages as one JSON list. If a page fails, prints the items of
/// the pages before it, and then the page itself if it was received but cannot be
/// decoded.
async fn print_all(mut pages: Pages, pointer: &str, format: Format) -> Result<(), Failure> {
    let mut list = String::from("[");
    let mut warnings = Warnings::default();
    let mut has_pages = false;
    let failed = loop {
        let page = match pages.try_next().await {
            Ok(Some(page)) => page,
            Ok(None) => break None,
            Err(failure) => {
                let body = undecodable(&failure).map(<[u8]>::to_vec);
                break Some((failure, body));
            }
        };
        warnings.add(&page);
        let shown = output::shown(&page, format);
        let items = match items(&shown, pointer) {
            Ok(items) => items,
            Err(error) => {
                let failure = Failure::other(format!("a page is not JSON: {error}"));
                break Some((failure, Some(page.body)));
            }
        };
        for item in items {
            if list.len() > 1 {
                list.push(',');
            }
            list.push_str(item.get());
        }
        has_pages = true;
    };
    list.push(']');
    warnings.print();
    let Some((failure, body)) = failed else {
        return output::print_json(&list, format);
    };
    if has_pages {
        output::print_error_body(list.as_bytes(), format);
    }
    if let Some(body) = body {
        if has_pages && format == Format::Yaml {
            // Separates the two YAML documents.
            output::print_error_body(b"---\n", format);
        }
        output::print_error_body(&body, format);
    }
    Err(failure)
}

/// Returns the items at `pointer` in a page.
///
/// If the page has another structure, the last value that the pointer reaches is
/// used, so nothing is lost. If that value is not a list, it counts as one item.
fn items<'p>(page: &'p [u8], pointer: &str) -> serde_json::Result<Vec<&'p RawValue>> {
    let mut at: &RawValue = serde_json::from_slice(page)?;
    for (depth, step) in pointer.split('/').skip(1).enumerate() {
        let Ok(mut fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(at.get()) else {
            break;
        };
        match fields.remove(step) {
            Some(inner) => at = inner,
            // An empty page may omit its items.
            None if depth == 0 || fields.is_empty() => return Ok(Vec::new()),
            None => break,
        }
    }
    match at.get().bytes().next() {
        Some(b'[') => serde_json::from_str(at.get()),
        _ if at.get() == "null" => Ok(Vec::new()),
        _ => Ok(vec![at]),
    }
}

/// The differences between responses and the document. A difference that occurs in
/// several items or pages of a list is printed once, with the first location and the
/// number of others.
#[derive(Default)]
struct Warnings {
    /// The first location and the number of locations, by the location without its
    /// indexes and the reason.
    places: BTreeMap<(String, String), (String, usize)>,
}

impl Warnings {
    /// Adds the differences of a response.
    fn add(&mut self, response: &Response) {
        let mismatches = response.mismatches.iter().map(|mismatch| {
            let why = format!(
                "expected {}, according to Altegio's document",
                mismatch.expected
            );
            (&mismatch.path, why)
        });
        let unknown = response.unknown_fields.iter();
        let unknown = unknown.map(|path| (path, "not in Altegio's document".to_owned()));
        for (path, why) in mismatches.chain(unknown) {
            // Drops the indexes: `$.data[3].x` becomes `$.data[.x`.
            let parts = path.split('[').map(|part| {
                let digits = part.trim_start_matches(|c: char| c.is_ascii_digit());
                digits.strip_prefix(']').unwrap_or(part)
            });
            let alike = parts.collect::<Vec<_>>().join("[");
            let place = self.places.entry((alike, why));
            place.or_insert_with(|| (path.clone(), 0)).1 += 1;
        }
    }

    /// Prints a warning to standard error for each difference.
    fn print(&self) {
        for ((_, why), (path, count)) in &self.places {
            let more = match count {
                1 => String::new(),
                count => format!(", and so are {} more like it", count - 1),
            };
            eprintln!(
                "warning: {}",
                output::escaped(&format!("{path}: {why}{more}"))
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pages_items_are_found_wherever_they_stand() {
        let of = |page: &str, pointer: &str| {
            let items = items(page.as_bytes(), pointer).unwrap();
            items
                .iter()
                .map(|item| item.get())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let page = r#"{"success": true, "data": [1, 2.50], "meta": {}}"#;
        assert_eq!(of(page, "/data"), "1 2.50");
        let nested = r#"{"data": {"children": [3]}}"#;
        assert_eq!(of(nested, "/data/children"), "3");
        // The page has another structure.
        assert_eq!(of("[4]", "/data"), "4");
        assert_eq!(of(r#"{"data": {"id": 5}}"#, "/data"), r#"{"id": 5}"#);
        assert_eq!(of(r#"{"data": [6]}"#, "/data/children"), "6");
        let child = r#"{"data": {"child": [7]}}"#;
        assert_eq!(of(child, "/data/children"), r#"{"child": [7]}"#);
        // There are no items.
        for (page, pointer) in [
            (r#"{"success": true, "meta": []}"#, "/data"),
            (r#"{"data": null}"#, "/data"),
            (r#"{"data": {}}"#, "/data/children"),
            (r#"{"data": {"children": null}}"#, "/data/children"),
            ("null", "/data"),
        ] {
            assert_eq!(of(page, pointer), "");
        }
    }
}
