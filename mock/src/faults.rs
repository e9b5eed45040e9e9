//! Faults to inject, to test how a program handles them.

use std::str::FromStr;
use std::time::Duration;

use fastrand::Rng;

/// How often each fault is injected. A rate is a share of the requests, from 0
/// to 1; one request gets one fault at most.
///
/// ```
/// let faults: altegio_mock::Faults = "429=0.1,500=0.05,cut=0.02,latency=200ms".parse()?;
/// assert_eq!(faults.too_many_requests, 0.1);
/// assert_eq!(faults.latency.as_millis(), 200);
/// # Ok::<(), altegio_mock::FaultsError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Faults {
    /// Responses are delayed by up to this much, each by a random part of it.
    pub latency: Duration,
    /// The rate of 429 with `Retry-After: 1`.
    pub too_many_requests: f64,
    /// The rate of 500 in Altegio's envelope.
    pub server_error: f64,
    /// The rate of connections closed in the middle of the response.
    pub cut: f64,
}

/// Text that is no [`Faults`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}`: `latency=200ms`, `429=0.1`, `500=0.1` or `cut=0.1` expected, joined with commas; rates are from 0 to 1"
)]
pub struct FaultsError(String);

/// The fault of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooManyRequests,
    ServerError,
    Cut,
}

impl Faults {
    pub(crate) fn fault(&self, rng: &mut Rng) -> Option<Fault> {
        let mut left = rng.f64();
        let rates = [
            (self.too_many_requests, Fault::TooManyRequests),
            (self.server_error, Fault::ServerError),
            (self.cut, Fault::Cut),
        ];
        for (rate, fault) in rates {
            if left < rate {
                return Some(fault);
            }
            left -= rate;
        }
        None
    }

    pub(crate) fn delay(&self, rng: &mut Rng) -> Duration {
        self.latency.mul_f64(rng.f64())
    }
}

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, FaultsError> {
        let mut faults = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let wrong = || FaultsError(part.to_owned());
            let (name, value) = part.split_once('=').ok_or_else(wrong)?;
            if name == "latency" {
                let millis = value.strip_suffix("ms").ok_or_else(wrong)?;
                faults.latency = Duration::from_millis(millis.parse().map_err(|_| wrong())?);
                continue;
            }
            let rate: f64 = value.parse().map_err(|_| wrong())?;
            if !(0.0..=1.0).contains(&rate) {
                return Err(wrong());
            }
            match name {
                "429" => faults.too_many_requests = rate,
                "500" => faults.server_error = rate,
                "cut" => faults.cut = rate,
                _ => return Err(wrong()),
            }
        }
        Ok(faults)
    }
}
