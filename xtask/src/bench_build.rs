//! What the crate costs to build, beside progenitor's plain output of the same
//! document: the table of docs/performance.md.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use openapiv3::OpenAPI;
use progenitor::{GenerationSettings, Generator, InterfaceStyle, TagStyle};
use serde_json::Value;

use crate::update_spec;

/// Measure what the crate costs to build, beside progenitor's plain output
#[derive(clap::Args, Debug)]
pub struct Options {
    /// How often each thing is measured; the median is printed
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// Only this profile: dev or release
    #[arg(long, value_name = "PROFILE", value_parser = ["dev", "release"])]
    profile: Option<String>,
}

const TITLES: [&str; 3] = ["plain output", "all tags", "`custom-fields`"];

const TOKIO: &str = r#"tokio = { version = "1", features = ["macros", "rt"] }"#;

/// Everything is built here: the crates that are compared share their
/// dependencies, and the usual target directory stays as it is.
fn directory() -> PathBuf {
    root().join("target").join("bench-build")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
        .to_owned()
}

/// A crate whose build is measured, and one that depends on it.
struct Subject {
    library: Package,
    dependent: Package,
}

/// What `cargo` is asked to build.
#[derive(Clone)]
struct Package {
    manifest: PathBuf,
    root_file: PathBuf,
    features: Vec<String>,
}

pub fn run(options: &Options) -> Result<()> {
    if options.runs == 0 {
        bail!("--runs is 0; measure at least once");
    }
    let subjects = [
        Subject {
            library: plain()?,
            dependent: dependent(
                "plain",
                r#"altegio-plain = { path = "../plain" }"#,
                r#"altegio_plain::Client::new("http://127.0.0.1:1")"#,
                "altegio_plain::prelude::*",
            )?,
        },
        ours("all", "b2b-v1")?,
        ours("custom-fields", "custom-fields")?,
    ];
    let nothing = without_operations()?;
    println!("{}\n", machine());
    println!(
        "| | {} | all / plain | custom-fields / plain |\n|---|---|---|---|---|---|",
        TITLES.join(" | ")
    );
    let profiles = ["dev", "release"].into_iter().filter(|profile| {
        let only = options.profile.as_deref();
        only.is_none_or(|only| only == *profile)
    });
    for profile in profiles {
        measure(profile, &subjects, &nothing, options.runs)?;
    }
    let lines = [
        count_lines(&subjects[0].library.root_file)?,
        count_lines(&subjects[1].library.generated()?)?,
        count_lines(&subjects[2].library.generated()?)?,
    ];
    row("generated lines", lines.map(|n| n as f64), |n| {
        format!("{n:.0}")
    });
    documentation(&subjects[1].library, options.runs)?;
    build_script(&subjects[1].library, options.runs)?;
    Ok(())
}

fn measure(profile: &str, subjects: &[Subject; 3], nothing: &Package, runs: usize) -> Result<()> {
    // Everything that they depend on, first.
    for subject in subjects {
        for package in [&subject.library, &subject.dependent] {
            package.cargo("build", profile)?;
            package.cargo("check", profile)?;
        }
    }
    nothing.cargo("build", profile)?;

    // One after the other, again and again: the machine's mood is shared.
    let mut builds = [const { Vec::new() }; 3];
    let mut checks = [const { Vec::new() }; 3];
    let mut rebuilds = [const { Vec::new() }; 4];
    for run in 0..runs {
        eprintln!("{profile}: run {} of {runs}", run + 1);
        for (index, Subject { library, .. }) in subjects.iter().enumerate() {
            builds[index].push(library.again("build", profile)?);
            checks[index].push(library.again("check", profile)?);
        }
        let dependents = subjects.iter().map(|subject| &subject.dependent);
        for (index, package) in dependents.chain([nothing]).enumerate() {
            package.cargo("build", profile)?;
            rebuilds[index].push(package.again("build", profile)?);
        }
    }
    let seconds = |value: f64| format!("{value:.2} s");
    let megabytes = |value: f64| format!("{:.1} MB", value / 1e6);
    row(
        &format!("{profile}: the crate, built"),
        builds.map(median),
        seconds,
    );
    row(
        &format!("{profile}: the crate, checked"),
        checks.map(median),
        seconds,
    );
    let [plain, all, custom, empty] = rebuilds.map(median);
    row(
        &format!("{profile}: a dependent, touched and rebuilt"),
        [plain, all, custom],
        seconds,
    );
    println!(
        "| {profile}: a dependent of the crate without operations, the same | {empty:.2} s | all: {:.2}× of it | custom-fields: {:.2}× | | |",
        all / empty,
        custom / empty
    );
    let mut rlibs = [0.0; 3];
    let mut programs = [0.0; 3];
    for (index, Subject { library, dependent }) in subjects.iter().enumerate() {
        rlibs[index] = size(&library.artifact(profile, ".rlib")?)?;
        programs[index] = stripped(&dependent.artifact(profile, "")?)?;
    }
    row(&format!("{profile}: rlib"), rlibs, megabytes);
    row(
        &format!("{profile}: the dependent, stripped"),
        programs,
        megabytes,
    );
    let mut examples = [f64::NAN; 3];
    for (index, Subject { library, .. }) in subjects.iter().enumerate().skip(1) {
        library.cargo_with(&["build", "--example", "custom_fields"], profile)?;
        let directory = if profile == "dev" { "debug" } else { profile };
        let example = directory_of(directory).join("examples/custom_fields");
        examples[index] = stripped(&example)?;
    }
    println!(
        "| {profile}: the `custom_fields` example, stripped | — | {} | {} | | |",
        megabytes(examples[1]),
        megabytes(examples[2])
    );
    Ok(())
}

/// docs.rs: all features, beside a check of the same.
fn documentation(library: &Package, runs: usize) -> Result<()> {
    let everything = Package {
        features: vec!["--all-features".to_owned()],
        ..library.clone()
    };
    let doc = ["doc", "--no-deps"];
    everything.cargo("check", "dev")?;
    everything.cargo_with(&doc, "dev")?;
    let (mut checks, mut docs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        checks.push(everything.again("check", "dev")?);
        touch(&everything.root_file)?;
        docs.push(everything.cargo_with(&doc, "dev")?.as_secs_f64());
    }
    let (check, doc) = (median(checks), median(docs));
    println!(
        "| `cargo doc --all-features` | — | {doc:.2} s | {:.2}× of `cargo check --all-features`, {check:.2} s | | |",
        doc / check
    );
    Ok(())
}

/// build.rs by itself, and whether it is left alone when it should be.
fn build_script(library: &Package, runs: usize) -> Result<()> {
    let script = library.artifact("dev", "build-script-build")?;
    let out = tempfile::tempdir()?;
    let document = serde_json::from_str(&client_json()?)?;
    let features = crate::features::tags(&document);
    let mut times = Vec::new();
    for _ in 0..runs {
        let mut command = Command::new(&script);
        command
            .current_dir(root())
            .env("OUT_DIR", out.path())
            .stdout(Stdio::null());
        for tag in &features {
            let feature = altegio_openapi::select::feature(tag).replace('-', "_");
            command.env(
                format!("CARGO_FEATURE_{}", feature.to_ascii_uppercase()),
                "1",
            );
        }
        times.push(timed(&mut command)?.as_secs_f64());
    }
    let generated = library.generated()?;
    let written = |path: &Path| -> Result<SystemTime> { Ok(fs::metadata(path)?.modified()?) };
    let before = written(&generated)?;
    library.cargo("build", "dev")?;
    library.again("build", "dev")?;
    let rerun = if written(&generated)? == before {
        "not run again when the crate's own code changes"
    } else {
        "run again though nothing that it reads changed"
    };
    println!(
        "| dev: build.rs | — | {:.2} s | {rerun} | | |",
        median(times)
    );
    Ok(())
}

/// progenitor's output as it comes, in a crate of its own.
fn plain() -> Result<Package> {
    let document: OpenAPI = serde_json::from_str(&client_json()?)?;
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Separate);
    let tokens = Generator::new(&settings)
        .generate_tokens(&document)
        .context("progenitor's plain output")?;
    let code = prettyplease::unparse(&syn::parse2(tokens)?);
    package(
        "plain",
        "altegio-plain",
        "bytes = \"1\"
chrono = { version = \"0.4\", features = [\"serde\"] }
futures-core = \"0.3\"
progenitor-client = \"0.15\"
reqwest = { version = \"0.13\", default-features = false, features = [\"json\", \"query\", \"rustls\", \"stream\"] }
serde = { version = \"1\", features = [\"derive\"] }
serde_json = \"1\"",
        "lib.rs",
        &code.replace("```ignore", "```text"),
    )
}

fn ours(name: &str, feature: &str) -> Result<Subject> {
    let root = root();
    Ok(Subject {
        library: Package {
            manifest: root.join("Cargo.toml"),
            root_file: root.join("src/lib.rs"),
            features: vec![
                "--no-default-features".to_owned(),
                format!("--features={feature},rustls"),
            ],
        },
        dependent: dependent(
            name,
            &format!(
                "altegio = {{ path = {:?}, default-features = false, features = [\"{feature}\", \"rustls\"] }}",
                root
            ),
            r#"altegio::Client::builder().build().expect("a client");
    let client = client.b2b_v1()"#,
            "altegio::b2b_v1::prelude::*",
        )?,
    })
}

/// A program of one call.
fn dependent(name: &str, dependency: &str, client: &str, prelude: &str) -> Result<Package> {
    let name = format!("use-{name}");
    let code = format!(
        "use {prelude};

#[tokio::main(flavor = \"current_thread\")]
async fn main() {{
    let client = {client};
    let fields = client
        .get_custom_field_list()
        .field_category(\"record\")
        .location_id(1)
        .send()
        .await;
    println!(\"{{}}\", fields.is_ok());
}}
"
    );
    package(
        &name,
        &name,
        &format!("{dependency}\n{TOKIO}"),
        "main.rs",
        &code,
    )
}

/// A program that depends on the crate without its operations: what a
/// dependent costs that has nothing of the document.
fn without_operations() -> Result<Package> {
    package(
        "use-none",
        "use-none",
        &format!(
            "altegio = {{ path = {:?}, default-features = false, features = [\"rustls\"] }}\n{TOKIO}",
            root()
        ),
        "main.rs",
        "#[tokio::main(flavor = \"current_thread\")]
async fn main() {
    let client = altegio::Client::builder().build().expect(\"a client\");
    println!(\"{client:?}\");
}
",
    )
}

fn package(
    directory_name: &str,
    name: &str,
    dependencies: &str,
    file: &str,
    code: &str,
) -> Result<Package> {
    let directory = directory().join(directory_name);
    fs::create_dir_all(directory.join("src"))?;
    let manifest = directory.join("Cargo.toml");
    fs::write(
        &manifest,
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{dependencies}\n\n[workspace]\n"
        ),
    )?;
    // The same versions as the crate's own.
    fs::copy(root().join("Cargo.lock"), directory.join("Cargo.lock"))?;
    let root_file = directory.join("src").join(file);
    fs::write(&root_file, code)?;
    Ok(Package {
        manifest,
        root_file,
        features: Vec::new(),
    })
}

impl Package {
    /// Its own code touched, and the command again.
    fn again(&self, command: &str, profile: &str) -> Result<f64> {
        touch(&self.root_file)?;
        Ok(self.cargo(command, profile)?.as_secs_f64())
    }

    fn cargo(&self, command: &str, profile: &str) -> Result<Duration> {
        let is_library = self.root_file.ends_with("lib.rs");
        let target = if is_library { "--lib" } else { "--bins" };
        self.cargo_with(&[command, target], profile)
    }

    fn cargo_with(&self, arguments: &[&str], profile: &str) -> Result<Duration> {
        timed(self.command(arguments, profile).stdout(Stdio::null()))
    }

    fn command(&self, arguments: &[&str], profile: &str) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments);
        if arguments[0] != "doc" {
            command.args(["--profile", profile]);
        }
        command
            .arg("--quiet")
            .arg("--manifest-path")
            .arg(&self.manifest)
            .arg("--target-dir")
            .arg(directory_of(""))
            .args(&self.features)
            .current_dir(root());
        // A crate from crates.io is built without.
        if self.root_file.ends_with("lib.rs") {
            command.env("CARGO_INCREMENTAL", "0");
        }
        command
    }

    /// What cargo made of it, by how the file's name ends.
    fn artifact(&self, profile: &str, end: &str) -> Result<PathBuf> {
        let is_program = |path: &&str| {
            Path::new(path).extension().is_none() && !path.ends_with("build-script-build")
        };
        let messages = self.messages(profile)?;
        let mut files = messages
            .iter()
            .filter(|message| message["manifest_path"] == self.manifest.to_string_lossy().as_ref())
            .flat_map(|message| message["filenames"].as_array().into_iter().flatten())
            .filter_map(Value::as_str);
        let file = if end.is_empty() {
            files.rfind(is_program)
        } else {
            files.rfind(|path| path.ends_with(end))
        };
        let file =
            file.with_context(|| format!("cargo names no `{end}` of {}", self.manifest.display()))?;
        Ok(file.into())
    }

    /// What build.rs wrote.
    fn generated(&self) -> Result<PathBuf> {
        let messages = self.messages("dev")?;
        let outs = messages.iter().filter_map(|message| {
            let is_build_script = message["reason"] == "build-script-executed";
            is_build_script
                .then(|| message["out_dir"].as_str())
                .flatten()
        });
        outs.map(|out| Path::new(out).join("b2b_v1.rs"))
            .find(|file| file.exists())
            .context("cargo names no OUT_DIR of the crate")
    }

    fn messages(&self, profile: &str) -> Result<Vec<Value>> {
        let is_library = self.root_file.ends_with("lib.rs");
        let target = if is_library { "--lib" } else { "--bins" };
        let arguments = ["build", target, "--message-format=json"];
        let output = self.command(&arguments, profile).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}

fn client_json() -> Result<String> {
    let path = update_spec::default_directory().join("client.json");
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn directory_of(inside: &str) -> PathBuf {
    directory().join("target").join(inside)
}

fn touch(file: &Path) -> Result<()> {
    let file = fs::File::options().append(true).open(file)?;
    Ok(file.set_modified(SystemTime::now())?)
}

fn timed(command: &mut Command) -> Result<Duration> {
    let started = Instant::now();
    let status = command.status().with_context(|| format!("{command:?}"))?;
    let took = started.elapsed();
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(took)
}

fn size(file: &Path) -> Result<f64> {
    let metadata = fs::metadata(file).with_context(|| format!("{}", file.display()))?;
    Ok(metadata.len() as f64)
}

/// The program's size without symbols and debug info.
fn stripped(program: &Path) -> Result<f64> {
    let copy = tempfile::NamedTempFile::new()?;
    timed(
        Command::new("strip")
            .arg("-o")
            .arg(copy.path())
            .arg(program),
    )?;
    size(copy.path())
}

fn count_lines(file: &Path) -> Result<usize> {
    Ok(fs::read_to_string(file)?.lines().count())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn row(what: &str, [plain, all, custom]: [f64; 3], text: impl Fn(f64) -> String) {
    println!(
        "| {what} | {} | {} | {} | {:.2}× | {:.2}× |",
        text(plain),
        text(all),
        text(custom),
        all / plain,
        custom / plain
    );
}

fn machine() -> String {
    let first = |text: String, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key))?.to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cpu = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| first(text, "model name"))
        .unwrap_or_else(|| env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(
        |_| "rustc".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    format!("{cpu}, {cores} cores; {rustc}")
}
