//! The requests that the server keeps for a test to look at.

use std::collections::{BTreeMap, VecDeque};

use crate::check::Problem;

/// How many requests are kept unless the builder says otherwise.
pub(crate) const DEFAULT_KEPT: usize = 1_000;

/// How many bytes of bodies are kept at most, whatever the number of requests.
const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// A request as the server received it, and how the server responded.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Recorded {
    /// The vendor's operation id; `None` if the document has no operation of
    /// this method and path.
    pub operation: Option<String>,
    /// The method, in capitals.
    pub method: String,
    /// The path as it was sent, percent-encoded.
    pub path: String,
    /// The query as it was sent, percent-encoded, without the `?`.
    pub query: String,
    /// The headers; names are lowercase. Values of a header that was sent more
    /// than once are joined with `, `.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// How the request differs from what the document allows; empty for a
    /// request that the document allows.
    pub problems: Vec<Problem>,
    /// The status of the response.
    pub status: u16,
}

/// The most recent requests, bounded in number and in bytes.
#[derive(Debug)]
pub(crate) struct Log {
    requests: VecDeque<Recorded>,
    most: usize,
    bytes: usize,
    most_bytes: usize,
}

impl Log {
    pub fn new(most: usize) -> Self {
        Self {
            requests: VecDeque::new(),
            most,
            bytes: 0,
            most_bytes: KEPT_BYTES,
        }
    }

    /// Keeps a request, in place of the oldest ones if there is no room.
    pub fn push(&mut self, recorded: Recorded) {
        self.bytes += recorded.body.len();
        self.requests.push_back(recorded);
        while self.requests.len() > self.most || self.bytes > self.most_bytes {
            let Some(oldest) = self.requests.pop_front() else {
                break;
            };
            self.bytes -= oldest.body.len();
        }
    }

    pub fn all(&self) -> Vec<Recorded> {
        self.requests.iter().cloned().collect()
    }

    pub fn take(&mut self) -> Vec<Recorded> {
        self.bytes = 0;
        std::mem::take(&mut self.requests).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, length: usize) -> Recorded {
        Recorded {
            status,
            body: vec![0; length],
            ..Recorded::default()
        }
    }

    fn statuses(log: &Log) -> Vec<u16> {
        log.all().iter().map(|recorded| recorded.status).collect()
    }

    #[test]
    fn the_oldest_requests_make_room() {
        let mut log = Log::new(3);
        for status in 1..=5 {
            log.push(of(status, 1));
        }
        assert_eq!(statuses(&log), [3, 4, 5]);
        assert_eq!(log.take().len(), 3);
        assert_eq!(statuses(&log), [0; 0]);

        let mut none = Log::new(0);
        none.push(of(1, 1));
        assert_eq!(statuses(&none), [0; 0]);
    }

    #[test]
    fn bodies_are_bounded_in_bytes() {
        let mut log = Log::new(100);
        log.most_bytes = 10;
        for status in 1..=5 {
            log.push(of(status, 4));
        }
        assert_eq!(statuses(&log), [4, 5]);
        log.take();
        log.push(of(6, 10));
        assert_eq!(statuses(&log), [6]);
    }
}
