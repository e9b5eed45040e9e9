//! Tests the conversions of the wire layer over all values: each conversion either
//! preserves the value or is rejected.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use altegio::b2b_v1::types;
use altegio::ids::{AppointmentId, MembershipId};
use altegio::wire::{Decoded, Kind, Mode, decode, encode, unknown_fields};
use altegio::{DateTime, Envelope, UnknownField};
use cpu_time::ProcessTime;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

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
        let _ = decode::<BTreeMap<String, Vec<DateTime>>>(&bytes, mode);
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
        prop_assert_eq!(read.naive_local().and_utc().timestamp(), seconds);
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

/// Returns the paths and raw values of the mismatches.
fn set_aside<T>(decoded: &Decoded<T>) -> Vec<(&str, &str)> {
    let mismatches = decoded.mismatches.iter();
    mismatches
        .map(|mismatch| (mismatch.path.as_str(), mismatch.raw.as_str()))
        .collect()
}

/// Returns the minimum CPU time of three attempts.
fn time_of(attempted: impl Fn()) -> Duration {
    let attempt = |_| {
        let start = ProcessTime::now();
        attempted();
        start.elapsed()
    };
    (0..3).map(attempt).min().unwrap()
}

thread_local! {
    /// How many times a [`Counted`] was decoded in this thread.
    static READS: Cell<usize> = const { Cell::new(0) };
}

/// An integer that counts how often it is decoded.
struct Counted(i64);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READS.set(READS.get() + 1);
        i64::deserialize(deserializer).map(Self)
    }
}

fn repeated(item: &str, number: usize) -> String {
    format!("[{}]", vec![item; number].join(","))
}

/// Wherever the misfits are, each value is decoded a limited number of times, however
/// many misfits there are.
#[test]
fn salvage_decodes_each_value_a_few_times_and_has_no_limit() {
    #[derive(Deserialize)]
    struct Item {
        id: Counted,
        good: Vec<Counted>,
        bad: Vec<Counted>,
    }
    fn check<T: DeserializeOwned>(
        what: &str,
        body: fn(usize) -> String,
        misfits: fn(usize) -> usize,
    ) {
        let reads = [500, 5_000].map(|number| {
            let body = body(number);
            READS.set(0);
            let decoded = decode::<T>(body.as_bytes(), Mode::Salvage).unwrap();
            assert_eq!(decoded.mismatches.len(), misfits(number), "{what}");
            READS.get()
        });
        let [few, many] = reads;
        assert!(few > 0 && many <= 11 * few, "{what}: {reads:?}");
    }
    check::<Vec<Counted>>("list", |n| repeated("\"x\"", n), |n| n);
    check::<Vec<Vec<Counted>>>("lists", |n| repeated("[1,{},2,\"x\"]", n), |n| 2 * n);
    check::<BTreeMap<String, Counted>>(
        "map",
        |n| {
            let fields: Vec<String> = (0..n).map(|n| format!("\"k{n}\":\"x{n}\"")).collect();
            format!("{{{}}}", fields.join(","))
        },
        |n| n,
    );
    check::<Item>(
        "two lists of a derived struct",
        |n| {
            format!(
                "{{\"id\":1,\"good\":{},\"bad\":{}}}",
                repeated("7", n),
                repeated("\"x\"", n)
            )
        },
        |n| n,
    );
    check::<Vec<Item>>(
        "derived structs",
        |n| repeated("{\"id\":1,\"good\":[1,{\"a\":1}],\"bad\":[]}", n),
        |n| n,
    );
    check::<Envelope<Vec<Counted>, BTreeMap<String, Vec<Counted>>>>(
        "fields of a generated struct",
        |n| {
            let list = repeated("\"x\",7", n);
            format!("{{\"data\":{list},\"meta\":{{\"a\":{list}}}}}")
        },
        |n| 2 * n,
    );
    let _: fn(&Item) -> (i64, usize, usize) = |item| (item.id.0, item.good.len(), item.bad.len());
}

/// The values of these types cannot be counted. For 20 times as many, quadratic time
/// would be 400 times as long.
#[test]
fn salvage_takes_linear_time() {
    type Appointments = Envelope<Vec<types::Appointment>, types::PageAndTotalCountMeta>;
    fn check<T: DeserializeOwned>(what: &str, body: fn(usize) -> String) {
        let times = [500, 10_000].map(|number| {
            let body = body(number);
            time_of(|| drop(unknown_fields::<T>(body.as_bytes())))
        });
        let [few, many] = times;
        assert!(many < 100 * few, "{what}: {times:?}");
    }
    check::<Appointments>("appointments", |n| {
        let item = "{\"id\":1,\"datetime\":\"soon\",\"new\":[1],\"client\":{\"id\":\"?\",\"name\":[1]},\"staff\":7}";
        format!("{{\"success\":true,\"data\":{}}}", repeated(item, n))
    });
    check::<serde_json::Value>("digits in an open value", |n| {
        repeated("123456789012345678901234567890", n)
    });
}

#[test]
fn one_response_does_not_show_up_in_another() {
    use altegio::b2b_v1::types::GetMembershipListResponse as Page;
    let body = |field: &str| format!("{{\"success\":true,\"data\":[{{\"id\":5}}],\"{field}\":1}}");
    let (first, second) = (body("passport"), body("new"));
    // Here an unknown field is recorded before the union is decoded.
    let pair = format!("[{{\"zz\":1}},{first}]");
    let decoded = decode::<(BTreeMap<String, i64>, Page)>(pair.as_bytes(), Mode::Salvage).unwrap();
    assert!(decoded.has_unknown_fields);
    #[derive(serde::Deserialize)]
    struct Holder {
        #[serde(rename = "page")]
        _page: Page,
    }
    let held = format!("{{\"page\":{first},\"other\":2}}");
    let decoded = decode::<Holder>(held.as_bytes(), Mode::Salvage).unwrap();
    assert!(decoded.has_unknown_fields);
    let paths = |fields: Vec<UnknownField>| {
        fields
            .into_iter()
            .map(|field| field.path)
            .collect::<Vec<_>>()
    };
    assert_eq!(paths(unknown_fields::<Page>(second.as_bytes())), ["$.new"]);
    let clean = br#"{"success":true,"data":[{"id":5}]}"#;
    assert!(
        !decode::<Page>(clean, Mode::Salvage)
            .unwrap()
            .has_unknown_fields
    );
    assert_eq!(
        paths(unknown_fields::<Holder>(held.as_bytes())),
        ["$.page.passport", "$.other"]
    );
}

#[test]
fn json_is_found_behind_what_php_prints() {
    type Ids = BTreeMap<String, i64>;
    let json = r#"{"id": 5}"#;
    for stray in [
        "\u{feff}",
        "<br />\n<b>Notice</b>: Undefined index: [id] in /srv/a.php on line <b>12</b><br />\n",
        "\nWarning: array(1) { [0]=> int(1) } {main}\n#0 [internal function]\n",
    ] {
        let body = format!("{stray}{json}\n");
        let decoded = decode::<Ids>(body.as_bytes(), Mode::Salvage).unwrap();
        assert_eq!(decoded.value["id"], 5);
        assert_eq!(set_aside(&decoded), [("$", stray)]);
        let failure = decode::<Ids>(body.as_bytes(), Mode::Strict).unwrap_err();
        assert_eq!((failure.path.as_str(), failure.found), ("$", Kind::Nothing));
    }
    let decoded = decode::<Ids>(b"{\"id\": 5}<br />Warning", Mode::Salvage).unwrap();
    assert_eq!(set_aside(&decoded), [("$", "<br />Warning")]);
    assert!(decode::<Ids>(b"<html>{\"id\": 5}</html>", Mode::Salvage).is_err());
    assert!(decode::<Ids>(b"{\"id\": 5", Mode::Salvage).is_err());
}

#[test]
fn bytes_that_are_not_utf8_cost_their_string_and_no_more() {
    let body = b"{\"a\":\"caf\xe9\",\"b\":\"caf\xc3\xa9\",\"\xff\":\"c\",\"d\":\"\"}";
    let decoded = decode::<BTreeMap<String, String>>(body, Mode::Salvage).unwrap();
    assert_eq!(
        decoded.value.into_iter().collect::<Vec<_>>(),
        [
            ("b".to_owned(), "café".to_owned()),
            ("d".to_owned(), String::new()),
        ]
    );
    let seen: Vec<_> = decoded
        .mismatches
        .iter()
        .map(|m| (&*m.path, &*m.expected, &*m.raw))
        .collect();
    assert_eq!(
        seen,
        [
            ("$.a", "UTF-8", "\"caf\u{fffd}\""),
            ("$[\"\u{fffd}\"]", "UTF-8", "\"c\"")
        ]
    );
    assert!(decode::<BTreeMap<String, String>>(body, Mode::Strict).is_err());
}

#[test]
fn an_unknown_field_is_one_whatever_its_bytes_are() {
    type Appointments = Envelope<Vec<types::Appointment>, types::PageAndTotalCountMeta>;
    let body = b"{\"data\":[],\"new\":\"caf\xe9\"}";
    let decoded = decode::<Appointments>(body, Mode::Strict).unwrap();
    assert!(decoded.has_unknown_fields);
    let unknown = unknown_fields::<Appointments>(body);
    assert_eq!(unknown[0].path, "$.new");
    assert_eq!(unknown[0].raw, "\"caf\u{fffd}\"");
}

#[test]
fn numbers_that_would_lose_digits_are_set_aside() {
    let json = r#"{"whole":4503599627370497.25,"long":123456789012345678901234567890,
        "fine":55.275397399999974,"text":"123456789012345678901234567890"}"#;
    let decoded = decode::<serde_json::Value>(json.as_bytes(), Mode::Salvage).unwrap();
    assert_eq!(
        decoded.value,
        serde_json::json!({"fine": 55.275397399999974, "text": "123456789012345678901234567890"})
    );
    assert_eq!(
        set_aside(&decoded),
        [
            ("$.whole", "4503599627370497.25"),
            ("$.long", "123456789012345678901234567890"),
        ]
    );
    assert_eq!(read::<i64>("4503599627370497.25"), None);
    assert_eq!(read::<i64>("5.00000000000000000001"), None);
    assert_eq!(read::<String>("4503599627370497.25"), None);
    assert_eq!(read::<f64>("4503599627370497.25"), None);
    assert_eq!(read::<f64>("0.10000000000000001"), Some(0.1));
    let decoded = decode::<Vec<Option<i64>>>(b"[4503599627370497.25]", Mode::Salvage).unwrap();
    assert_eq!(set_aside(&decoded), [("$[0]", "4503599627370497.25")]);
}

/// `1e-400` is read as zero.
#[test]
fn a_number_too_small_for_a_float_is_set_aside() {
    fn check<T: DeserializeOwned>() {
        for json in ["1e-400", "1E-400", "-0.5e-400"] {
            let body = format!("[0.0,{json}]");
            let decoded = decode::<Vec<T>>(body.as_bytes(), Mode::Salvage).unwrap();
            assert_eq!(set_aside(&decoded), [("$[1]", json)]);
            assert!(decode::<Vec<T>>(body.as_bytes(), Mode::Strict).is_err());
        }
    }
    check::<f64>();
    check::<i64>();
    check::<String>();
    check::<serde_json::Value>();
    for zero in ["0.0", "-0", "0e-5", "0.00E-400"] {
        assert_eq!(read::<f64>(zero), Some(0.0), "{zero}");
    }
}

#[test]
fn a_second_value_of_a_key_is_told() {
    type Appointments = Envelope<Vec<types::Appointment>, types::PageAndTotalCountMeta>;
    #[derive(serde::Deserialize)]
    struct Derived {
        id: i64,
    }
    fn check<T: DeserializeOwned>(json: &str, path: &str) -> T {
        assert!(
            decode::<T>(json.as_bytes(), Mode::Strict).is_err(),
            "{json}"
        );
        let decoded = decode::<T>(json.as_bytes(), Mode::Salvage).unwrap();
        assert_eq!(set_aside(&decoded), [(path, "7")]);
        decoded.value
    }
    assert_eq!(
        check::<BTreeMap<String, i64>>(r#"{"id":5,"id":7}"#, "$.id")["id"],
        5
    );
    assert_eq!(
        check::<serde_json::Value>(r#"[{"id":5,"id":7}]"#, "$[0].id")[0]["id"],
        5
    );
    assert_eq!(check::<Derived>(r#"{"id":5,"id":7}"#, "$.id").id, 5);
    let page = check::<Appointments>(r#"{"data":[{"id":5,"id":7}]}"#, "$.data[0].id");
    assert_eq!(page.data.unwrap()[0].id, Some(AppointmentId(5)));
}

#[test]
fn keys_that_are_numbers_are_read_in_both_passes() {
    let json = br#"{"5":1,"6":"x"}"#;
    let decoded = decode::<BTreeMap<i64, i64>>(json, Mode::Salvage).unwrap();
    assert_eq!(
        (decoded.value[&5], set_aside(&decoded)),
        (1, vec![("$.6", "\"x\"")])
    );
}

#[test]
fn numbers_that_json_does_not_have_are_refused_with_their_place() {
    use altegio::Nullable;
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = encode(&Some(number)).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("{number} is not a JSON number; pass a finite number, or leave it out")
        );
        let body = BTreeMap::from([("services", [(1, Nullable::Value(number))])]);
        let error = encode(&body).unwrap_err().to_string();
        assert!(error.starts_with("services[0][1]: "), "{error}");
    }
    assert!(encode(&f32::NAN).is_err());
    let floats = [123.0_f32, -16_777_216.0, 16_777_220.0, 1.5];
    assert_eq!(encode(&floats).unwrap(), b"[123,-16777216,16777220.0,1.5]");
    let raw = serde_json::value::RawValue::from_string("{\"a\": 1.0}".to_owned()).unwrap();
    let body = (1.0, 1.5, raw, serde_json::json!({"a": [null]}), 'c', "\"");
    let written = br#"[1,1.5,{"a": 1.0},{"a":[null]},"c","\""]"#;
    assert_eq!(encode(&body).unwrap(), written);
}

#[test]
fn visitors_that_count_are_not_confused_by_many_misfits() {
    let items = vec![r#"["x",1,[2,"y",3]]"#; 50].join(",");
    let json = format!("[{items},[1,2,[3]]]");
    let decoded = decode::<Vec<(i64, i64, Vec<i64>)>>(json.as_bytes(), Mode::Salvage).unwrap();
    assert_eq!(decoded.value, [(1, 2, vec![3])]);
    assert_eq!(decoded.mismatches.len(), 50);
    let json = format!("[[1,2,[{}]]]", ["3", "\"x\""].repeat(50).join(","));
    let decoded = decode::<Vec<(i64, i64, Vec<i64>)>>(json.as_bytes(), Mode::Salvage).unwrap();
    assert_eq!(decoded.value, [(1, 2, vec![3; 50])]);
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
    let Page::MembershipList(page) = &decoded.value else {
        panic!("{:?}", decoded.value);
    };
    assert_eq!(page.data.as_ref().unwrap()[0].id, Some(MembershipId(5)));
    assert!(decoded.has_unknown_fields);
    let unlisted = altegio::wire::unknown_fields::<Page>(body);
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

/// Mutates random bytes of a body: decoding does not panic, both passes agree on the
/// result, and the result can be encoded and decoded again without change.
#[test]
fn broken_bodies_are_read_the_same_by_both_passes() {
    use altegio::b2b_v1::types;
    fn check<T: DeserializeOwned + serde::Serialize>(body: &[u8]) -> bool {
        let shown = String::from_utf8_lossy(body);
        let salvaged = decode::<T>(body, Mode::Salvage);
        if let Ok(strict) = decode::<T>(body, Mode::Strict) {
            let salvaged = salvaged.as_ref().expect("what is read strictly is read");
            assert!(
                strict.mismatches.is_empty() && salvaged.mismatches.is_empty(),
                "{shown}"
            );
        }
        let Ok(first) = salvaged else { return false };
        let unknown = unknown_fields::<T>(body);
        assert_eq!(first.has_unknown_fields, !unknown.is_empty(), "{shown}");
        let written = encode(&first.value).unwrap();
        match decode::<T>(&written, Mode::Strict) {
            Ok(again) => assert_eq!(written, encode(&again.value).unwrap(), "{shown}"),
            // A required field that was set aside is encoded as a default that may be invalid.
            Err(failure) => assert!(!first.mismatches.is_empty(), "{shown}: {failure}"),
        }
        true
    }
    const BODIES: [&[u8]; 4] = [
        br#"{"success":true,"data":[{"id":1,"services":[{"id":3,"cost":1500.5}],"staff":{"id":9,"rating":4.5},"client":{"id":7,"phone":"15550100"},"datetime":"2026-03-01T12:00:00-05:00","online":false},{"id":2}],"meta":{"total_count":2}}"#,
        br#"{"success":true,"data":[{"id":5,"number":"A-17"},{"id":6,"number":7}],"meta":[]}"#,
        br#"[{"success":true,"data":[{"id":5,"x":{"y":[1]}}]},{"a":1.5,"b":[1,"2",null,{}]}]"#,
        b"<br />Notice [0]\n{\"success\":true,\"data\":[],\"meta\":{\"message\":\"caf\xe9\"}}",
    ];
    const TOKENS: [&[u8]; 22] = [
        b"null",
        b"true",
        b"0",
        b"-1",
        b"1.5",
        b"4503599627370497.25",
        b"1e-400",
        b"0.0",
        b"\"\"",
        b"\"x\"",
        b"123456789012345678901234567890",
        b"[]",
        b"{}",
        b"[1]",
        b"{\"a\":1}",
        b",",
        b"\"",
        b"\\",
        b"\xff",
        b"\\ud800",
        b"\"id\":1,",
        b"1772384400",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut read = 0;
    for _ in 0..10_000 {
        let mut body = BODIES[random(BODIES.len())].to_vec();
        for _ in 0..1 + random(3) {
            let at = random(body.len() + 1);
            let token = TOKENS[random(TOKENS.len())].iter().copied();
            match random(4) {
                0 => drop(body.splice(at..at, token)),
                1 => {
                    let ends = |byte: &u8| b",:[]{}".contains(byte);
                    let from = body[..at].iter().rposition(ends).map_or(0, |from| from + 1);
                    let to = body[at..]
                        .iter()
                        .position(ends)
                        .map_or(body.len(), |to| at + to);
                    drop(body.splice(from..to, token));
                }
                2 => {
                    let to = (at + random(6)).min(body.len());
                    body.drain(at..to);
                }
                _ => {
                    if let Some(byte) = body.get_mut(at) {
                        *byte = random(256) as u8;
                    }
                }
            }
        }
        read += usize::from(match random(4) {
            0 => check::<Envelope<Vec<types::Appointment>, types::PageAndTotalCountMeta>>(&body),
            1 => check::<types::MembershipList>(&body),
            2 => check::<types::ErrorBody>(&body),
            _ => check::<serde_json::Value>(&body),
        });
    }
    assert!(read > 1_000, "{read}");
}
