//! Measures decoding a list of about 1 MB as the generated types through the wire
//! layer, as the same types through serde_json alone, as hand-written structs with
//! only the fields that the body contains, and as an untyped value.
//!
//! Also measures the salvage pass: the same list without misfits, with one, and with
//! four in each item, and lists of 10² to 10⁵ misfits.
//!
//! `cargo bench --bench decode`

use std::hint::black_box;

use altegio::Envelope;
use altegio::b2b_v1::types;
use altegio::wire::{Mode, decode, unknown_fields};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The fields of an item of get_appointment_list that the body below contains.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Appointments {
    success: Option<bool>,
    data: Option<Vec<Appointment>>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Appointment {
    id: Option<i64>,
    company_id: Option<i64>,
    staff_id: Option<i64>,
    services: Option<Vec<Service>>,
    staff: Option<Staff>,
    client: Option<AppointmentClient>,
    date: Option<String>,
    datetime: Option<String>,
    comment: Option<String>,
    online: Option<bool>,
    attendance: Option<i64>,
    confirmed: Option<i64>,
    seance_length: Option<i64>,
    length: Option<i64>,
    visit_id: Option<i64>,
    created_user_id: Option<i64>,
    deleted: Option<bool>,
    paid_full: Option<i64>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Service {
    id: Option<i64>,
    title: Option<String>,
    cost: Option<f64>,
    cost_per_unit: Option<f64>,
    first_cost: Option<f64>,
    amount: Option<f64>,
    discount: Option<f64>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Staff {
    id: Option<i64>,
    name: Option<String>,
    specialization: Option<String>,
    avatar: Option<String>,
    rating: Option<f64>,
    votes_count: Option<i64>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct AppointmentClient {
    id: Option<i64>,
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    card: Option<String>,
    success_visits_count: Option<i64>,
    fail_visits_count: Option<i64>,
}

/// The fields of an item of deprecated_get_client_list.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Clients {
    success: Option<bool>,
    data: Option<Vec<ClientItem>>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct ClientItem {
    id: Option<i64>,
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    card: Option<String>,
    birth_date: Option<chrono::NaiveDate>,
    comment: Option<String>,
    discount: Option<f64>,
    visits: Option<i64>,
    gender_id: Option<i64>,
    gender: Option<String>,
    sms_check: Option<i64>,
    spent: Option<f64>,
    balance: Option<f64>,
}

fn body(item: impl Fn(i64) -> Value) -> Vec<u8> {
    let mut items = Vec::new();
    let mut size = 0;
    while size < 1_000_000 {
        let item = item(items.len() as i64);
        size += item.to_string().len() + 1;
        items.push(item);
    }
    serde_json::to_vec(&json!({"success": true, "data": items, "meta": {"total_count": 1}}))
        .unwrap()
}

fn appointment(n: i64) -> Value {
    json!({
        "id": 1_000_000 + n, "company_id": 4564, "staff_id": 9 + n % 7,
        "services": [{"id": n, "title": "Cut and wash", "cost": 1500.5, "cost_per_unit": 1500.5,
            "first_cost": 1600, "amount": 1, "discount": 6.25}],
        "staff": {"id": 9, "name": "Employee", "specialization": "barber", "avatar": "https://example.com/a.png",
            "rating": 4.5, "votes_count": 12},
        "client": {"id": n, "name": "A client", "phone": "15550100", "email": "client@example.com",
            "card": "", "success_visits_count": 3, "fail_visits_count": 0},
        "date": "2026-03-01 12:00:00", "datetime": "2026-03-01T12:00:00-05:00", "comment": "by the window",
        "online": false, "attendance": 0, "confirmed": 1, "seance_length": 3600, "length": 3600,
        "visit_id": n, "created_user_id": 5, "deleted": false, "paid_full": 0,
    })
}

fn client(n: i64) -> Value {
    json!({
        "id": 1_000_000 + n, "name": "A client", "phone": "15550100", "email": "client@example.com",
        "card": "A-17", "birth_date": "1990-05-01", "comment": "likes tea", "discount": 2.5, "visits": 4,
        "gender_id": 1, "gender": "male", "sms_check": 1, "spent": 1234.5, "balance": -10.25,
    })
}

fn compare<Generated: DeserializeOwned, Plain: DeserializeOwned>(
    criterion: &mut Criterion,
    name: &str,
    body: &[u8],
) {
    let decoded = decode::<Generated>(body, Mode::Strict).expect("the body fits the document");
    assert!(
        !decoded.has_unknown_fields,
        "the body has fields that the document does not list"
    );
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function(BenchmarkId::from_parameter("generated"), |bencher| {
        bencher.iter(|| {
            decode::<Generated>(black_box(body), Mode::Salvage)
                .unwrap()
                .value
        });
    });
    group.bench_function(
        BenchmarkId::from_parameter("generated, serde_json alone"),
        |bencher| {
            bencher.iter(|| serde_json::from_slice::<Generated>(black_box(body)).unwrap());
        },
    );
    group.bench_function(BenchmarkId::from_parameter("plain structs"), |bencher| {
        bencher.iter(|| serde_json::from_slice::<Plain>(black_box(body)).unwrap());
    });
    group.bench_function(
        BenchmarkId::from_parameter("serde_json::Value"),
        |bencher| {
            bencher.iter(|| serde_json::from_slice::<Value>(black_box(body)).unwrap());
        },
    );
    group.finish();
}

fn decoding(criterion: &mut Criterion) {
    compare::<Envelope<Vec<types::Appointment>, types::PageAndTotalCountMeta>, Appointments>(
        criterion,
        "appointments",
        &body(appointment),
    );
    compare::<Envelope<Vec<types::Client>, types::PageAndTotalCountMeta>, Clients>(
        criterion,
        "clients",
        &body(client),
    );
}

/// An appointment with one value that does not fit its type.
fn misfit(n: i64) -> Value {
    let mut item = appointment(n);
    item["comment"] = json!(["by", "the", "window"]);
    item
}

fn four_misfits(n: i64) -> Value {
    let mut item = misfit(n);
    item["datetime"] = json!("0000-00-00T00:00:00");
    item["client"]["id"] = json!("A-17");
    item["staff"]["name"] = json!({"first": "Employee"});
    item
}

fn salvaging(criterion: &mut Criterion) {
    type Appointments = Envelope<Vec<types::Appointment>, types::PageAndTotalCountMeta>;
    let mut group = criterion.benchmark_group("salvage");
    for (name, body, misfits) in [
        ("clean", body(appointment), 0),
        ("a misfit in each item", body(misfit), 1),
        ("four misfits in each item", body(four_misfits), 4),
    ] {
        let decoded = decode::<Appointments>(&body, Mode::Salvage).unwrap();
        let items = decoded.value.data.as_ref().map_or(0, Vec::len);
        assert_eq!(decoded.mismatches.len(), misfits * items);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| decode::<Appointments>(black_box(&body), Mode::Salvage).unwrap());
        });
    }
    for number in [100, 1_000, 10_000, 100_000] {
        let body = format!("[{}]", vec!["\"x\""; number].join(","));
        group.throughput(Throughput::Elements(number as u64));
        group.bench_function(BenchmarkId::new("misfits in a list", number), |bencher| {
            bencher.iter(|| decode::<Vec<i64>>(black_box(body.as_bytes()), Mode::Salvage).unwrap());
        });
        let body = format!("[{}]", vec!["{\"new\":1}"; number].join(","));
        group.bench_function(BenchmarkId::new("unknown fields", number), |bencher| {
            bencher.iter(|| unknown_fields::<Vec<Appointments>>(black_box(body.as_bytes())));
        });
    }
    group.finish();
}

criterion_group!(benches, decoding, salvaging);
criterion_main!(benches);
