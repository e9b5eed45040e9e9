//! Escapes text from a server for output to a terminal.

/// Returns the text with control characters escaped, so that a terminal does not
/// interpret them.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => escaped.extend(c.escape_default()),
            false => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let text = "a\u{1b}[31m\u{9b}\n\u{7f}é";
        assert_eq!(escaped(text), r"a\u{1b}[31m\u{9b}\n\u{7f}é");
    }
}
