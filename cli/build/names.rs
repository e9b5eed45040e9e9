//! The names of commands, which consist of the tag and the operation id without
//! the words of the tag.
//!
//! For example, `get_custom_field_list` of the tag “Custom Fields” becomes
//! `custom-fields list`: the words of the tag are removed, in the singular or the
//! plural, and a `list` at the end moves to the front and replaces `get`.

use altegio_openapi::names::{singular, words};

/// The program's own commands, in `src/commands/`; `help` is clap's.
pub const OWN: [&str; 5] = ["api", "completion", "help", "login", "spec"];

/// Returns the command of an operation within the command of its tag.
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
