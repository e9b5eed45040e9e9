//! The queue that determines the order in which waiting calls get their permits.
//!
//! No call holds anything that another call waits for. Each waiting call has a
//! ticket, and the tickets in order of age are the reservations: the windows
//! determine when the first of them may proceed, then the second, and so on. When
//! a call is dropped, its ticket is removed and the calls behind it move up. A call
//! that does not use its turn loses its reservation to the calls behind it. When it
//! is polled again, it makes a new reservation, in order of age.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::windows::{Opening, Windows};
use crate::transport::deadline::later;

/// How long a call may leave its turn unused before it is passed over.
///
/// This is much longer than the usual delay of a timer on a busy machine. A call
/// that is later than this loses its turn but keeps its age.
const GRACE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Queue {
    pace: Pace,
    waiting: VecDeque<Waiting>,
    next_ticket: u64,
    /// No call may proceed before this time: the server asked for a pause, or the
    /// shared store has no permit.
    closed_until: Option<Instant>,
    /// How often `closed_until` was extended. After each change, the waiting calls
    /// estimate their wait again.
    closings: u64,
    /// When the current first call became the first.
    front_since: Option<Instant>,
}

/// What determines when the calls may proceed.
#[derive(Debug)]
pub(super) enum Pace {
    /// Windows in this process.
    Windows(Windows),
    /// A shared store, which one call asks at a time.
    Store,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    waker: Option<Waker>,
    /// The value of `closings` for which the call's wait was last estimated.
    estimated: Option<u64>,
}

/// What a waiting call does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Proceed. With windows, the request has been counted; a store has to be asked.
    Go,
    /// Check again at this time.
    Until(Instant),
    /// Fail. The call would have to wait this long, past its deadline.
    TooLate(Duration),
}

impl Queue {
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            waiting: VecDeque::new(),
            next_ticket: 0,
            closed_until: None,
            closings: 0,
            front_since: None,
        }
    }

    /// Returns a ticket for a new call. It is younger than all others.
    pub fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    /// Returns whether no call waits and the queue is not closed.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.closed_until.is_none()
    }

    /// Lets no call proceed before `until`.
    pub fn close(&mut self, until: Instant) {
        if self.closed_until.is_none_or(|other| other < until) {
            self.closed_until = Some(until);
            self.closings += 1;
        }
    }

    /// Returns whether the call may proceed now or when it should check again.
    pub fn turn(&mut self, ticket: u64, now: Instant, deadline: Instant, waker: &Waker) -> Turn {
        if self.closed_until.is_some_and(|until| until <= now) {
            self.closed_until = None;
        }
        let mut ahead = self.enter(ticket, now);
        if !self.opening(ahead).is_open(now) {
            let has_lapsed = |place: &usize| self.lapses(*place).is_some_and(|at| at <= now);
            let lapsed = (0..ahead).take_while(has_lapsed).count();
            if lapsed > 0 {
                self.waiting.drain(..lapsed);
                self.front_since = Some(now);
                ahead -= lapsed;
            }
        }
        let opening = self.opening(ahead);
        if opening.is_open(now) {
            match &mut self.pace {
                Pace::Windows(windows) => {
                    windows.record(now);
                    self.remove(ahead, now);
                }
                // The call keeps its place until the store has answered.
                Pace::Store => self.front_since = Some(now),
            }
            return Turn::Go;
        }
        if let Some(wait) = self.too_late(ahead, now, deadline) {
            self.remove(ahead, now);
            return Turn::TooLate(wait);
        }
        self.waiting[ahead].waker = Some(waker.clone());
        let own = match opening {
            Opening::At(at) => Some(at),
            Opening::Always | Opening::Unknown => None,
        };
        let lapse = (ahead > 0).then(|| self.lapses(0)).flatten();
        Turn::Until(own.into_iter().chain(lapse).min().unwrap_or(now))
    }

    /// Extends the turn of a call that waits for the store's response.
    pub fn renew(&mut self, ticket: u64, now: Instant) {
        if self.find(ticket) == Ok(0) {
            self.front_since = Some(now);
        }
    }

    /// Gives up a reservation. Returns the wakers of the calls that may proceed now.
    pub fn leave(&mut self, ticket: u64, now: Instant) -> Vec<Waker> {
        let Ok(place) = self.find(ticket) else {
            return Vec::new();
        };
        self.remove(place, now);
        let openings: Vec<Opening> = (0..self.waiting.len())
            .map(|place| self.opening(place))
            .take_while(|opening| opening.is_open(now))
            .collect();
        let open = self.waiting.iter_mut().zip(openings);
        open.filter_map(|(waiting, _)| waiting.waker.take())
            .collect()
    }

    fn find(&self, ticket: u64) -> Result<usize, usize> {
        self.waiting
            .binary_search_by_key(&ticket, |waiting| waiting.ticket)
    }

    /// Returns the call's place in the queue, inserting the call by its age if it is
    /// not there.
    fn enter(&mut self, ticket: u64, now: Instant) -> usize {
        self.find(ticket).unwrap_or_else(|place| {
            let waiting = Waiting {
                ticket,
                waker: None,
                estimated: None,
            };
            self.waiting.insert(place, waiting);
            if place == 0 {
                self.front_since = Some(now);
            }
            place
        })
    }

    fn remove(&mut self, place: usize, now: Instant) {
        self.waiting.remove(place);
        if place == 0 {
            self.front_since = Some(now);
        }
    }

    fn opening(&self, ahead: usize) -> Opening {
        let opening = match &self.pace {
            Pace::Windows(windows) => windows.opening(ahead),
            Pace::Store if ahead == 0 => Opening::Always,
            Pace::Store => Opening::Unknown,
        };
        match (opening, self.closed_until) {
            (Opening::Always, Some(until)) => Opening::At(until),
            (Opening::At(at), Some(until)) => Opening::At(at.max(until)),
            (opening, _) => opening,
        }
    }

    /// Returns when the reservation at this place lapses, if that is known.
    fn lapses(&self, place: usize) -> Option<Instant> {
        let grace = match &self.pace {
            Pace::Windows(windows) => GRACE.min(windows.shortest()),
            Pace::Store => GRACE,
        };
        let since = self.front_since?;
        match self.opening(place) {
            Opening::Always => Some(later(since, grace)),
            Opening::At(at) => Some(later(at.max(since), grace)),
            Opening::Unknown => None,
        }
    }

    /// Returns how long the call would have to wait, if that is past its deadline.
    fn too_late(&mut self, ahead: usize, now: Instant, deadline: Instant) -> Option<Duration> {
        let closings = self.closings;
        let waiting = &mut self.waiting[ahead];
        if waiting.estimated.replace(closings) == Some(closings) {
            return None;
        }
        let from = self.closed_until.unwrap_or(now).max(now);
        let moment = match &self.pace {
            Pace::Windows(windows) => windows.moment(ahead, from, deadline),
            // The earliest possible time; only the store knows more.
            Pace::Store => from,
        };
        (moment > deadline).then(|| moment - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const NEVER: Duration = Duration::from_secs(1 << 30);

    fn queue() -> (Queue, Instant) {
        let windows = Windows::new([(5, SECOND), (200, 60 * SECOND)]).unwrap();
        (Queue::new(Pace::Windows(windows)), Instant::now())
    }

    impl Queue {
        fn look(&mut self, ticket: u64, now: Instant) -> Turn {
            self.turn(ticket, now, now + NEVER, Waker::noop())
        }
    }

    /// If all calls ahead are no longer polled, a call that is polled waits one grace
    /// period for each window of them.
    #[test]
    fn calls_left_behind_are_passed_over_one_window_after_the_other() {
        let (mut queue, start) = queue();
        for _ in 0..50 {
            let ticket = queue.ticket();
            queue.look(ticket, start);
        }
        let last = queue.ticket();
        let mut now = start;
        let mut looks = 0;
        while let Turn::Until(at) = queue.look(last, now) {
            assert!(at > now);
            now = at;
            looks += 1;
        }
        assert_eq!(now - start, SECOND + 9 * GRACE);
        assert!(looks <= 20, "{looks}");
    }

    #[test]
    fn what_comes_late_keeps_its_age() {
        let (mut queue, start) = queue();
        let tickets: Vec<u64> = (0..12).map(|_| queue.ticket()).collect();
        for &ticket in &tickets {
            queue.look(ticket, start);
        }
        // Calls 5 to 9 are late, and calls 10 and 11 pass them.
        let now = start + SECOND + GRACE;
        assert_eq!(queue.look(tickets[11], now), Turn::Go);
        assert_eq!(queue.look(tickets[9], now), Turn::Go);
        assert_eq!(queue.look(tickets[10], now), Turn::Go);
        let young = queue.ticket();
        assert_eq!(queue.look(young, now), Turn::Go);
        assert_eq!(queue.look(tickets[5], now), Turn::Go);
        // The window is full. The oldest call is still the first of the next second.
        let younger = queue.ticket();
        assert!(matches!(queue.look(younger, now), Turn::Until(_)));
        assert!(matches!(queue.look(tickets[6], now), Turn::Until(_)));
        assert_eq!(queue.find(tickets[6]), Ok(0));
        assert_eq!(queue.find(younger), Ok(1));
    }

    #[test]
    fn a_long_queue_costs_little() {
        let (mut queue, start) = queue();
        let mut looks = 0;
        let tickets: Vec<u64> = (0..500).map(|_| queue.ticket()).collect();
        let mut waiting: Vec<(Instant, u64)> = tickets.iter().map(|t| (start, *t)).collect();
        let mut gone = Vec::new();
        while let Some(&(now, _)) = waiting.iter().min() {
            waiting.retain_mut(|(at, ticket)| {
                if *at > now {
                    return true;
                }
                looks += 1;
                match queue.look(*ticket, now) {
                    Turn::Until(until) => *at = until,
                    turn => {
                        assert_eq!(turn, Turn::Go);
                        gone.push(*ticket);
                        return false;
                    }
                }
                true
            });
        }
        assert_eq!(gone, tickets, "in the order of their age");
        // Each call checks about once for each window of calls ahead of it.
        assert!(looks < 500 * 500 / 5 * 2, "{looks}");
    }
}
