//! `cargo xtask update-spec`: updates the committed files from the vendor's
//! OpenAPI document.
//!
//! This file handles the options, the files and the three modes (write, check,
//! dry run). [`crate::pipeline`] generates the files' contents.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use tokio::sync::oneshot;

use crate::pipeline::fetch::{self, Origin, Patience};
use crate::pipeline::{self, Inputs, MANIFEST, Made, Upstream, atomic_write};
use crate::report::Format;
use crate::workspace;
use altegio_openapi::yaml::Complaint;

/// Update the committed files from the vendor's OpenAPI document.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The document, as a file or a URL [default: the document that the vendor
    /// publishes]
    #[arg(long, value_name = "FILE|URL")]
    from: Option<Origin>,
    /// Write nothing; fail if the committed files differ from the files
    /// generated from the document (without --from: from the committed
    /// upstream.yaml)
    #[arg(long)]
    check: bool,
    /// Write nothing; only print the report
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// Accept a document that lacks up to this many of the previous operations;
    /// by default, a document that lacks more than a tenth is refused, since it
    /// may be incomplete
    #[arg(long, value_name = "N")]
    allow_removals: Option<usize>,
    /// The format of the report; `json` lists every schema without a type
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The workspace to read and write: `openapi/b2b-v1/` and the features in
    /// `Cargo.toml` [default: the workspace that this command was built in]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

const PUBLISHED: &str = "https://developer.alteg.io/_bundle/en/b2b-v1/openapi.yaml";

pub async fn run(options: &Options, today: &str) -> Result<()> {
    let files = Files::new(options.root.clone().unwrap_or_else(workspace::root));
    if options.check || options.dry_run {
        atomic_write::refuse_pending(&files.root)?;
    } else {
        atomic_write::recover(&files.root)?;
    }
    let inputs = Inputs {
        allowed_removals: options.allow_removals,
        ..files.inputs()?
    };
    let published: Origin = PUBLISHED.parse().map_err(anyhow::Error::msg)?;
    let upstream = if options.check && options.from.is_none() {
        Upstream::Committed
    } else {
        let origin = options.from.as_ref().unwrap_or(&published);
        Upstream::Published {
            text: fetch::fetch(origin, Patience::default()).await?,
            // A local path is of no use to other maintainers.
            url: match origin {
                Origin::Url(url) => url.to_string(),
                Origin::File(_) => PUBLISHED.to_owned(),
            },
            date: today.to_owned(),
        }
    };
    let made = make(inputs, upstream).await?;
    if options.check {
        return files.compare(&made);
    }
    print!("{}", made.report.write(options.format));
    if !options.dry_run {
        files.write(made)?;
    }
    Ok(())
}

/// Runs the pipeline on a separate thread, so that an interrupt takes effect
/// at once.
async fn make(inputs: Inputs, upstream: Upstream) -> Result<Made> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // After an interrupt there is no receiver.
        let _ = sender.send(pipeline::make(&inputs, upstream));
    });
    eprintln!("generating the files");
    let made = receiver
        .await
        .context("the pipeline panicked on this document; nothing was written")?;
    made.map_err(|complaints| refused(&complaints))
}

fn refused(complaints: &[Complaint]) -> anyhow::Error {
    let lines: String = complaints.iter().map(|c| format!("\n  {c}")).collect();
    anyhow::anyhow!(
        "{} thing(s) to mend; nothing was written{lines}",
        complaints.len()
    )
}

/// The files of one document in a workspace.
pub struct Files {
    root: PathBuf,
}

impl Files {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        match name {
            MANIFEST => workspace::manifest(&self.root),
            name => workspace::document(&self.root, workspace::B2B_V1).join(name),
        }
    }

    fn read(&self, name: &str) -> Result<Option<String>> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            // A generated file that is not UTF-8 counts as missing: it is about to
            // be replaced.
            Err(error)
                if error.kind() == std::io::ErrorKind::InvalidData
                    && !matches!(name, MANIFEST | pipeline::OVERLAY | pipeline::WORDS) =>
            {
                Ok(None)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    pub fn inputs(&self) -> Result<Inputs> {
        let manifest = self.read(MANIFEST)?;
        if manifest.is_none() {
            bail!(
                "there is no {}; pass the workspace directory as `--root`",
                self.path(MANIFEST).display()
            );
        }
        Ok(Inputs {
            upstream: self.read(pipeline::UPSTREAM)?,
            overlay: self.read(pipeline::OVERLAY)?,
            words: self.read(pipeline::WORDS)?,
            interface: self.read(pipeline::INTERFACE)?,
            client: self.read(pipeline::CLIENT)?,
            source: self.read(pipeline::SOURCE)?,
            manifest,
            allowed_removals: None,
        })
    }

    fn write(&self, made: Made) -> Result<()> {
        let files: Vec<(PathBuf, String)> = made
            .files
            .into_iter()
            .map(|(name, text)| (self.path(name), text))
            .collect();
        atomic_write::write(&self.root, &files)
    }

    fn compare(&self, made: &Made) -> Result<()> {
        let mut stale = Vec::new();
        for (name, text) in &made.files {
            let committed = self.read(name)?.unwrap_or_default();
            if committed != *text {
                let same = committed.lines().zip(text.lines());
                let line = same.take_while(|(a, b)| a == b).count();
                stale.push(format!("{name} differs from line {}", line + 1));
            }
        }
        if stale.is_empty() {
            println!("the committed files are up to date");
            return Ok(());
        }
        bail!(
            "{}; run `cargo xtask update-spec` and commit the files that it writes",
            stale.join(", ")
        )
    }
}
