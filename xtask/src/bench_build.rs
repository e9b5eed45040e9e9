//! `cargo xtask bench-build`: measures what the crate costs to build, compared
//! with progenitor's unmodified output for the same document, and prints the
//! table in docs/performance.md.

mod packages;
mod table;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Result, bail};

use packages::{
    Package, Subject, client_json, count_lines, dependent, directory_of, ours, plain, root, size,
    stripped, timed, touch, without_operations,
};
use table::{TITLES, machine, median, row};

use crate::workspace::B2B_V1;

/// Measure what the crate costs to build, compared with progenitor's plain output
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The number of times each value is measured; the median is printed
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// Measure only this profile: dev or release
    #[arg(long, value_name = "PROFILE", value_parser = ["dev", "release"])]
    profile: Option<String>,
}

pub fn run(options: &Options) -> Result<()> {
    if options.runs == 0 {
        bail!("--runs must be at least 1");
    }
    let subjects = [
        Subject {
            library: plain()?,
            dependent: dependent(
                "plain",
                r#"altegio-plain = { path = "../plain" }"#,
                r#"use altegio_plain::prelude::*;
    let client = altegio_plain::Client::new("http://127.0.0.1:1");
    let call = client.get_custom_field_list().field_category("record").location_id(1);"#,
            )?,
        },
        ours("all", "b2b-v1")?,
        ours("custom-fields", "b2b-v1-custom-fields")?,
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
    // Build all dependencies first, so that they are not measured.
    for subject in subjects {
        for package in [&subject.library, &subject.dependent] {
            package.cargo("build", profile)?;
            package.cargo("check", profile)?;
        }
    }
    nothing.cargo("build", profile)?;

    // The subjects take turns, so that the machine's load affects all alike.
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

/// Measures the documentation with all features, as docs.rs builds it, compared
/// with a check with all features.
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

/// Measures build.rs by itself, and reports whether cargo reruns it when only
/// the crate's own code has changed.
fn build_script(library: &Package, runs: usize) -> Result<()> {
    let script = library.artifact("dev", "build-script-build")?;
    let out = tempfile::tempdir()?;
    let document = serde_json::from_str(&client_json()?)?;
    let features = crate::pipeline::features::tags(&document);
    let mut times = Vec::new();
    for _ in 0..runs {
        let mut command = Command::new(&script);
        command
            .current_dir(root())
            .env("OUT_DIR", out.path())
            .stdout(Stdio::null());
        for tag in &features {
            let feature = altegio_openapi::select::feature(B2B_V1, tag).replace('-', "_");
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
