//! The wire's conversions, over all values: what is converted survives, what
//! would not survive is refused.

use altegio::DateTime;
use altegio::wire::{Mode, decode, encode};
use proptest::prelude::*;
use serde::de::DeserializeOwned;

fn read<T: DeserializeOwned>(json: &str) -> Option<T> {
    decode(json.as_bytes(), Mode::Strict)
        .ok()
        .map(|decoded| decoded.value)
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

proptest! {
    #[test]
    fn an_integer_reads_as_itself_and_as_its_digits(number: i64) {
        let json = number.to_string();
        prop_assert_eq!(read::<i64>(&json), Some(number));
        prop_assert_eq!(read::<i64>(&quoted(&json)), Some(number));
        prop_assert_eq!(read::<String>(&json), Some(json.clone()));
        prop_assert_eq!(String::from_utf8(encode(&number).unwrap()).unwrap(), json);
    }

    #[test]
    fn a_large_unsigned_number_is_text_whole_or_no_integer(number in (i64::MAX as u64 + 1)..) {
        let json = number.to_string();
        prop_assert_eq!(read::<i64>(&json), None);
        prop_assert_eq!(read::<String>(&json), Some(json));
    }

    #[test]
    fn a_float_reads_as_itself_from_number_and_is_written_back(number in -1e15f64..1e15) {
        let json = serde_json::to_string(&number).unwrap();
        prop_assert_eq!(read::<f64>(&json), Some(number));
        let written = String::from_utf8(encode(&number).unwrap()).unwrap();
        prop_assert!(!written.ends_with(".0"));
        prop_assert_eq!(read::<f64>(&written), Some(number));
    }

    #[test]
    fn cents_survive_text_and_number(cents in -99_999_999_999i64..99_999_999_999) {
        let text = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
        let number: f64 = text.parse().unwrap();
        prop_assert_eq!(read::<f64>(&text), Some(number));
        prop_assert_eq!(read::<f64>(&quoted(&text)), Some(number));
        prop_assert_eq!((number * 100.0).round() as i64, cents);
    }

    #[test]
    fn whole_floats_are_integers_only_where_exact(number: i64) {
        let json = format!("{number}.0");
        let read = read::<i64>(&json);
        if number.unsigned_abs() < 1 << 53 {
            prop_assert_eq!(read, Some(number));
        } else {
            prop_assert_eq!(read, None);
        }
    }

    #[test]
    fn texts_stay_what_they_are(text: String) {
        prop_assert_eq!(read::<String>(&quoted(&text)), Some(text));
    }

    #[test]
    fn text_is_a_number_only_if_it_is_written_back_the_same(text in "[-+]?[0-9]{1,20}(\\.[0-9]{1,4})?(e[0-9])?") {
        if let Some(number) = read::<i64>(&quoted(&text)) {
            prop_assert_eq!(number.to_string(), text.clone());
        }
        if let Some(number) = read::<f64>(&quoted(&text)) {
            prop_assert!(!text.contains(['e', '+']));
            let digits = text.trim_start_matches('-');
            prop_assert!(digits.split('.').next() == Some("0") || !digits.starts_with('0'));
            prop_assert_eq!(number, text.parse::<f64>().unwrap());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes: Vec<u8>, mode in prop_oneof![Just(Mode::Strict), Just(Mode::Salvage)]) {
        let _ = decode::<Vec<Option<i64>>>(&bytes, mode);
        let _ = decode::<std::collections::BTreeMap<String, Vec<DateTime>>>(&bytes, mode);
    }

    #[test]
    fn date_times_are_written_back_as_they_came(
        seconds in 0i64..4_000_000_000, offset in -14i32 * 4..=14 * 4,
        separator in prop_oneof![Just('T'), Just(' ')], zone in 0..4, fraction in 0usize..=9,
    ) {
        let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap().naive_utc();
        let minutes = (offset * 15).abs();
        let sign = if offset < 0 { '-' } else { '+' };
        let zone = match zone {
            0 => String::new(),
            1 => "Z".to_owned(),
            2 => format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60),
            _ => format!("{sign}{:02}{:02}", minutes / 60, minutes % 60),
        };
        let fraction = if fraction == 0 { String::new() } else { format!(".{}", "123456789".get(..fraction).unwrap()) };
        let text = format!("{}{separator}{}{fraction}{zone}", time.format("%Y-%m-%d"), time.format("%H:%M:%S"));
        let read: DateTime = text.parse().unwrap();
        prop_assert_eq!(read.to_string(), text);
        prop_assert_eq!(read.local().and_utc().timestamp(), seconds);
    }
}

#[test]
fn the_conversions_one_by_one() {
    assert_eq!(
        read::<String>("13155550177").as_deref(),
        Some("13155550177")
    );
    assert_eq!(read::<String>("\"007\"").as_deref(), Some("007"));
    assert_eq!(read::<String>("1.5").as_deref(), Some("1.5"));
    assert_eq!(read::<String>("true"), None);
    assert_eq!(read::<String>("123456789012345678901234567890"), None);
    for (json, expected) in [
        ("true", true),
        ("1", true),
        ("\"1\"", true),
        ("0", false),
        ("\"0\"", false),
        ("\"true\"", true),
    ] {
        assert_eq!(read::<bool>(json), Some(expected), "{json}");
    }
    for json in ["2", "\"\"", "\"yes\"", "null", "[]", "1.0"] {
        assert_eq!(read::<bool>(json), None, "{json}");
    }
    assert_eq!(read::<i64>("\"-5\""), Some(-5));
    assert_eq!(read::<i64>("false"), Some(0));
    for json in [
        "\"007\"",
        "\"+5\"",
        "\"5 \"",
        "\"\"",
        "1.5",
        "1e300",
        "null",
        "{}",
        "99999999999999999999",
    ] {
        assert_eq!(read::<i64>(json), None, "{json}");
    }
    assert_eq!(read::<f64>("\"12.50\""), Some(12.5));
    assert_eq!(read::<f64>("1e2"), Some(100.0));
    for json in [
        "\"NaN\"",
        "\"inf\"",
        "\"1e5\"",
        "\"01\"",
        "\".5\"",
        "9007199254740993",
        "1e30",
    ] {
        assert_eq!(read::<f64>(json), None, "{json}");
    }
}

#[test]
fn empty_objects_and_lists_stand_for_each_other() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Object {
        a: Option<i64>,
    }
    assert_eq!(read::<Option<Object>>("[]"), Some(Some(Object { a: None })));
    assert_eq!(read::<Vec<i64>>("{}"), Some(Vec::new()));
    assert_eq!(read::<Object>("[1]"), None);
    assert_eq!(read::<Vec<i64>>("{\"a\":1}"), None);
    assert_eq!(read::<Option<i64>>("null"), Some(None));
}

#[test]
fn a_required_field_that_is_wrong_costs_its_object_and_no_more() {
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Item {
        id: i64,
    }
    #[derive(serde::Deserialize, Debug, PartialEq)]
    struct Answer {
        data: Vec<Item>,
        extra: Option<Item>,
    }
    let json = br#"{"data":[{"id":1},{"id":{}},{"id":"3"},{}],"extra":{"id":[1]}}"#;
    let decoded = decode::<Answer>(json, Mode::Salvage).unwrap();
    let ids: Vec<i64> = decoded.value.data.iter().map(|item| item.id).collect();
    assert_eq!((ids, decoded.value.extra), (vec![1, 3], None));
    let seen: Vec<(&str, &str)> = decoded
        .mismatches
        .iter()
        .map(|m| (m.path.as_str(), m.raw.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("$.data[1]", r#"{"id":{}}"#),
            ("$.data[3]", "{}"),
            ("$.extra", r#"{"id":[1]}"#)
        ]
    );
    let error = decode::<Answer>(br#"{"data":7}"#, Mode::Salvage).unwrap_err();
    assert_eq!(error.path, "$.data");
}

#[test]
fn thousands_of_wrong_values_of_one_kind_are_one_pass() {
    let items: Vec<String> = (0..5_000).map(|n| format!("{{\"n\":{n}}}")).collect();
    let json = format!("[{},1]", items.join(","));
    let decoded = decode::<Vec<i64>>(json.as_bytes(), Mode::Salvage).unwrap();
    assert_eq!((decoded.value, decoded.mismatches.len()), (vec![1], 5_000));
}

#[test]
fn nesting_without_end_is_refused() {
    #[derive(serde::Deserialize)]
    struct Nested {
        #[serde(rename = "a")]
        _a: Option<Box<Nested>>,
    }
    let json = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    assert!(decode::<Nested>(json.as_bytes(), Mode::Strict).is_err());
    assert_eq!(
        decode::<Nested>(json.as_bytes(), Mode::Salvage)
            .unwrap()
            .mismatches
            .len(),
        1
    );
    let open = "[".repeat(1_000_000);
    assert!(decode::<serde_json::Value>(open.as_bytes(), Mode::Salvage).is_err());
}

#[test]
fn a_union_sets_aside_what_does_not_fit_inside_of_it() {
    use altegio::b2b_v1::types::GetMembershipListResponse as Page;
    use altegio::wire::{Mode, decode};
    let body = br#"{"success": true, "data": [{"id": 5, "number": {"no": "text"}}], "new": 1}"#;
    let decoded = decode::<Page>(body, Mode::Salvage).unwrap();
    let paths: Vec<&str> = decoded
        .mismatches
        .iter()
        .map(|mismatch| mismatch.path.as_str())
        .collect();
    assert_eq!(paths, ["$.data[0].number"]);
    assert_eq!(decoded.mismatches[0].raw, r#"{"no": "text"}"#);
    let Page::MembershipsPage(page) = &decoded.value else {
        panic!("{:?}", decoded.value);
    };
    assert_eq!(page.data.as_ref().unwrap()[0].id, Some(5));
    assert!(decoded.has_unknown_fields);
    let unlisted = altegio::wire::unknown_fields::<Page>(body, &decoded.mismatches);
    assert_eq!(unlisted[0].path, "$.new");
    assert!(decode::<Page>(body, Mode::Strict).is_err());

    // The same in each item of a list, with its index.
    let list = [b"[", &body[..], b",", &body[..], b"]"].concat();
    let decoded = decode::<Page>(&list, Mode::Salvage).unwrap();
    let paths: Vec<&str> = decoded
        .mismatches
        .iter()
        .map(|mismatch| mismatch.path.as_str())
        .collect();
    assert_eq!(paths, ["$[0].data[0].number", "$[1].data[0].number"]);
}
