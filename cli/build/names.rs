//! What a command is called: the tag, and the operation id without what the
//! tag says already.
//!
//! `custom-fields list` is `get_custom_field_list` under “Custom Fields”: the
//! words of the tag go, in the singular as in the plural; a `list` at the end
//! comes to the front, where it stands for `get`. Nothing else is changed.

use altegio_openapi::names::{singular, words};

/// The program's own commands, in `src/commands/`; `help` is clap's.
pub const OWN: [&str; 5] = ["api", "completion", "help", "login", "spec"];

/// A tag's command: its name in kebab case.
pub fn group(tag: &str) -> String {
    let words: Vec<String> = words(tag).collect();
    words.join("-")
}

/// An operation's command within its tag's.
pub fn command(tag: &str, operation: &str) -> String {
    let tag: Vec<String> = words(tag).map(|word| singular(&word)).collect();
    let all: Vec<String> = words(operation).collect();
    let mut left: Vec<String> = all
        .iter()
        .filter(|word| !tag.contains(&singular(word)))
        .cloned()
        .collect();
    if left.is_empty() {
        left = all;
    }
    if left.last().is_some_and(|word| word == "list") {
        left.rotate_right(1);
        if left.get(1).is_some_and(|word| word == "get") {
            left.remove(1);
        }
    }
    left.join("-")
}
