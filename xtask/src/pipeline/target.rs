//! Finds the places that an overlay's target selects: JSONPath (RFC 9535) that
//! follows references.
//!
//! A correction selects what an operation sends or receives, whether the
//! document writes that in place or refers to a component. So a target is
//! evaluated segment by segment, and a segment that finds nothing in a reference
//! is evaluated in the value that it refers to. A renamed component or a moved
//! path then needs no change to the overlay.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json_path::JsonPath;

use altegio_openapi::pointer::{self, Pointer};

/// Returns the locations that `target` selects in the document, each once.
///
/// # Errors
///
/// Returns an error if the target is malformed or one of its selectors finds
/// nothing. The message quotes the target up to that selector.
pub fn locations(target: &str, document: &Value) -> Result<Vec<Pointer>, String> {
    let mut found = vec![Pointer::root()];
    let mut rest = target
        .trim()
        .strip_prefix('$')
        .ok_or("a target starts with `$`")?;
    while !rest.is_empty() {
        let before = &target.trim()[..target.trim().len() - rest.len()];
        let segment;
        (segment, rest) = split_segment(rest)?;
        let mut next = Vec::new();
        let mut seen = BTreeSet::new();
        for selector in selectors(segment) {
            let path = format!("${selector}");
            let path = JsonPath::parse(&path).map_err(|error| format!("{selector}: {error}"))?;
            let mut found_any = false;
            for at in &found {
                for location in select(&path, document, at) {
                    found_any = true;
                    if seen.insert(location.clone()) {
                        next.push(location);
                    }
                }
            }
            if !found_any {
                return Err(format!(
                    "matches nothing; the document has no `{selector}` at `{before}`"
                ));
            }
        }
        found = next;
    }
    Ok(found)
}

/// Evaluates one segment at a location, or, if it finds nothing in a reference
/// there, where the reference leads to.
fn select(path: &JsonPath, document: &Value, at: &Pointer) -> Vec<Pointer> {
    let within = |at: &Pointer| -> Vec<Pointer> {
        let Some(value) = at.get(document) else {
            return Vec::new();
        };
        let nodes = path.query_located(value);
        nodes
            .locations()
            .map(|below| Pointer::parse(&format!("{}{}", at.as_str(), below.to_json_pointer())))
            .collect()
    };
    let found = within(at);
    if !found.is_empty() {
        return found;
    }
    match pointer::locate(document, at) {
        Some((target, _)) if target != *at => within(&target),
        _ => found,
    }
}

/// Splits the first segment, such as `.paths`, `..*` or `[?@.name == 'a']`, off a
/// JSONPath.
fn split_segment(path: &str) -> Result<(&str, &str), String> {
    let start = match path {
        path if path.starts_with("..[") => 2,
        path if path.starts_with('[') => 0,
        path if path.starts_with('.') => {
            let name = path.trim_start_matches('.');
            let dots = path.len() - name.len();
            let end = name.find(['.', '[']).unwrap_or(name.len());
            return Ok(path.split_at(dots + end));
        }
        _ => return Err(format!("`{path}` is not a segment of a JSONPath")),
    };
    let mut depth = 0_usize;
    for (at, character) in outside_quotes(path) {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            '$' => {
                return Err("`$` within a filter is not supported".to_owned());
            }
            _ => {}
        }
        if at >= start && depth == 0 {
            return Ok(path.split_at(at + 1));
        }
    }
    Err(format!("`{path}` has no closing bracket"))
}

/// Splits a segment of several selectors, `['a', 'b']`, into segments of one.
fn selectors(segment: &str) -> Vec<String> {
    let Some(open) = segment.find('[') else {
        return vec![segment.to_owned()];
    };
    let (prefix, inside) = (&segment[..open], &segment[open + 1..segment.len() - 1]);
    let mut found = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, character) in outside_quotes(inside) {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&inside[start..]);
    let each = found.into_iter().map(str::trim);
    each.map(|selector| format!("{prefix}[{selector}]"))
        .collect()
}

/// The characters of a JSONPath that are in no string literal, with their
/// positions.
fn outside_quotes(path: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut is_escaped = false;
    path.char_indices().filter(move |(_, character)| {
        let Some(end) = quote else {
            if matches!(character, '\'' | '"') {
                quote = Some(*character);
            }
            return quote.is_none();
        };
        if is_escaped {
            is_escaped = false;
        } else if *character == '\\' {
            is_escaped = true;
        } else if *character == end {
            quote = None;
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "paths": {
                "/a,[b]": {"get": {"operationId": "get_a", "body": {"$ref": "#/components/a"}}},
                "/c": {"get": {"operationId": "get_c", "body": {"$ref": "#/components/a"}}},
            },
            "components": {"a": {"x": [{"n": 1}, {"n": 2}], "own": {"$ref": "#/components/b"}}, "b": {"y": {}}},
        })
    }

    fn found(target: &str) -> Result<Vec<String>, String> {
        let found = locations(target, &document())?;
        Ok(found.iter().map(|at| at.as_str().to_owned()).collect())
    }

    #[test]
    fn references_on_the_way_are_followed_and_a_shared_place_is_found_once() {
        for target in [
            "$.paths.*[?@.operationId == 'get_a'].body.own.y",
            "$.paths.*.get.body.own.y",
            "$.paths['/a,[b]', '/c'].get.body.own.y",
            "$.paths.*[?@.operationId == 'get_a', ?@.operationId == 'get_c'].body.own.y",
        ] {
            assert_eq!(found(target).unwrap(), ["/components/b/y"], "{target}");
        }
        // A reference at the end stays one, so that it can be removed.
        assert_eq!(
            found("$.paths['/c'].get.body").unwrap(),
            ["/paths/~1c/get/body"]
        );
        assert_eq!(found("$..x[?@.n == 2]").unwrap(), ["/components/a/x/1"]);
        assert_eq!(found("$").unwrap(), [""]);
    }

    #[test]
    fn every_selector_must_find_something() {
        for (target, expected) in [
            (
                "$.paths['/c', '/gone'].get",
                "the document has no `['/gone']` at `$.paths`",
            ),
            (
                "$.paths.*[?@.operationId == 'get_a', ?@.operationId == 'gone']",
                "the document has no `[?@.operationId == 'gone']` at `$.paths.*`",
            ),
            (
                "$.paths['/c'].get.body.z.y",
                "the document has no `.z` at `$.paths['/c'].get.body`",
            ),
        ] {
            let error = found(target).unwrap_err();
            assert_eq!(error, format!("matches nothing; {expected}"));
        }
        for target in [
            "paths",
            "$paths",
            "$.paths[",
            "$.paths[?@.x == $.y]",
            "$.paths[?]",
        ] {
            assert!(found(target).is_err(), "{target}");
        }
    }
}
