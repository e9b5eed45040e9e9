//! `cargo xtask update-spec`: updates the committed files from the vendor's
//! OpenAPI documents.
//!
//! This file handles the options, the files and the three modes (write, check,
//! dry run). [`crate::pipeline`] generates the files' contents.

mod compile;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use reqwest::Url;
use tokio::sync::oneshot;

use crate::pipeline::fetch::{self, Origin, Patience};
use crate::pipeline::{self, Inputs, MANIFEST, Made, Upstream, atomic_write};
use crate::report::Format;
use crate::workspace;
use altegio_openapi::yaml::Complaint;

/// Update the committed files from the vendor's OpenAPI documents.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The document to update, by its folder under `openapi/`; may be repeated
    /// [default: all that have a `source.toml`]
    #[arg(long = "document", value_name = "NAME", value_parser = document_name)]
    documents: Vec<String>,
    /// The document's text, as a file or a URL, for one document [default: the
    /// URL in its `source.toml`]
    #[arg(long, value_name = "FILE|URL")]
    from: Option<Origin>,
    /// The URL that `source.toml` names if the text is from a file [default: the
    /// one that it names already]
    #[arg(long, value_name = "URL", requires = "from")]
    url: Option<Url>,
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
    /// Exit with 0, and not with 2, if operations are left out since no code can
    /// be generated for them
    #[arg(long)]
    allow_left_out: bool,
    /// Run `cargo check` on the client, the command line, and the test helpers
    /// with the new files before they are written
    #[arg(long)]
    compile: bool,
    /// The format of the report; `json` lists every schema without a type
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The workspace to read and write: `openapi/` and the features in
    /// `Cargo.toml` [default: the workspace that this command was built in]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

fn document_name(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || !text.chars().all(is_name) {
        return Err("expected lowercase letters, digits, and hyphens, such as `b2b-v1`".to_owned());
    }
    Ok(text.to_owned())
}

pub async fn run(options: &Options, today: &str) -> Result<Outcome> {
    let root = options.root.clone().unwrap_or_else(workspace::root);
    if options.check || options.dry_run {
        atomic_write::refuse_pending(&root)?;
    } else {
        atomic_write::recover(&root)?;
    }
    let names = match options.documents.as_slice() {
        [] => workspace::documents(&root)?,
        names => names.to_vec(),
    };
    if names.is_empty() || (names.len() > 1 && options.from.is_some()) {
        bail!(
            "name the document that `--from` is, with `--document`; {} has {}",
            root.join("openapi").display(),
            match names.as_slice() {
                [] => "none yet".to_owned(),
                names => names.join(", "),
            }
        );
    }
    let mut texts = Vec::new();
    let mut left_out = 0;
    // Each document has its features in the same Cargo.toml.
    let mut manifest = None;
    for name in &names {
        let files = Files::new(root.clone(), name);
        let mut inputs = files.inputs()?;
        inputs.allowed_removals = options.allow_removals;
        inputs.manifest = manifest.or(inputs.manifest);
        let upstream = upstream(options, &inputs, today)
            .await
            .with_context(|| format!("openapi/{name}"))?;
        let made = make(inputs, upstream)
            .await
            .with_context(|| format!("openapi/{name}"))?;
        if !options.check {
            if names.len() > 1 {
                println!("{name}:");
            }
            print!("{}", made.report.write(options.format));
        }
        left_out += made.report.left_out.len();
        manifest = None;
        for (file, text) in made.files {
            match file {
                MANIFEST => manifest = Some(text),
                file => texts.push((files.path(file), text)),
            }
        }
    }
    texts.extend(manifest.map(|text| (workspace::manifest(&root), text)));
    if options.compile {
        let (root, texts) = (root.clone(), texts.clone());
        on_thread(move || compile::check(&root, &texts)).await??;
    }
    if options.check {
        compare(&root, &texts)?;
        return Ok(Outcome::Complete);
    }
    if !options.dry_run {
        atomic_write::write(&root, &texts)?;
    }
    if left_out > 0 && !options.allow_left_out {
        return Ok(Outcome::LeftOut);
    }
    Ok(Outcome::Complete)
}

/// What a run without an error has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took in every operation, or only those that it may.
    Complete,
    /// It left out operations.
    LeftOut,
}

/// Reads or downloads the text of a document.
async fn upstream(options: &Options, inputs: &Inputs, today: &str) -> Result<Upstream> {
    if options.check && options.from.is_none() {
        return Ok(Upstream::Committed);
    }
    let known = inputs.source.as_deref().and_then(pipeline::url);
    let no_url = "no URL is known, since there is no readable source.toml";
    let origin = match (&options.from, &known) {
        (Some(origin), _) => origin.clone(),
        (None, Some(url)) => url.parse().map_err(anyhow::Error::msg)?,
        (None, None) => bail!("{no_url}; pass `--from URL`"),
    };
    // A local path is of no use to other maintainers.
    let url = match (&options.url, &origin, known) {
        (Some(url), ..) | (None, Origin::Url(url), _) => url.to_string(),
        (None, Origin::File(_), Some(url)) => url,
        (None, Origin::File(_), None) => bail!("{no_url}; pass `--url URL` beside `--from FILE`"),
    };
    Ok(Upstream::Published {
        text: fetch::fetch(&origin, Patience::default()).await?,
        url,
        date: today.to_owned(),
    })
}

async fn make(inputs: Inputs, upstream: Upstream) -> Result<Made> {
    eprintln!("generating the files");
    let made = on_thread(move || pipeline::make(&inputs, upstream)).await;
    let made = made.context("the pipeline panicked on this document; nothing was written")?;
    made.map_err(|complaints| refused(&complaints))
}

/// Runs `work` on a separate thread, so that an interrupt takes effect at once.
async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // After an interrupt there is no receiver.
        let _ = sender.send(work());
    });
    receiver.await.context("a thread panicked")
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
    document: String,
}

impl Files {
    pub fn new(root: PathBuf, document: &str) -> Self {
        Self {
            root,
            document: document.to_owned(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        match name {
            MANIFEST => workspace::manifest(&self.root),
            name => workspace::document(&self.root, &self.document).join(name),
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
            name: self.document.clone(),
            upstream: self.read(pipeline::UPSTREAM)?,
            overlay: self.read(pipeline::OVERLAY)?,
            words: self.read(pipeline::WORDS)?,
            interface: self.read(pipeline::INTERFACE)?,
            client: self.read(pipeline::CLIENT)?,
            lowering: self.read(pipeline::LOWERING)?,
            names: self.read(pipeline::NAMES)?,
            source: self.read(pipeline::SOURCE)?,
            manifest,
            allowed_removals: None,
        })
    }
}

/// Compares the texts with the files in the workspace.
fn compare(root: &Path, texts: &[(PathBuf, String)]) -> Result<()> {
    let mut stale = Vec::new();
    for (path, text) in texts {
        let committed = match fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        if committed != *text {
            let same = committed.lines().zip(text.lines());
            let line = same.take_while(|(a, b)| a == b).count();
            let name = path.strip_prefix(root).unwrap_or(path).display();
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
