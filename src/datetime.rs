//! Points in time as the wire writes them.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime as ChronoDateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A date and time in any of the forms that the vendor's document shows, kept
/// in the form it came in:
///
/// | form | example |
/// |---|---|
/// | offset without a colon | `2026-03-01T12:00:00-0500` |
/// | RFC 3339 | `2026-03-01T12:00:00-05:00`, `2026-03-01T17:00:00.000Z` |
/// | local to the location | `2026-03-01 12:00:00`, `2026-03-01 12:00`, `2026-03-01T12:00:00` |
///
/// Read and written back, it is the same text.
///
/// ```
/// use altegio::DateTime;
///
/// let start: DateTime = "2026-03-01T12:00:00-0500".parse()?;
/// assert_eq!(start.to_string(), "2026-03-01T12:00:00-0500");
/// assert_eq!(start.instant().unwrap().timestamp(), 1_772_384_400);
/// let local: DateTime = "2026-03-01 12:00:00".parse()?;
/// assert!(local.instant().is_none());
/// # Ok::<(), altegio::DateTimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    local: NaiveDateTime,
    zone: Zone,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Zone {
    /// None: the location's time zone.
    Local,
    /// `Z`
    Utc,
    /// `-05:00`
    Colon(FixedOffset),
    /// `-0500`
    Plain(FixedOffset),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Form {
    separator: char,
    seconds: bool,
    /// Digits after the seconds' point, 0 to 9.
    fraction: u8,
}

/// The text is no date and time in a form that [`DateTime`] knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a date and time like 2026-03-01T12:00:00-0500 expected")]
pub struct DateTimeError;

impl DateTime {
    /// Date and time as written, in the zone as written.
    pub fn local(&self) -> NaiveDateTime {
        self.local
    }

    /// The date as written.
    pub fn date(&self) -> NaiveDate {
        self.local.date()
    }

    /// The offset from UTC, where one was written.
    pub fn offset(&self) -> Option<FixedOffset> {
        match self.zone {
            Zone::Local => None,
            Zone::Utc => FixedOffset::east_opt(0),
            Zone::Colon(offset) | Zone::Plain(offset) => Some(offset),
        }
    }

    /// By position, which is exact: chrono's format strings accept more forms
    /// than are written back the same.
    fn read(text: &[u8]) -> Option<Self> {
        let is = |at: usize, byte: u8| text.get(at) == Some(&byte);
        let number = |from: usize, to: usize| {
            text.get(from..to)?.iter().try_fold(0u32, |number, byte| {
                let digit = byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?;
                Some(number * 10 + digit)
            })
        };
        if !(is(4, b'-') && is(7, b'-') && is(13, b':')) {
            return None;
        }
        let separator = match text.get(10)? {
            b'T' => 'T',
            b' ' => ' ',
            _ => return None,
        };
        let year = i32::try_from(number(0, 4)?).ok()?;
        let date = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
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
            form: Form {
                separator,
                seconds,
                fraction: u8::try_from(fraction).ok()?,
            },
        })
    }

    /// The point in time, where an offset was written.
    pub fn instant(&self) -> Option<ChronoDateTime<FixedOffset>> {
        self.offset()?.from_local_datetime(&self.local).single()
    }
}

/// Written as RFC 3339, to the second.
impl<Tz: TimeZone> From<ChronoDateTime<Tz>> for DateTime {
    fn from(time: ChronoDateTime<Tz>) -> Self {
        let time = time.fixed_offset();
        Self {
            local: time.naive_local(),
            zone: Zone::Colon(*time.offset()),
            form: Form {
                separator: 'T',
                seconds: true,
                fraction: 0,
            },
        }
    }
}

/// Written as `2026-03-01 12:00:00`, local to the location.
impl From<NaiveDateTime> for DateTime {
    fn from(local: NaiveDateTime) -> Self {
        Self {
            local,
            zone: Zone::Local,
            form: Form {
                separator: ' ',
                seconds: true,
                fraction: 0,
            },
        }
    }
}

impl FromStr for DateTime {
    type Err = DateTimeError;

    fn from_str(text: &str) -> Result<Self, DateTimeError> {
        Self::read(text.as_bytes()).ok_or(DateTimeError)
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
        let Form {
            separator,
            seconds,
            fraction,
        } = self.form;
        write!(f, "{}{separator}", self.local.format("%Y-%m-%d"))?;
        let time = self.local.time();
        write!(
            f,
            "{}",
            time.format(if seconds { "%H:%M:%S" } else { "%H:%M" })
        )?;
        if fraction > 0 {
            let nanoseconds = format!("{:09}", chrono::Timelike::nanosecond(&time));
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
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = DateTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date and time")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<DateTime, E> {
                text.parse()
                    .map_err(|_| E::invalid_value(de::Unexpected::Other("text"), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for DateTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DateTime".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time"})
    }
}

#[cfg(test)]
mod tests {
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
        ] {
            assert_eq!(text.parse::<DateTime>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused_rather_than_changed() {
        for text in [
            "",
            "0000-00-00 00:00:00",
            "2026-03-01",
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
}
