//! Dates in the forms that the API uses.

use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, TimeDelta, TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::datetime::{DateTime, DateTimeError};

/// A date. The API normally writes it as `2026-03-01`, but a `Date` is also read from
/// every form of a [`DateTime`], and is serialized in the form it was deserialized from.
///
/// Two `Date`s are equal if they have the same value and form. To compare the days, use
/// [`naive`](Self::naive).
///
/// ```
/// use altegio::Date;
/// use chrono::NaiveDate;
///
/// let born: Date = "1990-05-17".parse()?;
/// let also: Date = "1990-05-17 00:00:00".parse()?;
/// assert_eq!(born.naive(), also.naive());
/// assert_eq!(also.to_string(), "1990-05-17 00:00:00");
/// assert_eq!(Date::from(born.naive()), born);
/// assert_eq!(NaiveDate::from(born).to_string(), "1990-05-17");
/// # Ok::<(), altegio::DateTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date(DateTime);

impl Date {
    /// Returns the date as written. For a number of seconds or milliseconds, it is the
    /// date in UTC.
    pub fn naive(&self) -> NaiveDate {
        self.0.date()
    }

    /// Returns the date as written or, for a number, the date in `zone`, which should be
    /// the location's time zone.
    pub fn in_zone<Tz: TimeZone>(&self, zone: &Tz) -> NaiveDate {
        match self.0.is_number() {
            true => zone.from_utc_datetime(&self.0.naive_local()).date_naive(),
            false => self.naive(),
        }
    }

    /// Adds a number of days, which may be negative, and keeps the form.
    ///
    /// Returns `None` if the form cannot represent the result: a year outside 0 to 9999,
    /// or a number that would be read in the other unit.
    pub fn checked_add_days(self, days: i64) -> Option<Self> {
        self.0.checked_add(TimeDelta::try_days(days)?).map(Self)
    }
}

/// The result is written as `2026-03-01`.
impl From<NaiveDate> for Date {
    fn from(date: NaiveDate) -> Self {
        Self(date.into())
    }
}

/// The result has the form of the `DateTime`.
impl From<DateTime> for Date {
    fn from(time: DateTime) -> Self {
        Self(time)
    }
}

/// The same as [`Date::naive`].
impl From<Date> for NaiveDate {
    fn from(date: Date) -> Self {
        date.naive()
    }
}

/// The result has the form of the `Date`.
impl From<Date> for DateTime {
    fn from(date: Date) -> Self {
        date.0
    }
}

impl FromStr for Date {
    type Err = DateTimeError;

    fn from_str(text: &str) -> Result<Self, DateTimeError> {
        let time = text.parse().map_err(|_| DateTimeError::InvalidDate)?;
        Ok(Self(time))
    }
}

impl TryFrom<&str> for Date {
    type Error = DateTimeError;

    fn try_from(text: &str) -> Result<Self, DateTimeError> {
        text.parse()
    }
}

impl TryFrom<String> for Date {
    type Error = DateTimeError;

    fn try_from(text: String) -> Result<Self, DateTimeError> {
        text.parse()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DateTime::read_as(deserializer, "a date").map(Self)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for Date {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "integer"]})
    }
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    #[test]
    fn every_form_is_read_and_written_back() {
        for json in [
            "\"2026-03-01\"",
            "\"2026-03-01 12:00:00\"",
            "\"2026-03-01T23:30:00-0500\"",
            "1772384400",
            "1772384400000",
        ] {
            let date: Date = serde_json::from_str(json).unwrap();
            assert_eq!(date.naive().to_string(), "2026-03-01", "{json}");
            assert_eq!(serde_json::to_string(&date).unwrap(), json);
        }
        let error = serde_json::from_str::<Date>("\"soon\"").unwrap_err();
        assert!(error.to_string().contains("expected a date at"), "{error}");
        let error = "soon".parse::<Date>().unwrap_err();
        assert_eq!(error.to_string(), "expected a date such as 2026-03-01");
    }

    #[test]
    fn a_number_is_a_date_in_a_zone() {
        let east = FixedOffset::east_opt(10 * 3600).unwrap();
        let midday = DateTime::from_timestamp(1_772_384_400).unwrap();
        assert_eq!(Date::from(midday).in_zone(&east).to_string(), "2026-03-02");
        let written: Date = "2026-03-01".parse().unwrap();
        assert_eq!(written.in_zone(&east), written.naive());
    }

    #[test]
    fn days_are_added_in_the_form_of_the_date() {
        let date: Date = "2026-02-28".parse().unwrap();
        assert_eq!(date.checked_add_days(1).unwrap().to_string(), "2026-03-01");
        assert_eq!(
            date.checked_add_days(-59).unwrap().to_string(),
            "2025-12-31"
        );
        assert_eq!(date.checked_add_days(i64::MAX), None);
    }
}
