//! `cargo xtask update-spec`: fetch, check, distil, overlay, lower, report, write.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::diff::{self, Counts, Format};
use crate::document::{Complaint, Document, to_yaml};
use crate::fetch::{self, Origin, Patience};
use crate::{check, commit, distil, equals, features, lower, overlay};
use altegio_openapi::{generate, rewrite, select};

/// Take in the vendor's OpenAPI document.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The document: a file, or a URL [default: where the vendor publishes it]
    #[arg(long, value_name = "FILE|URL")]
    from: Option<Origin>,
    /// Write nothing; fail if the committed files are not what the document
    /// (without --from: the committed upstream.yaml) gives
    #[arg(long)]
    check: bool,
    /// Write nothing, only report
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// How to write the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The directory that holds the document's files
    #[arg(long, value_name = "DIR", default_value_os_t = default_directory())]
    directory: PathBuf,
    /// The Cargo.toml that has a feature for each tag [default: the crate's
    /// own; with another --directory, none]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

const PUBLISHED: &str = "https://developer.alteg.io/_bundle/en/b2b-v1/openapi.yaml";

pub fn default_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("openapi")
        .join("b2b-v1")
}

fn own_manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.toml")
}

/// `source.toml`: what the committed files were made from.
#[derive(Debug, Deserialize, Serialize)]
struct Source {
    url: String,
    sha256: String,
    size: usize,
    date: String,
    counts: Counts,
}

pub async fn run(options: &Options, today: &str) -> Result<()> {
    let directory = &options.directory;
    let committed = read_committed(directory)?;
    let source_text;
    let (upstream, mut source) = if options.check && options.from.is_none() {
        let text = committed
            .upstream
            .as_deref()
            .context("no upstream.yaml committed to check; run `cargo xtask update-spec` first")?;
        let upstream = parse_and_check("upstream.yaml", text)?;
        let source = committed
            .source
            .as_deref()
            .context("no source.toml committed")?;
        source_text = source.to_owned();
        (
            upstream.value,
            toml::from_str::<Source>(&source_text).context("source.toml")?,
        )
    } else {
        let published: Origin = PUBLISHED.parse().map_err(anyhow::Error::msg)?;
        let origin = options.from.as_ref().unwrap_or(&published);
        let text = fetch::fetch(origin, Patience::default()).await?;
        let upstream = distil::distil(&parse_and_check("the document", &text)?.value);
        let source = Source {
            // A file on somebody's disk is no address for the next maintainer.
            url: match origin {
                Origin::Url(url) => url.to_string(),
                Origin::File(_) => PUBLISHED.to_owned(),
            },
            sha256: Sha256::digest(&text)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            size: text.len(),
            date: today.to_owned(),
            counts: Counts::default(),
        };
        (upstream, source)
    };
    source.counts = diff::counts(&upstream);
    if let Some(before) = committed
        .source
        .as_deref()
        .and_then(|text| toml::from_str::<Source>(text).ok())
        && before.sha256 == source.sha256
    {
        // The same document: nothing about it is newer.
        source.date = before.date;
        source.url = before.url;
    }

    let corrected = match &committed.overlay {
        Some(text) => {
            let parsed = Document::parse(text).map_err(|c| complain("overlay.yaml", &[c]))?;
            overlay::apply(&parsed, &upstream).map_err(|c| complain("overlay.yaml", &c))?
        }
        None => upstream.clone(),
    };
    let again =
        Document::parse(&to_yaml(&corrected)).map_err(|c| complain("upstream + overlay", &[c]))?;
    let broken = check::check(&again);
    if !broken.is_empty() {
        return Err(complain("upstream.yaml with overlay.yaml applied", &broken));
    }
    let mut lowered = lower::lower(&corrected);
    let before = committed.client.as_deref().unwrap_or_default();
    // One that cannot be read is about to be replaced; it has no names to keep.
    let before = serde_json::from_str(before).unwrap_or_default();
    equals::merge(
        &mut lowered.document,
        &component_names(&corrected),
        &component_names(&before),
    );
    let client_json = format!("{:#}\n", lowered.document);
    // What the build would do, so that a document that it refuses is never
    // written: with all features, with none and with each alone.
    let build = |document: &Value| {
        let text = document.to_string();
        generate::tokens("the lowered document", &text, |generator, document| {
            generator.generate_tokens(document)
        })
        .and_then(|tokens| rewrite::finish(tokens, document))
        .map_err(anyhow::Error::msg)
    };
    build(&lowered.document)?;
    let tags = features::tags(&lowered.document).into_iter();
    for tag in tags.map(Some).chain([None]) {
        let mut alone = lowered.document.clone();
        select::select(&mut alone, |other| Some(other) == tag);
        build(&alone)
            .with_context(|| format!("the tag `{}` alone", tag.unwrap_or("none at all")))?;
    }

    let notes: String = lowered
        .notes
        .iter()
        .map(|note| format!("{note}\n"))
        .collect();
    let mut files = vec![
        (directory.join("upstream.yaml"), to_yaml(&upstream)),
        (directory.join("client.json"), client_json),
        (directory.join("interface.json"), format!("{corrected}\n")),
        (directory.join("lowering.txt"), notes),
        (directory.join("source.toml"), toml::to_string(&source)?),
    ];
    let own = (*directory == default_directory()).then(own_manifest);
    if let Some(manifest) = options.manifest.clone().or(own) {
        let text = std::fs::read_to_string(&manifest)
            .with_context(|| format!("cannot read {}", manifest.display()))?;
        let text = features::written_into(&text, &lowered.document)?;
        files.push((manifest, text));
    }
    if options.check {
        return compare(&files);
    }
    let old = match &committed.upstream {
        Some(text) => Some(
            Document::parse(text)
                .map_err(|c| complain("upstream.yaml", &[c]))?
                .value,
        ),
        None => None,
    };
    print!(
        "{}",
        diff::report(options.format, old.as_ref(), &upstream, &lowered.notes)
    );
    if !options.dry_run {
        commit::commit(&files)?;
    }
    Ok(())
}

fn component_names(document: &Value) -> BTreeSet<String> {
    let schemas = document["components"]["schemas"].as_object();
    schemas
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect()
}

fn parse_and_check(name: &str, text: &str) -> Result<Document> {
    let document = Document::parse(text).map_err(|c| complain(name, &[c]))?;
    let complaints = check::check(&document);
    if complaints.is_empty() {
        Ok(document)
    } else {
        Err(complain(name, &complaints))
    }
}

fn complain(name: &str, complaints: &[Complaint]) -> anyhow::Error {
    let lines: String = complaints.iter().map(|c| format!("\n  {c}")).collect();
    anyhow::anyhow!(
        "{name}: {} thing(s) to mend; nothing was written{lines}",
        complaints.len()
    )
}

struct Committed {
    upstream: Option<String>,
    overlay: Option<String>,
    source: Option<String>,
    client: Option<String>,
}

fn read_committed(directory: &Path) -> Result<Committed> {
    let read = |name: &str| match std::fs::read_to_string(directory.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {name}")),
    };
    Ok(Committed {
        upstream: read("upstream.yaml")?,
        overlay: read("overlay.yaml")?,
        source: read("source.toml")?,
        client: read("client.json")?,
    })
}

fn compare(files: &[(PathBuf, String)]) -> Result<()> {
    let mut stale = Vec::new();
    for (place, text) in files {
        let committed = std::fs::read_to_string(place).unwrap_or_default();
        if committed != *text {
            let line = committed
                .lines()
                .zip(text.lines())
                .position(|(a, b)| a != b);
            let line = line.unwrap_or_else(|| committed.lines().count().min(text.lines().count()));
            let name = place.file_name().unwrap_or_default().to_string_lossy();
            stale.push(format!("{name} differs from line {}", line + 1));
        }
    }
    if stale.is_empty() {
        println!("the committed files are what the document gives");
        return Ok(());
    }
    bail!(
        "{}; run `cargo xtask update-spec` and commit what it writes",
        stale.join(", ")
    )
}
