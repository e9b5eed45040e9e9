//! Parsing of error responses: `meta.message` and `meta.errors`, in every form
//! that the document shows.
//!
//! An error response may be as large as any other response, so only a limited
//! part of it is kept: [`MOST_TEXTS`] texts of [`LONGEST_TEXT`] characters.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::wire;

/// The number of texts of `meta.errors` that are kept; the others are only
/// counted.
pub(super) const MOST_TEXTS: usize = 100;
/// The number of characters that are kept of a text or of a field's name.
pub(super) const LONGEST_TEXT: usize = 1_000;

/// Replaces a token that the server repeats in its response.
const REDACTED: &str = "[token]";
/// Shorter tokens are not replaced, because they are too likely to be part of
/// an ordinary word.
const SHORTEST_SECRET: usize = 8;

/// The message and the field errors of an error response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ApiMessage {
    pub message: Option<String>,
    /// Error texts by field name. Errors that belong to no field have an empty
    /// name.
    pub fields: BTreeMap<String, Vec<String>>,
    /// The number of texts in `fields`.
    kept: usize,
    /// The number of texts beyond [`MOST_TEXTS`].
    pub left_out: usize,
}

/// Parses the body of an error response. `secrets` are removed from the texts
/// that are kept.
pub(super) fn read(body: &[u8], secrets: &[&str]) -> Option<ApiMessage> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Response<'a> {
        #[serde(borrow)]
        meta: Option<&'a RawValue>,
        #[serde(borrow)]
        errors: Option<&'a RawValue>,
    }
    let located = wire::locate(body).ok()?;
    let body = located.json.as_bytes();
    // One documented error response is a list of one object.
    let is_list = body.trim_ascii_start().starts_with(b"[");
    let response: Response = if is_list {
        serde_json::from_slice(body).map(|[response]: [Response; 1]| response)
    } else {
        serde_json::from_slice(body)
    }
    .ok()?;
    let meta = response.meta.map(Part::of).unwrap_or_default();
    // Responses in the JSON:API format have `errors.message` instead.
    let errors = response.errors.map(Part::of).unwrap_or_default();
    let mut found = ApiMessage {
        message: meta.text(secrets).or_else(|| errors.text(secrets)),
        ..ApiMessage::default()
    };
    if let Some(errors) = meta.errors {
        found.collect(errors, secrets);
    }
    if found.message.is_none()
        && found.kept == 0
        && let Some(errors) = response.errors
    {
        found.collect(errors, secrets);
    }
    (found.message.is_some() || found.kept > 0).then_some(found)
}

/// Returns the first `most` characters, followed by `…` if there are more.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

/// An object that may have a message and errors.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
}

impl<'a> Part<'a> {
    fn of(raw: &'a RawValue) -> Self {
        // serde would also accept a list, with the fields in order.
        match raw.get().starts_with('{') {
            true => serde_json::from_str(raw.get()).unwrap_or_default(),
            false => Self::default(),
        }
    }

    fn text(&self, secrets: &[&str]) -> Option<String> {
        let mut json = serde_json::Deserializer::from_str(self.message?.get());
        Text { secrets }.deserialize(&mut json).ok()
    }
}

impl ApiMessage {
    fn collect(&mut self, raw: &RawValue, secrets: &[&str]) {
        let mut json = serde_json::Deserializer::from_str(raw.get());
        let texts = Texts {
            found: self,
            field: "",
            name: "",
            secrets,
        };
        // The raw value is valid JSON. If it is nested too deeply, only the
        // texts read up to that point are kept.
        let _ = texts.deserialize(&mut json);
    }

    fn push(&mut self, field: &str, text: impl FnOnce() -> String) {
        if self.kept < MOST_TEXTS {
            self.kept += 1;
            let texts = self.fields.entry(field.to_owned()).or_default();
            texts.push(text());
        } else {
            self.left_out += 1;
        }
    }
}

/// Removes the secrets from a text and cuts it to its maximum length.
fn bounded(text: &str, secrets: &[&str]) -> String {
    let mut text = Cow::Borrowed(text);
    for secret in secrets {
        if secret.len() >= SHORTEST_SECRET && text.contains(secret) {
            text = text.replace(secret, REDACTED).into();
        }
    }
    cut(&text, LONGEST_TEXT).into_owned()
}

/// Reads a string into its [`bounded`] form.
#[derive(Clone, Copy)]
struct Text<'a> {
    secrets: &'a [&'a str],
}

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(bounded(text, self.secrets))
    }
}

/// Collects the texts of `{"phone": ["…"]}`, `[{"message": "…"}]`,
/// `[{"phone": ["…"]}]` and `"…"`.
struct Texts<'a> {
    found: &'a mut ApiMessage,
    /// The field that a plain text at this level belongs to.
    field: &'a str,
    /// The field that texts inside a list or an object at this level belong to.
    name: &'a str,
    secrets: &'a [&'a str],
}

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let secrets = self.secrets;
        self.found.push(self.field, || bounded(text, secrets));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.found.push(self.name, || number.to_string());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.found.push(self.name, || number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.found.push(self.name, || number.to_string());
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self {
            found,
            name,
            secrets,
            ..
        } = self;
        loop {
            let texts = Texts {
                found: &mut *found,
                field: name,
                name,
                secrets,
            };
            if list.next_element_seed(texts)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self {
            found,
            name: outer,
            secrets,
            ..
        } = self;
        while let Some(key) = entries.next_key_seed(Text { secrets })? {
            let name = key.trim_matches(['[', ']']);
            // These keys hold the text of an error; they are not field names.
            let is_text = matches!(key.as_str(), "message" | "title" | "detail");
            entries.next_value_seed(Texts {
                found: &mut *found,
                field: if is_text { outer } else { name },
                name,
                secrets,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> ApiMessage {
        read(text.as_bytes(), &[]).unwrap()
    }

    #[test]
    fn every_documented_form_of_errors_is_read() {
        let forms = [
            r#"{"meta":{"message":"no","errors":{"phone":["a","b"]}}}"#,
            r#"{"meta":{"message":"no","errors":[{"phone":["a","b"]}]}}"#,
            r#"{"meta":{"message":"no","errors":[{"[phone]":["a"]},{"phone":"b"}]}}"#,
        ];
        for form in forms {
            let api = found(form);
            assert_eq!(api.message.as_deref(), Some("no"), "{form}");
            assert_eq!(api.fields["phone"], ["a", "b"], "{form}");
        }
        let unnamed = found(r#"{"meta":{"errors":[{"message":"a"},"b",{"code":7}]}}"#);
        assert_eq!(unnamed.fields[""], ["a", "b"]);
        assert_eq!(unnamed.fields["code"], ["7"]);
        let named = found(r#"{"meta":{"errors":{"phone":[{"message":"a"}],"title":["b"]}}}"#);
        assert_eq!(named.fields["phone"], ["a"]);
        assert_eq!(named.fields["title"], ["b"]);
        let json_api =
            found(r#"{"errors":{"code":404,"message":"gone"},"meta":{"message":"gone"}}"#);
        assert_eq!(json_api.message.as_deref(), Some("gone"));
        assert!(json_api.fields.is_empty());
        let noticed = found("<b>Notice</b>: x\n{\"meta\":{\"message\":\"no\"}}");
        assert_eq!(noticed.message.as_deref(), Some("no"));
        let listed = found(r#"[{"success":false,"meta":{"message":"no"}}]"#);
        assert_eq!(listed.message.as_deref(), Some("no"));
    }

    #[test]
    fn other_bodies_say_nothing() {
        for body in [
            "<html>502</html>",
            "",
            "[]",
            r#"{"meta":[]}"#,
            r#"{"meta":{}}"#,
        ] {
            assert_eq!(read(body.as_bytes(), &[]), None, "{body}");
        }
    }

    #[test]
    fn a_bounded_part_is_kept_and_the_rest_counted() {
        let texts = vec!["x".repeat(5_000); 5_000];
        let body =
            serde_json::json!({"meta": {"message": "m".repeat(1 << 20), "errors": {"a": texts}}});
        let api = found(&body.to_string());
        assert_eq!(api.message.unwrap().chars().count(), LONGEST_TEXT + 1);
        assert_eq!(api.fields["a"].len(), MOST_TEXTS);
        assert_eq!(api.fields["a"][0].chars().count(), LONGEST_TEXT + 1);
        assert_eq!(api.left_out, 5_000 - MOST_TEXTS);
    }

    #[test]
    fn a_token_that_the_server_repeats_is_cut_out_wherever_it_stands() {
        let token = "0123456789abcdef";
        let body = serde_json::json!({"meta": {
            "message": format!("{} bad token {token}", "y".repeat(LONGEST_TEXT - 20)),
            "errors": {(token): [format!("Bearer {token}")]}
        }});
        let api = read(body.to_string().as_bytes(), &[token, "a"]).unwrap();
        // Cutting a text does not leave the start of a token either.
        assert!(!format!("{api:?}").contains("0123"), "{api:?}");
        assert_eq!(api.fields["token"], ["Bearer [token]"]);
    }
}
