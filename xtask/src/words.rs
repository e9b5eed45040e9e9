//! `cargo xtask words`: checks `words.yaml`, our own documentation of the
//! document's operations, parameters, fields, and values.

mod copied;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use altegio_openapi::pointer::Pointer;
use altegio_openapi::yaml::{Complaint, Document};

use crate::pipeline::words::coverage::{self, Kind, Place};
use crate::pipeline::words::{self, Words};
use crate::pipeline::{self, WORDS};
use crate::update_spec::Files;
use crate::workspace;
use copied::Vendor;

/// Count the operations, parameters, fields, and values that words.yaml
/// describes.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Fail if a share is below its minimum, or if any entry is wrong
    #[arg(long)]
    check: bool,
    /// The document, by its folder under `openapi/`
    #[arg(long, value_name = "NAME", default_value = workspace::B2B_V1)]
    document: String,
    /// The vendor's document; with it, the check also fails where eight words
    /// in a row are the vendor's
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// A file in the format of words.yaml that is read in addition to it; may be
    /// given several times
    #[arg(long, value_name = "FILE")]
    fragment: Vec<PathBuf>,
    /// Also list places, in the order of the document
    #[arg(long, value_enum, value_name = "WHICH")]
    list: Option<Which>,
    /// Count and list only the operations of this tag; may be given several times
    #[arg(long)]
    tag: Vec<String>,
    /// Count and list only this operation; may be given several times
    #[arg(long, value_name = "ID")]
    operation: Vec<String>,
    /// The workspace to read [default: the workspace that this command was built
    /// in]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

/// Which places to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// Those without words
    Missing,
    /// All of them
    All,
}

/// The minimum share of places with words, in percent, by kind. Of some fields, the
/// vendor's document does not say what they mean; `unknown` in words.yaml lists them.
const MINIMUM: [(Kind, usize); 6] = [
    (Kind::Tag, 100),
    (Kind::Operation, 100),
    (Kind::Parameter, 100),
    (Kind::Field, 97),
    (Kind::Value, 100),
    (Kind::Entity, 100),
];

pub fn run(options: &Options) -> Result<()> {
    let root = options.root.clone().unwrap_or_else(workspace::root);
    let inputs = Files::new(root, &options.document).inputs()?;
    let mut document = pipeline::corrected(&inputs).map_err(|complaints| refused(&complaints))?;

    let mut texts = Vec::new();
    if let Some(text) = &inputs.words {
        texts.push((WORDS.to_owned(), text.clone()));
    }
    for path in &options.fragment {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        texts.push((path.display().to_string(), text));
    }
    let files = texts.iter().map(|(name, text)| Words::parse(name, text));
    let files: Vec<Words> = files
        .collect::<Result<_, _>>()
        .map_err(|complaint| refused(&[complaint]))?;
    let mut complaints = words::apply(&files, &mut document)
        .err()
        .unwrap_or_default();
    if let Some(path) = &options.from {
        let text = fs::read_to_string(path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        let vendor = Document::parse("the vendor's document", &text);
        let vendor = Vendor::read(&vendor.map_err(|complaint| refused(&[complaint]))?.value);
        complaints.extend(files.iter().flat_map(|file| vendor.copied_in(file)));
    }

    let all = coverage::places(&document);
    complaints.extend(wrong_unknown(&files, &all));
    let unknown: BTreeSet<&str> = files.iter().flat_map(Words::unknown).collect();
    let places: Vec<&Place> = all.iter().filter(|place| options.wants(place)).collect();
    if let Some(which) = options.list {
        list(&places, which);
    }
    let shares = shares(&places);
    print!("{}", table(&shares));
    for complaint in &complaints {
        println!("{complaint}");
    }
    if !options.check {
        return Ok(());
    }
    let too_few: Vec<String> = MINIMUM
        .into_iter()
        .filter_map(|(kind, minimum)| {
            let (described, total) = shares.get(&kind).copied().unwrap_or_default();
            let enough = described * 100 >= minimum * total;
            (!enough).then(|| format!("less than {minimum} % of the {} have words", kind.name()))
        })
        .collect();
    let unlisted: Vec<String> = places
        .iter()
        .filter(|place| place.kind == Kind::Field && !place.described)
        .map(|place| place.label())
        .filter(|label| !unknown.contains(label.as_str()))
        .collect();
    if !unlisted.is_empty() {
        bail!(
            "these fields have neither words nor an entry in `unknown`: {}",
            unlisted.join(", ")
        );
    }
    if !complaints.is_empty() {
        bail!("{} thing(s) to mend in the words", complaints.len());
    }
    if !too_few.is_empty() {
        bail!("{}; `--list missing` names them", too_few.join(", "));
    }
    Ok(())
}

impl Options {
    fn wants(&self, place: &Place) -> bool {
        if self.tag.is_empty() && self.operation.is_empty() {
            return true;
        }
        self.tag.contains(&place.tag) || self.operation.contains(&place.owner)
    }
}

fn refused(complaints: &[Complaint]) -> anyhow::Error {
    let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("{}", lines.join("\n"))
}

/// Complains about the entries of `unknown` that name no place, or one that has
/// words.
fn wrong_unknown(files: &[Words], places: &[Place]) -> Vec<Complaint> {
    let described: BTreeMap<String, bool> = places
        .iter()
        .map(|place| (place.label(), place.described))
        .collect();
    let mut complaints = Vec::new();
    for file in files {
        for (index, entry) in file.unknown().enumerate() {
            let at = Pointer::root().join("unknown").join(index);
            let what = match described.get(entry) {
                Some(false) => continue,
                Some(true) => format!("`{entry}` has words; take it out"),
                None => format!("`{entry}` is no place; `--list all` shows how places are written"),
            };
            complaints.push(file.complaint(&at, what));
        }
    }
    complaints
}

/// Prints the places, grouped by operation.
fn list(places: &[&Place], which: Which) {
    let mut owner = None;
    let mut seen = BTreeSet::new();
    for place in places {
        if which == Which::Missing && place.described {
            continue;
        }
        if !seen.insert(place.label()) {
            continue;
        }
        if owner != Some(&place.owner) {
            owner = Some(&place.owner);
            println!("{} ({})", place.owner, place.tag);
        }
        let path = match place.path.as_str() {
            "" => "summary",
            path => path,
        };
        let mark = if place.described { "+ " } else { "" };
        println!("    {mark}{path}  {}", place.shape);
    }
}

/// The number of places with words, and of all places, by kind.
fn shares(places: &[&Place]) -> BTreeMap<Kind, (usize, usize)> {
    let mut shares: BTreeMap<Kind, (usize, usize)> = BTreeMap::new();
    for place in places {
        let share = shares.entry(place.kind).or_default();
        share.0 += usize::from(place.described);
        share.1 += 1;
    }
    shares
}

fn table(shares: &BTreeMap<Kind, (usize, usize)>) -> String {
    let mut table = format!("{:<14}{:>10}{:>8}{:>9}\n", "", "described", "of", "percent");
    for kind in Kind::ALL {
        let Some((described, total)) = shares.get(&kind) else {
            continue;
        };
        // Rounded down, so that 100 means all.
        let percent = *described as f64 * 100.0 / (*total).max(1) as f64;
        let percent = (percent * 10.0).floor() / 10.0;
        table += &format!(
            "{:<14}{described:>10}{total:>8}{percent:>9.1}\n",
            kind.name()
        );
    }
    table
}
