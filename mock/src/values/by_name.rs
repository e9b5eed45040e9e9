//! What values fields usually have, as far as their names tell.

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use fastrand::Rng;

/// The usual whole numbers of a field.
pub(super) fn whole_numbers(name: &str) -> RangeInclusive<i64> {
    if name == "id" || name.ends_with("_id") {
        1..=9_999_999
    } else if has(name, &["phone"]) {
        13_155_550_100..=13_155_550_199
    } else if has(name, &["count", "total", "page", "weight", "capacity"]) {
        1..=40
    } else if has(name, &["length", "duration"]) {
        900..=7_200
    } else if has(name, &["percent", "discount"]) {
        0..=30
    } else if name.starts_with("is_") || has(name, &["attendance", "status", "sex", "paid"]) {
        0..=1
    } else {
        1..=500
    }
}

/// Text for a field; `day` and `time` are those of its dates.
pub(super) fn text(rng: &mut Rng, name: &str, day: NaiveDate, time: &str) -> String {
    let number = rng.u32(1..1_000);
    let mut pick = |words: &[&str]| words[rng.usize(..words.len())].to_owned();
    if has(name, &["datetime"]) || name.ends_with("_at") {
        format!("{day}T{time}:00+02:00")
    } else if has(name, &["date"]) || name == "from" || name == "to" {
        day.to_string()
    } else if has(name, &["time"]) {
        time.to_owned()
    } else if has(name, &["phone"]) {
        format!("131555501{:02}", number % 100)
    } else if has(name, &["email"]) {
        format!("client{number}@example.com")
    } else if has(name, &["url", "link", "site", "image", "avatar", "logo"]) {
        format!("https://example.com/{number}")
    } else if has(name, &["price", "cost", "sum", "amount"]) {
        format!("{number}.00")
    } else if has(name, &["currency"]) {
        pick(&["EUR", "GEL", "KZT", "USD"])
    } else if has(name, &["token", "hash"]) {
        format!("{:016x}", rng.u64(..))
    } else if has(name, &["message"]) {
        pick(&["Done", "Saved", "Accepted"])
    } else if has(name, &["color"]) {
        format!("#{:06x}", rng.u32(..0x100_0000))
    } else if has(name, &["surname"]) {
        pick(&["Aalto", "Berg", "Costa", "Demir", "Evans"])
    } else if has(name, &["name"]) {
        pick(&["Alma", "Bruno", "Chiara", "Davit", "Elin"])
    } else if has(name, &["title", "specialization"]) {
        pick(&["Haircut", "Manicure", "Massage", "Coloring", "Consultation"])
    } else if name.ends_with("id") || has(name, &["number", "code"]) {
        format!("{}", 100_000 + number)
    } else {
        format!("{} {number}", name.replace('_', " "))
    }
}

fn has(name: &str, words: &[&str]) -> bool {
    words.iter().any(|word| name.contains(word))
}
