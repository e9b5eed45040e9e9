//! The `Prefer` request header, by which a test asks for another response.

/// What a request prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preference<'h> {
    /// `code=404`: the documented response of this status.
    pub code: Option<&'h str>,
    /// `dynamic=true`: other values with each response.
    pub dynamic: bool,
    /// `success=false`: a 200 that says that the request failed.
    pub fails: bool,
}

impl<'h> Preference<'h> {
    /// Reads a header such as `code=404, dynamic=true`. Preferences that the
    /// mock does not know are ignored, as RFC 7240 asks for.
    pub fn parse(header: &'h str) -> Self {
        let mut preference = Self::default();
        for part in header.split([',', ';']) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match (name.trim(), value.trim()) {
                ("code", value) => preference.code = Some(value),
                ("dynamic", value) => preference.dynamic = value == "true",
                ("success", value) => preference.fails = value == "false",
                _ => {}
            }
        }
        preference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_preferences_are_read_and_others_ignored() {
        let read = Preference::parse;
        assert_eq!(read(""), Preference::default());
        assert_eq!(read("respond-async, wait=10"), Preference::default());
        let both = Preference {
            code: Some("404"),
            dynamic: true,
            fails: false,
        };
        assert_eq!(read("code=404, dynamic=true"), both);
        assert_eq!(read("wait=1; dynamic = true;code= 404"), both);
        assert!(!read("dynamic=false").dynamic);
        assert!(read("success=false").fails);
        assert!(!read("success=true").fails);
    }
}
