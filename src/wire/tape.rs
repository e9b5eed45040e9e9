//! An index of all values in a JSON text, which makes it possible to decode or
//! skip each value separately and any number of times.

use std::borrow::Cow;

use super::kind::Kind;

/// Values nested more deeply than this are not decoded.
const DEPTH_LIMIT: usize = 128;

/// A value's index in the tape. Values are in the order of the text: each one is
/// followed by the values that it contains.
pub type Node = u32;

/// The values in a JSON text.
pub struct Tape<'de> {
    text: &'de str,
    entries: Vec<Entry>,
    /// Strings that are not UTF-8, in ascending order.
    not_utf8: Vec<Node>,
}

struct Entry {
    start: u32,
    end: u32,
    /// The first value after this one that is not inside it.
    next: Node,
    parent: Node,
    label: Label,
}

#[derive(Clone, Copy)]
enum Label {
    Root,
    Index(u32),
    /// The start and end of the key, including its quotes.
    Key(u32, u32),
}

/// The tape of a text, and the values that must not be decoded.
pub struct Indexed<'de> {
    pub tape: Tape<'de>,
    /// Values that are nested too deeply.
    pub too_deep: Vec<Node>,
    /// Values whose keys are not UTF-8.
    pub bad_keys: Vec<Node>,
}

struct Open {
    node: Node,
    is_object: bool,
    key: Option<(u32, u32)>,
    items: u32,
}

/// Indexes a text that is known to be one JSON value. `replaced` contains the
/// positions at which U+FFFD replaces bytes that are not UTF-8, in ascending order.
///
/// Returns `None` if the text is 4 GiB or longer.
pub fn index<'de>(text: &'de str, replaced: &[usize]) -> Option<Indexed<'de>> {
    u32::try_from(text.len()).ok()?;
    let bytes = text.as_bytes();
    let mut entries: Vec<Entry> = Vec::with_capacity(bytes.len() / 16);
    let mut open: Vec<Open> = Vec::new();
    let (mut too_deep, mut bad_keys, mut not_utf8) = (Vec::new(), Vec::new(), Vec::new());
    let mut replaced = replaced.iter().copied().peekable();
    let mut bad_key = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'}' | b']' => {
                at += 1;
                if let Some(closed) = open.pop() {
                    let next = entries.len() as Node;
                    let entry = &mut entries[closed.node as usize];
                    entry.end = at as u32;
                    entry.next = next;
                }
                continue;
            }
            b'{' | b'[' => at += 1,
            b'"' => {
                at = string_end(bytes, at);
                while replaced.next_if(|&place| place < start).is_some() {}
                let is_bad = replaced.peek().is_some_and(|&place| place < at);
                if let Some(inside) = open.last_mut()
                    && inside.is_object
                    && inside.key.is_none()
                {
                    inside.key = Some((start as u32, at as u32));
                    bad_key = is_bad;
                    continue;
                }
                if is_bad {
                    not_utf8.push(entries.len() as Node);
                }
            }
            b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' => {
                at += 1;
                continue;
            }
            _ => {
                let ends =
                    |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                let length = bytes[at..].iter().position(ends);
                at = length.map_or(bytes.len(), |length| at + length);
            }
        }
        let node = entries.len() as Node;
        if std::mem::take(&mut bad_key) {
            bad_keys.push(node);
        }
        let (parent, label) = match open.last_mut() {
            None => (node, Label::Root),
            Some(inside) => {
                let label = match inside.key.take() {
                    Some((start, end)) => Label::Key(start, end),
                    None => Label::Index(inside.items),
                };
                inside.items += 1;
                (inside.node, label)
            }
        };
        if matches!(byte, b'{' | b'[') {
            if open.len() == DEPTH_LIMIT {
                too_deep.push(node);
                at = container_end(bytes, start);
            } else {
                open.push(Open {
                    node,
                    is_object: byte == b'{',
                    key: None,
                    items: 0,
                });
            }
        }
        entries.push(Entry {
            start: start as u32,
            end: at as u32,
            next: node + 1,
            parent,
            label,
        });
    }
    Some(Indexed {
        tape: Tape {
            text,
            entries,
            not_utf8,
        },
        too_deep,
        bad_keys,
    })
}

/// Returns the end of the string that starts at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len()
}

/// Returns the end of the object or array that starts at `at`.
fn container_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

impl<'de> Tape<'de> {
    pub const ROOT: Node = 0;

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    fn entry(&self, node: Node) -> &Entry {
        &self.entries[node as usize]
    }

    /// Returns the value's JSON text.
    pub fn raw(&self, node: Node) -> &'de str {
        let entry = self.entry(node);
        &self.text[entry.start as usize..entry.end as usize]
    }

    pub fn kind(&self, node: Node) -> Kind {
        Kind::of(self.raw(node))
    }

    /// Returns the JSON that a deserializer reads for a value: the text itself for
    /// a scalar, and `{}` or `[]` for an object or array, whose contents are read
    /// from the tape. For a string that is not UTF-8, it returns a short invalid
    /// string, which is an error everywhere but in an unknown field.
    pub fn outline(&self, node: Node) -> &'de [u8] {
        let raw = self.raw(node).as_bytes();
        match raw.first() {
            Some(b'{') => b"{}",
            Some(b'[') => b"[]",
            Some(b'"') if self.not_utf8.binary_search(&node).is_ok() => b"\"\xff\"",
            _ => raw,
        }
    }

    /// Returns the first value inside an object or array.
    pub fn first_inside(&self, node: Node) -> Node {
        node + 1
    }

    /// Returns the first value after this one that is not inside it.
    pub fn after(&self, node: Node) -> Node {
        self.entry(node).next
    }

    /// Returns the key of a value in an object, or `None` if the key is not a valid
    /// string.
    pub fn key(&self, node: Node) -> Option<Cow<'de, str>> {
        let Label::Key(start, end) = self.entry(node).label else {
            return None;
        };
        let quoted = &self.text[start as usize..end as usize];
        if !quoted.contains('\\') {
            return Some(Cow::Borrowed(&quoted[1..quoted.len() - 1]));
        }
        serde_json::from_str(quoted).ok().map(Cow::Owned)
    }

    /// Returns the JSON path of a value: `$.data[3].client.phone`.
    pub fn path(&self, node: Node) -> String {
        use std::fmt::Write;
        let mut steps = Vec::new();
        let mut at = node;
        while !matches!(self.entry(at).label, Label::Root) {
            steps.push(at);
            at = self.entry(at).parent;
        }
        let mut path = "$".to_owned();
        for &step in steps.iter().rev() {
            // Writing into a String cannot fail.
            let _ = match (self.entry(step).label, self.key(step)) {
                (Label::Index(index), _) => write!(path, "[{index}]"),
                (_, Some(key)) if is_plain(&key) => write!(path, ".{key}"),
                (_, Some(key)) => write!(path, "[{key:?}]"),
                (Label::Key(start, end), None) => {
                    write!(path, "[{}]", &self.text[start as usize..end as usize])
                }
                (Label::Root, None) => Ok(()),
            };
        }
        path
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
