//! Tests of `cargo xtask update-spec` as a maintainer runs it: its modes with a
//! document of three operations, and some runs with the committed document. The
//! generated contents are tested in `src/pipeline/tests.rs`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use altegio_openapi::yaml::Document;
use serde_json::Value;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const URL: &str = "https://example.com/openapi.yaml";

/// A temporary workspace to run update-spec in.
struct Tree {
    root: tempfile::TempDir,
}

impl Tree {
    fn new(manifest: &str) -> Self {
        let tree = Self {
            root: tempfile::tempdir().expect("a directory"),
        };
        fs::create_dir_all(tree.path("")).expect("made");
        fs::write(tree.manifest(), manifest).expect("written");
        tree
    }

    /// A workspace without documents; the fixture is at [`Tree::next`].
    fn small() -> Self {
        let tree = Self::new(include_str!("fixture/Cargo.toml.txt"));
        fs::write(tree.next(), include_str!("fixture/next.yaml")).expect("written");
        tree
    }

    /// A copy of the committed files.
    fn committed() -> Self {
        let workspace = package().parent().expect("the workspace");
        let manifest = fs::read_to_string(workspace.join("Cargo.toml")).expect("read");
        let tree = Self::new(&manifest);
        for entry in fs::read_dir(workspace.join("openapi/b2b-v1")).expect("read") {
            let entry = entry.expect("read");
            fs::copy(entry.path(), tree.path("").join(entry.file_name())).expect("copied");
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("openapi/b2b-v1").join(name)
    }

    fn manifest(&self) -> PathBuf {
        self.root.path().join("Cargo.toml")
    }

    fn next(&self) -> PathBuf {
        self.root.path().join("next.yaml")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the xtask runs")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(["update-spec", "--root"])
            .arg(self.root.path())
            .args(arguments);
        command
    }

    /// Runs with the document at [`Tree::next`] as B2B V1.
    fn take_in(&self, arguments: &[&str]) -> Output {
        let next = self.next();
        let from = ["--document", "b2b-v1", "--url", URL, "--from"];
        let from = [&from[..], &[next.to_str().expect("UTF-8")]].concat();
        self.run(&[&from[..], arguments].concat())
    }

    /// The names and texts of all files, including Cargo.toml.
    fn files(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.path("")).expect("read");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("read").path()).collect();
        paths.push(self.manifest());
        paths.sort();
        let name = |path: &Path| {
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        };
        paths
            .iter()
            .map(|path| (name(path), fs::read_to_string(path).expect("read")))
            .collect()
    }
}

fn stdout(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    assert!(!output.status.success(), "it succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_dry_run_writes_nothing_and_a_run_what_check_compares_with() {
    let tree = Tree::small();
    let before = tree.files();
    let report = stdout(&tree.take_in(&["--dry-run"]));
    assert!(
        report.starts_with("3 operations (0 deprecated) on 2 paths, 2 tags, 1 schemas"),
        "{report}"
    );
    assert!(tree.files() == before);
    let error = stderr(&tree.run(&["--check"]));
    assert!(error.contains("with `--document`"), "{error}");
    let error = stderr(&tree.run(&["--check", "--document", "b2b-v1"]));
    assert!(error.contains("upstream.yaml: is missing"), "{error}");

    stdout(&tree.take_in(&[]));
    let written = tree.files();
    let names: Vec<&str> = written.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Cargo.toml",
            "client.json",
            "interface.json",
            "lowering.txt",
            "names.txt",
            "source.toml",
            "upstream.yaml"
        ]
    );
    stdout(&tree.run(&["--check"]));
    stdout(&tree.take_in(&["--check"]));
    assert!(tree.files() == written);
}

#[test]
fn check_names_the_file_that_was_edited_by_hand_and_the_line() {
    let tree = Tree::small();
    stdout(&tree.take_in(&[]));
    let manifest = fs::read_to_string(tree.manifest()).unwrap();
    fs::write(tree.manifest(), manifest.replace("things = []\n", "")).unwrap();
    let client = fs::read_to_string(tree.path("client.json")).unwrap();
    fs::write(
        tree.path("client.json"),
        client.replacen("3.0.3", "3.0.4", 1),
    )
    .unwrap();
    let error = stderr(&tree.run(&["--check"]));
    assert!(
        error.contains(
            "openapi/b2b-v1/client.json differs from line 2, Cargo.toml differs from line 8"
        ),
        "{error}"
    );
    assert!(error.contains("run `cargo xtask update-spec`"), "{error}");
}

#[test]
fn each_document_has_its_folder_its_features_and_its_url() {
    let tree = Tree::small();
    let manifest = fs::read_to_string(tree.manifest()).unwrap();
    let second = manifest
        .lines()
        .skip_while(|line| !line.contains("b2b-v1"))
        .collect::<Vec<_>>()
        .join("\n");
    let second = second.replace("b2b-v1", "other");
    fs::write(tree.manifest(), manifest + &second + "\n").unwrap();
    let next = tree.next();
    let next = next.to_str().unwrap();
    stdout(&tree.take_in(&[]));
    let error = stderr(&tree.run(&["--document", "other", "--from", next]));
    assert!(error.contains("pass `--url URL`"), "{error}");
    let other = ["--document", "other", "--from", next];
    let url = "https://example.com/other.yaml";
    stdout(&tree.run(&[&other[..], &["--url", url]].concat()));
    let read = |name: &str| fs::read_to_string(tree.root.path().join(name)).unwrap();
    assert!(read("openapi/other/source.toml").contains(url));
    assert!(read("openapi/b2b-v1/source.toml").contains(URL));
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("\nother-things = []\n"), "{manifest}");
    assert!(manifest.contains("\nb2b-v1-things = []\n"), "{manifest}");

    // Without a name, all documents are meant.
    stdout(&tree.run(&["--check"]));
    let error = stderr(&tree.run(&["--check", "--from", next]));
    assert!(error.contains("has b2b-v1, other"), "{error}");
    fs::write(tree.root.path().join("openapi/other/lowering.txt"), "x\n").unwrap();
    let error = stderr(&tree.run(&["--check"]));
    assert!(
        error.contains("openapi/other/lowering.txt differs"),
        "{error}"
    );
    let error = stderr(&tree.run(&["--document", "../x", "--check"]));
    assert!(error.contains("such as `b2b-v1`"), "{error}");
}

#[test]
fn an_operation_without_code_is_left_out_and_told_by_the_exit_code() {
    let tree = Tree::small();
    let text = fs::read_to_string(tree.next()).unwrap();
    let styled = text.replacen("name: sort", "name: sort\n          style: deepObject", 1);
    assert_ne!(text, styled);
    fs::write(tree.next(), styled).unwrap();
    let output = tree.take_in(&[]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(
        report.contains("1 operations left out (lowering.txt says why): get_thing_list\n"),
        "{report}"
    );
    let notes = fs::read_to_string(tree.path("lowering.txt")).unwrap();
    assert!(
        notes.contains(
            "/paths/~1things~1{location_id}/get: the operation `get_thing_list` is left out: "
        ),
        "{notes}"
    );
    let client = fs::read_to_string(tree.path("client.json")).unwrap();
    assert!(!client.contains("get_thing_list") && client.contains("create_thing"));
    stdout(&tree.take_in(&["--allow-left-out"]));
    stdout(&tree.run(&["--check"]));
}

#[test]
fn a_refused_document_writes_nothing() {
    let tree = Tree::small();
    stdout(&tree.take_in(&[]));
    let before = tree.files();
    let text = fs::read_to_string(tree.next()).unwrap();
    fs::write(
        tree.next(),
        text.replace("operationId: create_thing", "operationId: getThingList"),
    )
    .unwrap();
    let error = stderr(&tree.take_in(&[]));
    assert!(
        error.contains("1 thing(s) to mend; nothing was written\n  the vendor's document, line 44"),
        "{error}"
    );
    assert!(tree.files() == before);
}

#[test]
fn a_file_or_a_root_that_is_not_there_is_named_with_the_remedy() {
    let tree = Tree::small();
    let error = stderr(&tree.run(&[
        "--document",
        "b2b-v1",
        "--url",
        URL,
        "--from",
        "no-such-file.yaml",
        "--dry-run",
    ]));
    assert!(
        error.contains("cannot read no-such-file.yaml; give `--from FILE`"),
        "{error}"
    );
    fs::remove_file(tree.manifest()).unwrap();
    let error = stderr(&tree.take_in(&[]));
    assert!(error.contains("as `--root`"), "{error}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_run_at_once_and_writes_nothing() {
    let tree = Tree::committed();
    fs::copy(tree.path("upstream.yaml"), tree.next()).unwrap();
    fs::write(tree.path("client.json"), "{}").unwrap();
    let before = tree.files();
    let mut run = tree
        .command(&["--from", tree.next().to_str().expect("UTF-8")])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Then the pipeline is running, which takes seconds.
    let mut lines = BufReader::new(run.stderr.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "generating the files\n");
    let interrupted = Command::new("kill")
        .args(["-INT", &run.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let started = Instant::now();
    assert!(!run.wait().unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(2));
    let mut error = String::new();
    lines.read_to_string(&mut error).unwrap();
    assert!(
        error.contains("interrupted; nothing was written"),
        "{error}"
    );
    assert!(tree.files() == before);
}

/// After a kill at any moment, all files belong to the same document.
#[test]
fn a_kill_leaves_the_old_tree_or_the_new_one() {
    let tree = Tree::small();
    stdout(&tree.take_in(&[]));
    let mut text = fs::read_to_string(tree.next()).unwrap();
    let started = Instant::now();
    for round in 0..12 {
        text = text.replace("Things", "Things X");
        fs::write(tree.next(), &text).unwrap();
        let next = tree.next();
        let mut run = tree
            .command(&["--from", next.to_str().expect("UTF-8")])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // The staging folder exists for a moment at the end of the run.
        let staged = tree.root.path().join("openapi/.update-spec");
        while !staged.exists() && run.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(round * 150));
        run.kill().unwrap();
        run.wait().unwrap();
        if ["journal.json", "rollback.json"]
            .iter()
            .any(|journal| staged.join(journal).exists())
        {
            // Only a run that may write completes the transaction.
            let error = stderr(&tree.run(&["--check"]));
            assert!(
                error.contains("run `cargo xtask update-spec` without `--check`"),
                "{error}"
            );
            stderr(&tree.run(&["--from", "no-such-file.yaml"]));
            assert!(!staged.exists());
        }
        stdout(&tree.run(&["--check"]));
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// update-spec repairs a broken tree, so xtask must build without the documents,
/// which the feature `documents` would embed.
#[test]
fn the_xtask_is_not_built_of_the_documents() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--locked", "--package", "xtask"])
        .args(["--edges", "features,normal,build,dev", "--prefix", "none"])
        .current_dir(package())
        .output()
        .expect("cargo runs");
    let features = stdout(&output);
    let has = |feature: &str| {
        let line = format!("altegio-openapi feature \"{feature}\"");
        features.lines().any(|one| one.starts_with(&line))
    };
    assert!(has("generator"), "{features}");
    assert!(!has("documents"), "{features}");
    assert!(!features.lines().any(|line| line.starts_with("altegio v")));
}

#[test]
fn a_tree_with_missing_and_garbled_documents_is_mended_to_the_committed_files() {
    let tree = Tree::committed();
    let committed = tree.files();
    fs::copy(tree.path("upstream.yaml"), tree.next()).unwrap();
    fs::remove_file(tree.path("client.json")).unwrap();
    fs::write(tree.path("interface.json"), "{\"half").unwrap();
    fs::write(tree.path("lowering.txt"), [0xff, 0xfe]).unwrap();
    fs::write(tree.path("upstream.yaml"), "a: [").unwrap();
    stdout(&tree.take_in(&[]));
    let mended = tree.files();
    for ((name, before), (_, after)) in committed.iter().zip(&mended) {
        match name.as_str() {
            // This run reads the distilled document, which has another hash.
            "source.toml" => assert_eq!(
                before.split_once("[counts]").unwrap().1,
                after.split_once("[counts]").unwrap().1
            ),
            name => assert!(before == after, "{name}"),
        }
    }
    assert_eq!(committed.len(), mended.len());
}

/// The vendor has announced that most operations move. Here every operation of
/// a location or a chain moves, and every component schema gets another name.
#[test]
fn a_document_with_moved_operations_and_renamed_components_needs_no_change_to_the_overlay() {
    let tree = Tree::committed();
    let before = fs::read_to_string(tree.path("upstream.yaml")).unwrap();
    // A tag is renamed as well, and flags may be strings.
    let next = before
        .replace("- Custom Fields", "- Extra Fields & More")
        .replace("name: Custom Fields", "name: Extra Fields & More")
        .replace("show_in_ui:\n                    type: boolean", "show_in_ui:\n                    type:\n                      - string\n                      - boolean\n                      - \"null\"");
    assert_ne!(before, next);
    let mut next = Document::parse("next", &next).unwrap().value;
    let moved = move_paths(&mut next);
    assert!(moved >= 154, "{moved} operations");
    rename_schemas(&mut next);
    // JSON is YAML too.
    fs::write(tree.next(), next.to_string()).unwrap();
    // Words about a tag name it, so that words about a removed tag are an error.
    let words = fs::read_to_string(tree.path("words.yaml")).unwrap();
    let words = words.replace("  Custom Fields: ", "  Extra Fields & More: ");
    fs::write(tree.path("words.yaml"), words).unwrap();
    let overlay = fs::read_to_string(tree.path("overlay.yaml")).unwrap();
    let report = stdout(&tree.take_in(&[]));
    assert_eq!(
        overlay,
        fs::read_to_string(tree.path("overlay.yaml")).unwrap()
    );
    assert!(report.contains("get_custom_field_list: tags: "), "{report}");
    assert_eq!(report.matches(": moved from ").count(), moved, "{report}");
    let manifest = fs::read_to_string(tree.manifest()).unwrap();
    assert!(
        manifest.contains("b2b-v1-extra-fields-more = []\n"),
        "{manifest}"
    );
}

/// Moves paths under `/locations/{location_id}` and `/chains/{chain_id}`.
/// Returns the number of operations.
fn move_paths(document: &mut Value) -> usize {
    let paths = document["paths"].as_object_mut().unwrap();
    let old = std::mem::take(paths);
    let mut moved = 0;
    for (path, item) in &old {
        let steps: Vec<&str> = path.split('/').skip(1).collect();
        let to = match steps.as_slice() {
            ["company", rest @ ..] => format!("/locations/{}", rest.join("/")),
            ["chain", rest @ ..] => format!("/chains/{}", rest.join("/")),
            [thing, "{location_id}", rest @ ..] => {
                let rest: String = rest.iter().map(|step| format!("/{step}")).collect();
                format!("/locations/{{location_id}}/{thing}{rest}")
            }
            _ => path.clone(),
        };
        // Two of the old paths may have the same new one.
        let to = match old.contains_key(&to) || paths.contains_key(&to) {
            true => path.clone(),
            false => to,
        };
        if to != *path {
            let methods = ["get", "put", "post", "delete", "patch"];
            moved += methods.iter().filter(|key| item.get(key).is_some()).count();
        }
        paths.insert(to, item.clone());
    }
    moved
}

fn rename_schemas(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    let old = std::mem::take(schemas);
    schemas.extend(
        old.into_iter()
            .map(|(name, schema)| (format!("{name}_renamed"), schema)),
    );
    rename_references(document);
}

fn rename_references(value: &mut Value) {
    const SCHEMAS: &str = "#/components/schemas/";
    match value {
        Value::Object(fields) => fields.values_mut().for_each(rename_references),
        Value::Array(items) => items.iter_mut().for_each(rename_references),
        Value::String(text) => {
            if let Some(rest) = text.strip_prefix(SCHEMAS) {
                let end = rest.find('/').unwrap_or(rest.len());
                *text = format!("{SCHEMAS}{}_renamed{}", &rest[..end], &rest[end..]);
            }
        }
        _ => {}
    }
}
