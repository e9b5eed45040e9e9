//! Sliding windows, which limit the number of requests in any period of a given length.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::transport::deadline::later;

/// A set of windows and the requests that they contain.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// The maximum number of requests in each window, and its length.
    limits: Vec<(usize, Duration)>,
    /// When the latest requests were sent, oldest first. It contains at most as many
    /// requests as the largest window.
    sent: VecDeque<Instant>,
}

/// When a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// The windows have too few requests to delay it.
    Always,
    /// At this time or later.
    At(Instant),
    /// Unknown until some of the requests ahead of it have been sent.
    Unknown,
}

impl Windows {
    /// Returns Altegio's limits, with each window longer by `margin`.
    pub fn altegio(margin: Duration) -> Self {
        let limits = [(5, Duration::from_secs(1)), (200, Duration::from_secs(60))];
        Self::of(
            limits
                .map(|(most, length)| (most, length.saturating_add(margin)))
                .into(),
        )
    }

    /// # Errors
    ///
    /// Returns an error if there is no window or if a window allows no requests.
    pub fn new(limits: impl IntoIterator<Item = (usize, Duration)>) -> Result<Self, Error> {
        let limits: Vec<_> = limits.into_iter().collect();
        if limits.is_empty() {
            return Err(Error::config(
                "rate limit: no window is given; pass at least one, or use `RateLimiter::off()`",
            ));
        }
        if limits
            .iter()
            .any(|&(most, length)| most == 0 || length.is_zero())
        {
            return Err(Error::config(
                "rate limit: a window has zero requests or zero length; \
                 pass positive values, or use `RateLimiter::off()`",
            ));
        }
        Ok(Self::of(limits))
    }

    fn of(limits: Vec<(usize, Duration)>) -> Self {
        Self {
            limits,
            sent: VecDeque::new(),
        }
    }

    #[cfg(feature = "redis")]
    pub fn limits(&self) -> &[(usize, Duration)] {
        &self.limits
    }

    pub fn shortest(&self) -> Duration {
        let lengths = self.limits.iter().map(|(_, length)| *length);
        lengths.min().unwrap_or_default()
    }

    /// Returns when a request that has `ahead` others before it may be sent.
    pub fn opening(&self, ahead: usize) -> Opening {
        let mut opening = Opening::Always;
        for &(most, length) in &self.limits {
            if ahead >= most {
                return Opening::Unknown;
            }
            // The first of the last `most` requests before this one must have left the window.
            if let Some(index) = (self.sent.len() + ahead).checked_sub(most) {
                let at = later(self.sent[index], length);
                opening = match opening {
                    Opening::At(other) => Opening::At(other.max(at)),
                    _ => Opening::At(at),
                };
            }
        }
        opening
    }

    /// Returns when a request that has `ahead` others before it will be sent, if each
    /// of them is sent as early as possible but not before `from`. The computation
    /// stops at the first time after `deadline`.
    pub fn moment(&self, ahead: usize, from: Instant, deadline: Instant) -> Instant {
        if ahead == 0 {
            return self.next_moment(from);
        }
        let mut windows = self.clone();
        for _ in 0..ahead {
            let moment = windows.next_moment(from);
            if moment > deadline {
                return moment;
            }
            windows.record(moment);
        }
        windows.next_moment(from)
    }

    fn next_moment(&self, from: Instant) -> Instant {
        match self.opening(0) {
            Opening::At(at) => at.max(from),
            Opening::Always | Opening::Unknown => from,
        }
    }

    /// Counts a request that is sent now.
    pub fn record(&mut self, now: Instant) {
        self.sent.push_back(now);
        let keep = self.limits.iter().map(|(most, _)| *most).max();
        while self.sent.len() > keep.unwrap_or(0) {
            self.sent.pop_front();
        }
    }
}

impl Opening {
    pub fn is_open(self, now: Instant) -> bool {
        match self {
            Self::Always => true,
            Self::At(at) => at <= now,
            Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn most_in(moments: &[Duration], length: Duration) -> usize {
        let within = |from: Duration| {
            let inside = |at: &&Duration| **at >= from && **at < from + length;
            moments.iter().filter(inside).count()
        };
        moments.iter().map(|at| within(*at)).max().unwrap()
    }

    #[test]
    fn no_second_and_no_minute_holds_more_than_is_allowed() {
        let mut windows = Windows::altegio(Duration::ZERO);
        let start = Instant::now();
        let moments: Vec<Duration> = (0..1000)
            .map(|_| {
                let moment = windows.next_moment(start);
                windows.record(moment);
                moment - start
            })
            .collect();
        assert_eq!(most_in(&moments, SECOND), 5);
        assert_eq!(most_in(&moments, 60 * SECOND), 200);
        // Bursts within both limits: 5 at once, and 200 at 5 per second.
        assert_eq!(moments[4], Duration::ZERO);
        assert_eq!(moments[199], 39 * SECOND);
        assert_eq!(moments[200], 60 * SECOND);
        assert_eq!(moments[999], 279 * SECOND);
        // The time of the last request can be computed at the start.
        let empty = Windows::altegio(Duration::ZERO);
        let far = start + 1000 * SECOND;
        assert_eq!(empty.moment(999, start, far) - start, 279 * SECOND);
        // If the result is past the deadline, it need not be exact.
        let deadline = start + 10 * SECOND;
        assert!(empty.moment(999, start, deadline) > deadline);
    }

    #[test]
    fn requests_ahead_take_their_places_first() {
        let mut windows = Windows::new([(2, SECOND)]).unwrap();
        let start = Instant::now();
        assert_eq!(windows.opening(1), Opening::Always);
        windows.record(start);
        windows.record(start + SECOND / 2);
        assert_eq!(windows.opening(0), Opening::At(start + SECOND));
        assert_eq!(windows.opening(1), Opening::At(start + SECOND * 3 / 2));
        assert_eq!(windows.opening(2), Opening::Unknown);
    }

    #[test]
    fn a_window_that_lets_nothing_through_is_refused() {
        for limits in [vec![], vec![(0, SECOND)], vec![(1, Duration::ZERO)]] {
            let error = Windows::new(limits).unwrap_err();
            assert!(error.to_string().contains("rate limit"), "{error}");
        }
    }
}
