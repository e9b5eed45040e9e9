//! Locates the JSON in a body that may also contain a byte-order mark, notices
//! that PHP prints into the response, or bytes that are not UTF-8.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// The JSON of a body, and the other text that the body contains.
pub struct Located<'b> {
    pub json: Cow<'b, str>,
    /// The text before or after the JSON.
    pub strays: Vec<String>,
    /// The positions in `json` at which U+FFFD replaces bytes that are not UTF-8,
    /// in ascending order.
    pub replaced: Vec<usize>,
}

/// The search for the JSON reads at most this many times the body's length.
const SEARCH_BUDGET: usize = 8;

/// Finds the JSON in a body.
///
/// Text before an object or array is accepted only if nothing but whitespace
/// follows the JSON, so that a script in an HTML page is not mistaken for the
/// response. Text after an object or array is accepted if the body starts with it.
///
/// # Errors
///
/// Returns the syntax error of the whole body if no JSON is found.
pub fn locate(body: &[u8]) -> Result<Located<'_>, serde_json::Error> {
    let (text, mut replaced) = decode_utf8(body);
    let (start, end) = span(&text)?;
    replaced.retain(|at| (start..end).contains(at));
    for at in &mut replaced {
        *at -= start;
    }
    let strays = [&text[..start], &text[end..]];
    let strays = strays.iter().filter(|stray| !is_blank(stray));
    let strays = strays.map(|&stray| stray.to_owned()).collect();
    let json = match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
        Cow::Owned(text) => Cow::Owned(text[start..end].to_owned()),
    };
    Ok(Located {
        json,
        strays,
        replaced,
    })
}

/// Replaces bytes that are not UTF-8 with U+FFFD, and returns the positions of
/// the replacements.
fn decode_utf8(body: &[u8]) -> (Cow<'_, str>, Vec<usize>) {
    if let Ok(text) = std::str::from_utf8(body) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut text = String::with_capacity(body.len());
    let mut replaced = Vec::new();
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            replaced.push(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (Cow::Owned(text), replaced)
}

/// Returns the start and end of the JSON in the text.
fn span(text: &str) -> Result<(usize, usize), serde_json::Error> {
    let error = match value_length(text) {
        Ok(end) if is_blank(&text[end..]) => return Ok((0, end)),
        Ok(end) if text.trim_start().starts_with(['{', '[']) => return Ok((0, end)),
        // A notice that starts with a number or a literal.
        Ok(_) => serde::de::Error::custom("trailing characters"),
        Err(error) => error,
    };
    let mut budget = text.len().saturating_mul(SEARCH_BUDGET);
    let mut from = 0;
    while let Some(offset) = text[from..].find(['{', '[']) {
        let start = from + offset;
        let rest = &text[start..];
        let read = match value_length(rest) {
            Ok(length) if is_blank(&rest[length..]) => return Ok((start, start + length)),
            Ok(length) => {
                from = start + length;
                length
            }
            Err(error) => {
                from = start + 1;
                position(rest, &error)
            }
        };
        match budget.checked_sub(read) {
            Some(left) => budget = left,
            None => break,
        }
    }
    Err(error)
}

/// Returns the length of the JSON value at the start of the text.
fn value_length(text: &str) -> Result<usize, serde_json::Error> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => Ok(values.byte_offset()),
        Some(Err(error)) => Err(error),
        None => serde_json::from_str::<IgnoredAny>(text).map(|_| text.len()),
    }
}

/// Returns the number of bytes that serde_json read before the error.
fn position(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n');
    let before: usize = lines
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    before + error.column()
}

fn is_blank(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
}

/// A decimal number of at most this many digits survives a round trip through `f64`.
pub const SAFE_DIGITS: usize = 15;

/// Returns whether the body contains a number so long that an `f64` may lose some
/// of its digits. It may also return `true` for text that looks like such a number.
pub fn has_long_number(body: &[u8]) -> bool {
    // A run of 16 digits covers the last byte of some chunk, and at least half of
    // the run lies on one side of that byte.
    let may_be_digit = |byte: u8| byte.wrapping_sub(b'.') < 12;
    let (chunks, _) = body.as_chunks::<16>();
    for (index, chunk) in chunks.iter().enumerate() {
        if may_be_digit(chunk[15])
            && (may_be_digit(chunk[8])
                || body.get(16 * index + 23).copied().is_some_and(may_be_digit))
            && is_in_long_number(body, 16 * index + 15)
        {
            return true;
        }
    }
    false
}

/// Returns whether the body contains a number with a negative exponent, which an
/// `f64` may be unable to represent. It may also return `true` for text that looks
/// like such a number.
pub fn has_negative_exponent(body: &[u8]) -> bool {
    body.windows(3)
        .any(|bytes| matches!(bytes, [b'0'..=b'9', b'e' | b'E', b'-']))
}

fn is_digit_or_point(byte: u8) -> bool {
    matches!(byte, b'.' | b'0'..=b'9')
}

/// Returns whether the byte at `at` belongs to a long number, judging by the
/// bytes around it.
#[cold]
fn is_in_long_number(body: &[u8], at: usize) -> bool {
    let is_digit = |at: usize| body.get(at).copied().is_some_and(is_digit_or_point);
    if !is_digit(at) {
        return false;
    }
    let start = (0..at).rev().find(|&before| !is_digit(before));
    let start = start.map_or(0, |before| before + 1);
    let end = (at..body.len()).find(|&after| !is_digit(after));
    let before = &body[..start];
    let before = before.strip_suffix(b"-").unwrap_or(before);
    let in_text = before
        .last()
        .is_some_and(|byte| !matches!(byte, b':' | b',' | b'[' | b' ' | b'\n' | b'\r' | b'\t'));
    end.unwrap_or(body.len()) - start > SAFE_DIGITS && !in_text
}

/// Returns whether the `f64` holds all digits of the number that it was parsed from.
pub fn keeps_digits(text: &str, value: f64) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_matches('0');
    if digits.is_empty() {
        return true;
    }
    if value == 0.0 {
        return false;
    }
    if digits.len() <= SAFE_DIGITS {
        return true;
    }
    let written = format!("{:.*e}", digits.len() - 1, value.abs());
    let written = written.split('e').next().unwrap_or_default();
    written
        .chars()
        .filter(char::is_ascii_digit)
        .eq(digits.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_found_wherever_they_stand() {
        for shift in 0..40 {
            let pad = " ".repeat(shift);
            for number in [
                "1234567890123456",
                "-0.123456789012345",
                "12345678901234567890123",
            ] {
                for [before, after] in [["", ""], ["[", "]"], ["{\"a\":", "}"], ["[1,", ",2]"]] {
                    let body = format!("{pad}{before}{number}{after}");
                    assert!(has_long_number(body.as_bytes()), "{body}");
                }
                let text = format!("[{pad}\"{number}\"]");
                assert!(!has_long_number(text.as_bytes()), "{text}");
            }
            let short = format!("{pad}[123456789012345, 12.5, 1234567]");
            assert!(!has_long_number(short.as_bytes()), "{short}");
        }
    }

    #[test]
    fn digits_are_kept_or_not() {
        for text in [
            "0",
            "0.000",
            "0.1",
            "1e300",
            "55.275397399999974",
            "0.10000000000000001",
            "0.100000000000000000000",
            "1000000000000000000000",
            "9007199254740992",
        ] {
            assert!(keeps_digits(text, text.parse().unwrap()), "{text}");
        }
        for text in [
            "4503599627370497.25",
            "9007199254740993",
            "123456789012345678901234567890",
            "0.1234567890123456789",
            "1e-400",
        ] {
            assert!(!keeps_digits(text, text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_script_in_a_page_is_not_the_response() {
        assert!(locate(b"<html><script>var x = {\"a\": 1}</script></html>").is_err());
        assert!(locate(b"12 {\"a\": 1} 13").is_err());
        assert!(locate("[".repeat(100_000).as_bytes()).is_err());
        let body = "[".repeat(2_000) + &"{\"a\":".repeat(2_000);
        assert!(locate(body.as_bytes()).is_err());
    }
}
