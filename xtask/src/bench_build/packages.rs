//! The packages whose builds are measured, and the cargo commands that build
//! them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use openapiv3::OpenAPI;
use progenitor::{GenerationSettings, Generator, InterfaceStyle, TagStyle};
use serde_json::Value;

pub(super) use crate::workspace::root;
use crate::workspace::{self, B2B_V1};

const TOKIO: &str = r#"tokio = { version = "1", features = ["macros", "rt"] }"#;

/// The directory for all measured builds. The compared crates share their
/// dependencies in it, and the workspace's own artifacts stay untouched.
pub(super) fn directory() -> PathBuf {
    root().join("target").join("bench-build")
}

/// A crate whose build is measured, and one that depends on it.
pub(super) struct Subject {
    pub library: Package,
    pub dependent: Package,
}

/// A package for cargo to build.
#[derive(Clone)]
pub(super) struct Package {
    pub manifest: PathBuf,
    pub root_file: PathBuf,
    pub features: Vec<String>,
}

/// progenitor's unmodified output, as a separate crate.
pub(super) fn plain() -> Result<Package> {
    let document: OpenAPI = serde_json::from_str(&client_json()?)?;
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Separate);
    let tokens = Generator::new(&settings)
        .generate_tokens(&document)
        .context("cannot generate progenitor's plain output")?;
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

pub(super) fn ours(name: &str, feature: &str) -> Result<Subject> {
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
            r#"let client = altegio::Client::builder().build().expect("a client");
    let location = altegio::ids::LocationId(1);
    let call = client.b2b_v1().get_custom_field_list("record", location);"#,
        )?,
    })
}

/// A program that sends one call, which the statements of `call` define.
pub(super) fn dependent(name: &str, dependency: &str, call: &str) -> Result<Package> {
    let name = format!("use-{name}");
    let code = format!(
        "#[tokio::main(flavor = \"current_thread\")]
async fn main() {{
    {call}
    let fields = call.send().await;
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

/// A program that depends on the crate without any operations: the baseline
/// cost of a dependent.
pub(super) fn without_operations() -> Result<Package> {
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
    /// Touches the package's own code, and returns how many seconds the command
    /// then takes.
    pub(super) fn again(&self, command: &str, profile: &str) -> Result<f64> {
        touch(&self.root_file)?;
        Ok(self.cargo(command, profile)?.as_secs_f64())
    }

    pub(super) fn cargo(&self, command: &str, profile: &str) -> Result<Duration> {
        let is_library = self.root_file.ends_with("lib.rs");
        let target = if is_library { "--lib" } else { "--bins" };
        self.cargo_with(&[command, target], profile)
    }

    pub(super) fn cargo_with(&self, arguments: &[&str], profile: &str) -> Result<Duration> {
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
        // cargo builds crates from crates.io without incremental compilation.
        if self.root_file.ends_with("lib.rs") {
            command.env("CARGO_INCREMENTAL", "0");
        }
        // The workspace's dev profile does not apply to the packages that are
        // compared with it, nor to programs that depend on the crate.
        command.env("CARGO_PROFILE_DEV_DEBUG", "true");
        command
    }

    /// The file built by cargo whose name ends with `end`, or the program if
    /// `end` is empty.
    pub(super) fn artifact(&self, profile: &str, end: &str) -> Result<PathBuf> {
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
        let file = file.with_context(|| {
            format!(
                "cargo reports no `{end}` file for {}",
                self.manifest.display()
            )
        })?;
        Ok(file.into())
    }

    /// The code that build.rs generated.
    pub(super) fn generated(&self) -> Result<PathBuf> {
        let messages = self.messages("dev")?;
        let outs = messages.iter().filter_map(|message| {
            let is_build_script = message["reason"] == "build-script-executed";
            is_build_script
                .then(|| message["out_dir"].as_str())
                .flatten()
        });
        outs.map(|out| Path::new(out).join("b2b_v1.rs"))
            .find(|file| file.exists())
            .context("cargo reports no OUT_DIR for the crate")
    }

    fn messages(&self, profile: &str) -> Result<Vec<Value>> {
        let is_library = self.root_file.ends_with("lib.rs");
        let target = if is_library { "--lib" } else { "--bins" };
        let arguments = ["build", target, "--message-format=json"];
        let mut command = self.command(&arguments, profile);
        // cargo's errors are printed.
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("{command:?}"))?;
        if !output.status.success() {
            bail!("{command:?}: {}", output.status);
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}

pub(super) fn client_json() -> Result<String> {
    let path = workspace::document(&root(), B2B_V1).join("client.json");
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

pub(super) fn directory_of(inside: &str) -> PathBuf {
    directory().join("target").join(inside)
}

pub(super) fn touch(file: &Path) -> Result<()> {
    let file = fs::File::options().append(true).open(file)?;
    Ok(file.set_modified(SystemTime::now())?)
}

pub(super) fn timed(command: &mut Command) -> Result<Duration> {
    let started = Instant::now();
    let status = command.status().with_context(|| format!("{command:?}"))?;
    let took = started.elapsed();
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(took)
}

pub(super) fn size(file: &Path) -> Result<f64> {
    let metadata = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(metadata.len() as f64)
}

/// The program's size without symbols and debug info.
pub(super) fn stripped(program: &Path) -> Result<f64> {
    let copy = tempfile::NamedTempFile::new()?;
    timed(
        Command::new("strip")
            .arg("-o")
            .arg(copy.path())
            .arg(program),
    )?;
    size(copy.path())
}

pub(super) fn count_lines(file: &Path) -> Result<usize> {
    Ok(fs::read_to_string(file)?.lines().count())
}
