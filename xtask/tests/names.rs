//! Tests the names of the generated types: they are made of words that somebody has
//! read (`openapi/name-words.txt`), and short.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../openapi")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn names_of_types_are_known_words_and_short() {
    let known = read("name-words.txt");
    let known: BTreeSet<&str> = known.split_whitespace().collect();
    let names = read("b2b-v1/names.txt");
    let names: Vec<&str> = names
        .lines()
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    assert!(names.len() > 300, "{}", names.len());

    let mut unknown = Vec::new();
    for name in &names {
        for word in altegio_openapi::names::words_of_type(name).split(' ') {
            // A status code or a number that keeps two names apart is no word.
            if !known.contains(word) {
                unknown.push(format!("{name}: {word}"));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "add the words that are right to openapi/name-words.txt, and give the types with other \
         words better names in overlay.yaml (`x-names`): {unknown:#?}"
    );

    let mut lengths: Vec<usize> = names.iter().map(|name| name.len()).collect();
    lengths.sort_unstable();
    let at = |percent: usize| lengths[(lengths.len() - 1) * percent / 100];
    assert!(
        at(50) <= 22 && at(95) <= 40 && at(100) <= 60,
        "{} {} {}",
        at(50),
        at(95),
        at(100)
    );
}
