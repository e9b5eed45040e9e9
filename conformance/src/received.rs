//! A request as a server received it, whichever server that is.

use std::collections::BTreeMap;

use altegio_mock::Recorded;

/// A request as it was received.
pub struct Received {
    pub method: String,
    pub path: String,
    pub query: String,
    /// Names are lowercase.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// Why the server refused it; empty if it did not.
    pub refusals: Vec<String>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl From<Recorded> for Received {
    fn from(recorded: Recorded) -> Self {
        let problems = recorded.problems.iter();
        Self {
            refusals: problems
                .map(|problem| format!("{}: {}", problem.pointer, problem.message))
                .collect(),
            method: recorded.method,
            path: recorded.path,
            query: recorded.query,
            headers: recorded.headers,
            body: recorded.body,
        }
    }
}
