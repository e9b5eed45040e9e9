//! Dates and times in the forms that the API uses.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime as ChronoDateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime,
    TimeDelta, TimeZone, Timelike, Utc,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A date and time in any of the forms that the API uses. The value keeps the form
/// in which it was received:
///
/// | form | example |
/// |---|---|
/// | offset without a colon | `2026-03-01T12:00:00-0500` |
/// | RFC 3339 | `2026-03-01T12:00:00-05:00`, `2026-03-01T17:00:00.000Z` |
/// | without an offset, local to the location | `2026-03-01 12:00:00`, `2026-03-01 12:00`, `2026-03-01T12:00:00` |
/// | date only, local to the location | `2026-03-01` |
/// | a number of seconds since 1970 | `1772384400` |
/// | a number of milliseconds since 1970 | `1772384400000` |
///
/// A number whose absolute value is 10¹¹ or more is in milliseconds. A
/// `DateTime` is serialized in the form it was deserialized from.
///
/// Two `DateTime`s are equal if they have the same date, time, offset, and form.
/// They are not ordered, because a local time does not identify an instant. To
/// compare instants, use [`cmp_instant`](Self::cmp_instant).
///
/// ```
/// use altegio::DateTime;
///
/// let start: DateTime = "2026-03-01T12:00:00-0500".parse()?;
/// assert_eq!(start.to_string(), "2026-03-01T12:00:00-0500");
/// assert_eq!(start.instant().unwrap().timestamp(), 1_772_384_400);
/// let local: DateTime = "2026-03-01 12:00:00".parse()?;
/// assert!(local.instant().is_none());
///
/// // To convert a local time to an instant, pass the location's time zone.
/// let zone = chrono::FixedOffset::west_opt(5 * 3600).unwrap();
/// assert_eq!(local.to_utc(&zone).unwrap().timestamp(), 1_772_384_400);
/// let number: DateTime = serde_json::from_str("1772384400").unwrap();
/// assert!(start.cmp_instant(&number).unwrap().is_eq());
/// # Ok::<(), altegio::DateTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// Contains no digits that the form does not write.
    local: NaiveDateTime,
    zone: Zone,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Zone {
    /// No offset: the time is in the location's time zone.
    Local,
    /// `Z`
    Utc,
    /// `-05:00`
    Colon(FixedOffset),
    /// `-0500`
    Plain(FixedOffset),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    DateAndTime {
        separator: char,
        seconds: bool,
        /// The number of digits after the decimal point of the seconds, 0 to 9.
        fraction: u8,
    },
    DateOnly,
    Seconds,
    Milliseconds,
}

/// Returns the form in which a chrono type is written.
const fn form(separator: char) -> Form {
    Form::DateAndTime {
        separator,
        seconds: true,
        fraction: 0,
    }
}

impl Form {
    /// Removes the digits that the form does not write. A leap second becomes the
    /// second before it.
    fn truncate(self, local: NaiveDateTime) -> NaiveDateTime {
        let time = local.time();
        let (second, unit) = match self {
            Self::DateOnly => return local.date().and_time(NaiveTime::MIN),
            Self::DateAndTime { seconds: false, .. } => (0, 1_000_000_000),
            Self::DateAndTime { fraction, .. } => {
                (time.second(), 10_u32.pow(9 - u32::from(fraction)))
            }
            Self::Seconds => (time.second(), 1_000_000_000),
            Self::Milliseconds => (time.second(), 1_000_000),
        };
        let nanosecond = time.nanosecond() % 1_000_000_000 / unit * unit;
        let time = NaiveTime::from_hms_nano_opt(time.hour(), time.minute(), second, nanosecond);
        local.date().and_time(time.unwrap_or_default())
    }
}

/// Timestamps of at least this absolute value are in milliseconds.
const FIRST_MILLISECONDS: u64 = 100_000_000_000;

/// The error when a conversion to or from a [`DateTime`] fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DateTimeError {
    /// The text is not in a form that [`DateTime`] supports.
    #[error("expected a date and time such as 2026-03-01T12:00:00-0500")]
    InvalidText,
    /// The text is not in a form that [`Date`](crate::Date) supports.
    #[error("expected a date such as 2026-03-01")]
    InvalidDate,
    /// The `DateTime` has no offset, so it does not identify an instant.
    #[error(
        "the date and time has no offset from UTC; convert it with `DateTime::to_utc` and the \
         location's time zone"
    )]
    MissingOffset,
}

impl DateTime {
    /// Creates a `DateTime` from a number of seconds since 1970, or of
    /// milliseconds if the absolute value is 10¹¹ or more.
    ///
    /// Returns `None` if the date is out of chrono's range.
    pub fn from_timestamp(number: i64) -> Option<Self> {
        let (instant, form) = if number.unsigned_abs() < FIRST_MILLISECONDS {
            (ChronoDateTime::from_timestamp(number, 0)?, Form::Seconds)
        } else {
            let instant = ChronoDateTime::from_timestamp_millis(number)?;
            (instant, Form::Milliseconds)
        };
        Some(Self {
            local: instant.naive_utc(),
            zone: Zone::Utc,
            form,
        })
    }

    /// Returns the date and time as written, without the offset.
    ///
    /// For a number, they are in UTC. For a date without a time, the time is midnight.
    pub fn naive_local(&self) -> NaiveDateTime {
        self.local
    }

    /// Returns the date as written. For a number, it is the date in UTC.
    pub fn date(&self) -> NaiveDate {
        self.local.date()
    }

    /// Returns the instant in UTC. A local time is interpreted in `zone`, which
    /// should be the location's time zone.
    ///
    /// Returns `None` if the local time is ambiguous or does not exist in `zone`.
    pub fn to_utc<Tz: TimeZone>(&self, zone: &Tz) -> Option<ChronoDateTime<Utc>> {
        match self.instant() {
            Some(instant) => Some(instant.to_utc()),
            None => Some(self.in_zone(zone)?.to_utc()),
        }
    }

    /// Returns the date and time as written, interpreted in `zone`. The offset is
    /// ignored, because some locations send a wrong one. A number has no offset that
    /// could be wrong, so its instant is converted to `zone`.
    ///
    /// Returns `None` if the local time is ambiguous or does not exist in `zone`.
    pub fn in_zone<Tz: TimeZone>(&self, zone: &Tz) -> Option<ChronoDateTime<Tz>> {
        match self.form {
            Form::Seconds | Form::Milliseconds => Some(zone.from_utc_datetime(&self.local)),
            Form::DateAndTime { .. } | Form::DateOnly => {
                zone.from_local_datetime(&self.local).single()
            }
        }
    }

    /// Compares the instants of two `DateTime`s.
    ///
    /// Returns `None` if either of them is a local time.
    pub fn cmp_instant(&self, other: &Self) -> Option<Ordering> {
        Some(self.instant()?.cmp(&other.instant()?))
    }

    /// Adds a duration and keeps the form. The result is rounded down to the
    /// precision of the form: a date without a time stays one.
    ///
    /// Returns `None` if the form cannot represent the result: a year outside 0 to
    /// 9999, or a number that would be read in the other unit.
    pub fn checked_add(self, duration: TimeDelta) -> Option<Self> {
        let local = self.local.checked_add_signed(duration)?;
        let local = self.form.truncate(local);
        let sum = Self { local, ..self };
        let is_read_back = match sum.number() {
            Some(number) => Self::from_timestamp(number) == Some(sum),
            None => (0..=9999).contains(&local.year()),
        };
        is_read_back.then_some(sum)
    }

    /// Returns the offset from UTC, or `None` for a local time.
    pub fn offset(&self) -> Option<FixedOffset> {
        match self.zone {
            Zone::Local => None,
            Zone::Utc => FixedOffset::east_opt(0),
            Zone::Colon(offset) | Zone::Plain(offset) => Some(offset),
        }
    }

    /// Returns whether the form is a number.
    pub(crate) fn is_number(&self) -> bool {
        self.number().is_some()
    }

    /// Returns the timestamp if the form is a number.
    fn number(&self) -> Option<i64> {
        match self.form {
            Form::Seconds => Some(self.local.and_utc().timestamp()),
            Form::Milliseconds => Some(self.local.and_utc().timestamp_millis()),
            Form::DateAndTime { .. } | Form::DateOnly => None,
        }
    }

    /// Parses a text by byte positions. Chrono's format strings would also accept
    /// texts that are not written back unchanged.
    fn read(text: &[u8]) -> Option<Self> {
        let is = |at: usize, byte: u8| text.get(at) == Some(&byte);
        let number = |from: usize, to: usize| {
            text.get(from..to)?.iter().try_fold(0u32, |number, byte| {
                let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
                Some(number * 10 + digit)
            })
        };
        if !(is(4, b'-') && is(7, b'-')) {
            return None;
        }
        let year = i32::try_from(number(0, 4)?).ok()?;
        let date = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
        if text.len() == 10 {
            return Some(Self::from(date));
        }
        if !is(13, b':') {
            return None;
        }
        let separator = match text.get(10)? {
            b'T' => 'T',
            b' ' => ' ',
            _ => return None,
        };
        let seconds = is(16, b':');
        let mut end = if seconds { 19 } else { 16 };
        let second = if seconds { number(17, 19)? } else { 0 };
        let mut fraction = 0;
        let mut nanoseconds = 0;
        if seconds && is(19, b'.') {
            fraction = text[20..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            end = 20 + fraction;
            let missing = u32::try_from(9usize.checked_sub(fraction)?).ok()?;
            nanoseconds = (fraction > 0).then(|| number(20, end))?? * 10u32.pow(missing);
        }
        let time =
            NaiveTime::from_hms_nano_opt(number(11, 13)?, number(14, 16)?, second, nanoseconds)?;
        let zone = match text.get(end..)? {
            [] => Zone::Local,
            b"Z" => Zone::Utc,
            [sign @ (b'+' | b'-'), rest @ ..] => {
                let colon = rest.get(2) == Some(&b':');
                let minutes_at = end + if colon { 4 } else { 3 };
                let (hours, minutes) = (
                    number(end + 1, end + 3)?,
                    number(minutes_at, minutes_at + 2)?,
                );
                let east = i32::try_from(hours * 3600 + minutes * 60).ok()?;
                if minutes > 59 || text.len() != minutes_at + 2 || (*sign == b'-' && east == 0) {
                    return None;
                }
                let offset = FixedOffset::east_opt(if *sign == b'-' { -east } else { east })?;
                if colon {
                    Zone::Colon(offset)
                } else {
                    Zone::Plain(offset)
                }
            }
            _ => return None,
        };
        Some(Self {
            local: date.and_time(time),
            zone,
            form: Form::DateAndTime {
                separator,
                seconds,
                fraction: u8::try_from(fraction).ok()?,
            },
        })
    }

    /// Returns the instant, or `None` for a local time.
    pub fn instant(&self) -> Option<ChronoDateTime<FixedOffset>> {
        self.offset()?.from_local_datetime(&self.local).single()
    }
}

/// The result is in RFC 3339. Fractions of a second, and seconds of the offset,
/// are discarded.
impl<Tz: TimeZone> From<ChronoDateTime<Tz>> for DateTime {
    fn from(time: ChronoDateTime<Tz>) -> Self {
        let time = time.fixed_offset();
        let minutes = time.offset().local_minus_utc() / 60;
        let offset = FixedOffset::east_opt(minutes * 60).unwrap_or(*time.offset());
        let form = form('T');
        Self {
            local: form.truncate(time.with_timezone(&offset).naive_local()),
            zone: Zone::Colon(offset),
            form,
        }
    }
}

/// The result is in the form `2026-03-01 12:00:00`, local to the location. Fractions
/// of a second are discarded.
impl From<NaiveDateTime> for DateTime {
    fn from(local: NaiveDateTime) -> Self {
        let form = form(' ');
        Self {
            local: form.truncate(local),
            zone: Zone::Local,
            form,
        }
    }
}

/// The result is written as `2026-03-01`.
impl From<NaiveDate> for DateTime {
    fn from(date: NaiveDate) -> Self {
        Self {
            local: date.and_time(NaiveTime::MIN),
            zone: Zone::Local,
            form: Form::DateOnly,
        }
    }
}

/// The same as [`DateTime::naive_local`].
impl From<DateTime> for NaiveDateTime {
    fn from(time: DateTime) -> Self {
        time.local
    }
}

/// The same as [`DateTime::instant`], but an error for a local time.
impl TryFrom<DateTime> for ChronoDateTime<FixedOffset> {
    type Error = DateTimeError;

    fn try_from(time: DateTime) -> Result<Self, DateTimeError> {
        time.instant().ok_or(DateTimeError::MissingOffset)
    }
}

/// Returns the instant in UTC, or an error for a local time.
impl TryFrom<DateTime> for ChronoDateTime<Utc> {
    type Error = DateTimeError;

    fn try_from(time: DateTime) -> Result<Self, DateTimeError> {
        Ok(time.instant().ok_or(DateTimeError::MissingOffset)?.to_utc())
    }
}

impl FromStr for DateTime {
    type Err = DateTimeError;

    fn from_str(text: &str) -> Result<Self, DateTimeError> {
        Self::read(text.as_bytes()).ok_or(DateTimeError::InvalidText)
    }
}

impl TryFrom<&str> for DateTime {
    type Error = DateTimeError;

    fn try_from(text: &str) -> Result<Self, DateTimeError> {
        text.parse()
    }
}

impl TryFrom<String> for DateTime {
    type Error = DateTimeError;

    fn try_from(text: String) -> Result<Self, DateTimeError> {
        text.parse()
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (separator, seconds, fraction) = match self.form {
            Form::DateAndTime {
                separator,
                seconds,
                fraction,
            } => (separator, seconds, fraction),
            Form::DateOnly => return write!(f, "{}", self.local.format("%Y-%m-%d")),
            Form::Seconds | Form::Milliseconds => {
                return write!(f, "{}", self.number().unwrap_or_default());
            }
        };
        write!(f, "{}{separator}", self.local.format("%Y-%m-%d"))?;
        let time = self.local.time();
        write!(
            f,
            "{}",
            time.format(if seconds { "%H:%M:%S" } else { "%H:%M" })
        )?;
        if fraction > 0 {
            let nanoseconds = format!("{:09}", time.nanosecond());
            write!(f, ".{}", &nanoseconds[..usize::from(fraction)])?;
        }
        match self.zone {
            Zone::Local => Ok(()),
            Zone::Utc => f.write_str("Z"),
            Zone::Colon(offset) => write!(f, "{offset}"),
            Zone::Plain(offset) => f.write_str(&offset.to_string().replace(':', "")),
        }
    }
}

impl fmt::Debug for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.number() {
            Some(number) => serializer.serialize_i64(number),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read_as(deserializer, "a date and time")
    }
}

impl DateTime {
    /// Deserializes a `DateTime`. Errors say that `expected` was expected.
    pub(crate) fn read_as<'de, D: Deserializer<'de>>(
        deserializer: D,
        expected: &'static str,
    ) -> Result<Self, D::Error> {
        struct Visitor(&'static str);
        impl de::Visitor<'_> for Visitor {
            type Value = DateTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<DateTime, E> {
                text.parse()
                    .map_err(|_| E::invalid_value(de::Unexpected::Other("text"), &self))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<DateTime, E> {
                DateTime::from_timestamp(number)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Other("number"), &self))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<DateTime, E> {
                match i64::try_from(number) {
                    Ok(number) => self.visit_i64(number),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Other("number"), &self)),
                }
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<DateTime, E> {
                Err(E::invalid_value(de::Unexpected::Other("number"), &self))
            }
        }
        // `deserialize_str` would convert a number to a string.
        deserializer.deserialize_any(Visitor(expected))
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for DateTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DateTime".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "integer"]})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_the_document_is_written_back_as_it_came() {
        for text in [
            "2026-03-01T12:00:00-0500",
            "2026-03-01T12:00:00+0500",
            "2026-03-01T12:00:00+05:00",
            "2026-03-01T12:00:00.000-05:00",
            "2026-03-01T12:00:00Z",
            "2026-03-01T12:00:00.120Z",
            "2026-03-01T12:00:00",
            "2026-03-01 12:00:00",
            "2026-03-01 12:00",
            "2026-03-01",
        ] {
            assert_eq!(text.parse::<DateTime>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused_rather_than_changed() {
        for text in [
            "",
            "0000-00-00 00:00:00",
            "2026-03-01T",
            "20260301",
            "1772384400",
            "2026-3-1 12:00",
            "2026-03-01T12:00:00+5",
            "2026-02-30 12:00:00",
            "2026-03-01T12:00:00 +0500",
            "2026-03-01x12:00:00",
            "ääääääääääää",
            "2026-03-01T25:00:00Z",
            "2026-03-01T12:00:00-0000",
            "2026-03-01T12:00:00.Z",
            "2026-03-01T12:00:00.1234567890Z",
            "2026-03-01T12:00:00+05:60",
            "2026-03-01T12:00:00+05:000",
            "2026-03-01T12:00:0",
        ] {
            assert!(text.parse::<DateTime>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds_and_stay_numbers() {
        let read = |json: &str| serde_json::from_str::<DateTime>(json);
        for (json, seconds) in [
            ("0", 0),
            ("-86400", -86_400),
            ("1772384400", 1_772_384_400),
            ("99999999999", 99_999_999_999),
            ("100000000000", 100_000_000),
            ("1772384400000", 1_772_384_400),
        ] {
            let time = read(json).unwrap();
            assert_eq!(time.instant().unwrap().timestamp(), seconds, "{json}");
            assert_eq!(serde_json::to_string(&time).unwrap(), json);
            assert_eq!(time.to_string(), json);
        }
        for json in ["1.5", "9223372036854775807", "18446744073709551615", "true"] {
            assert!(read(json).is_err(), "{json}");
        }
        let later = read("1772384400").unwrap().checked_add(TimeDelta::days(1));
        assert_eq!(later.unwrap().to_string(), "1772470800");
    }

    #[test]
    fn instants_compare_and_local_times_do_not() {
        let [start, same, local]: [DateTime; 3] = [
            "2026-03-01T12:00:00-0500",
            "2026-03-01T17:00:00Z",
            "2026-03-01 12:00:00",
        ]
        .map(|text| text.parse().unwrap());
        assert_ne!(start, same);
        assert_eq!(start.cmp_instant(&same), Some(Ordering::Equal));
        assert_eq!(start.cmp_instant(&local), None);
        assert_eq!(
            ChronoDateTime::<Utc>::try_from(local),
            Err(DateTimeError::MissingOffset)
        );
        let instant = ChronoDateTime::<Utc>::try_from(start).unwrap();
        assert_eq!(
            Some(instant),
            local.to_utc(&FixedOffset::west_opt(5 * 3600).unwrap())
        );
        assert_eq!(NaiveDateTime::from(start), local.naive_local());
        // Some locations send a wrong offset.
        let zone = FixedOffset::east_opt(3 * 3600).unwrap();
        assert_eq!(start.in_zone(&zone).unwrap().hour(), 12);
    }

    #[test]
    fn a_number_is_converted_to_a_zone() {
        let zone = FixedOffset::west_opt(5 * 3600).unwrap();
        for number in [1_772_384_400, 1_772_384_400_000] {
            let time = DateTime::from_timestamp(number).unwrap();
            let start = time.in_zone(&zone).unwrap();
            assert_eq!((start.timestamp(), start.hour()), (1_772_384_400, 12));
        }
    }

    #[test]
    fn the_error_of_a_local_time_names_the_missing_offset() {
        let local: DateTime = "2026-03-01 12:00".parse().unwrap();
        let error = ChronoDateTime::<FixedOffset>::try_from(local).unwrap_err();
        assert!(error.to_string().contains("no offset"), "{error}");
        let error = "soon".parse::<DateTime>().unwrap_err();
        assert!(error.to_string().starts_with("expected a date"), "{error}");
    }

    #[test]
    fn a_sum_that_the_form_cannot_write_is_refused() {
        let day = TimeDelta::days(1);
        let last: DateTime = "9999-12-31".parse().unwrap();
        assert_eq!(last.checked_add(day), None);
        let seconds = DateTime::from_timestamp(99_999_999_999).unwrap();
        assert_eq!(seconds.checked_add(day), None);
        let milliseconds = DateTime::from_timestamp(100_000_000_000).unwrap();
        assert_eq!(milliseconds.checked_add(-day), None);
    }

    proptest! {
        /// A number is not a text, so it is written and read as JSON.
        #[test]
        fn constructed_times_are_read_back_as_they_are_written(
            seconds in -60_000_000_000_i64..250_000_000_000,
            nanoseconds in 0..2_000_000_000_u32,
            offset in -86_399..86_400,
            added in -1_000_000_000_000_i64..1_000_000_000_000,
        ) {
            // More than 10⁹ nanoseconds are valid only in a leap second.
            let seconds = seconds - seconds.rem_euclid(60) + 59;
            let instant = ChronoDateTime::from_timestamp(seconds, nanoseconds).unwrap();
            let zone = FixedOffset::east_opt(offset).unwrap();
            let read = |text: &str| text.parse::<DateTime>().unwrap();
            let constructed = [
                DateTime::from(instant),
                DateTime::from(instant.with_timezone(&zone)),
                DateTime::from(instant.naive_utc()),
                DateTime::from(instant.date_naive()),
                DateTime::from_timestamp(seconds).unwrap(),
                DateTime::from_timestamp(instant.timestamp_millis()).unwrap(),
                read("2026-03-01 12:00"),
                read("2026-03-01T12:00:00.123-0500"),
                read("2026-03-01T12:00:00.123456789Z"),
            ];
            let added = TimeDelta::nanoseconds(added) * 1_000;
            for time in constructed {
                for time in [Some(time), time.checked_add(added)].into_iter().flatten() {
                    let json = serde_json::to_string(&time).unwrap();
                    prop_assert_eq!(serde_json::from_str::<DateTime>(&json).unwrap(), time);
                    if time.number().is_none() {
                        prop_assert_eq!(read(&time.to_string()), time);
                    }
                }
            }
        }
    }
}
