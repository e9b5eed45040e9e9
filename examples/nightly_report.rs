//! Sums up a day's appointments for each team member, from a stream of all of them.
//!
//! `cargo run --example nightly_report` uses a mock server that it starts itself.

use std::collections::BTreeMap;

use altegio::b2b_v1::types::{Appointment, CreateAppointmentClient, CreateAppointmentService};
use altegio::ids::{LocationId, TeamMemberId};
use altegio::{Client, Error};
use altegio_mock::MockServer;
use chrono::NaiveDate;

const LOCATION: LocationId = LocationId(123);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mock = MockServer::builder().state(true).start().await?;
    let client = Client::builder()
        .partner_token("partner-token")
        .user_token("user-token")
        .server(mock.url().parse()?)
        .build()?;
    let day = NaiveDate::from_ymd_opt(2026, 6, 1).ok_or("a day")?;
    for number in 0..12 {
        book(&client, day, number).await?;
    }

    let report = report(&client, day).await?;
    for (team_member, line) in &report {
        println!(
            "team member {team_member}: {} appointments, {}",
            line.appointments, line.revenue
        );
    }
    let line = |appointments, revenue| Line {
        appointments,
        revenue,
    };
    assert_eq!(report.get(&TeamMemberId(1)), Some(&line(6, 360.0)));
    assert_eq!(report.get(&TeamMemberId(2)), Some(&line(6, 420.0)));
    Ok(())
}

#[derive(Debug, Default, PartialEq)]
struct Line {
    appointments: usize,
    revenue: f64,
}

/// Reads all appointments of a day. The pages after the first are requested ahead, so
/// that the rate limit sets the pace and not the time that a response takes.
async fn report(client: &Client, day: NaiveDate) -> Result<BTreeMap<TeamMemberId, Line>, Error> {
    let mut appointments = client
        .b2b_v1()
        .get_appointment_list(LOCATION)
        .start_date(day)
        .end_date(day)
        .count(5)
        .stream();
    let mut report: BTreeMap<TeamMemberId, Line> = BTreeMap::new();
    while let Some(appointment) = appointments.next().await {
        let appointment = appointment?;
        // A value that the crate could not read is missing from the sum.
        for mismatch in appointments.mismatches() {
            eprintln!("{}: expected {}", mismatch.path, mismatch.expected);
        }
        if let Some(team_member) = appointment.staff_id {
            let line = report.entry(team_member).or_default();
            line.appointments += 1;
            line.revenue += revenue(&appointment);
        }
    }
    Ok(report)
}

fn revenue(appointment: &Appointment) -> f64 {
    let services = appointment.services.iter().flatten();
    services.filter_map(|service| service.cost).sum()
}

async fn book(
    client: &Client,
    day: NaiveDate,
    number: u32,
) -> Result<(), Box<dyn std::error::Error>> {
    let start = day.and_hms_opt(8 + number, 0, 0).ok_or("a time")?;
    let create = client
        .b2b_v1()
        .create_appointment(LOCATION)
        .body_map(|body| {
            body.staff_id(TeamMemberId(i64::from(number % 2) + 1))
                .services([CreateAppointmentService::builder()
                    .id(331)
                    .cost(10 * (number + 1))])
                .client(
                    CreateAppointmentClient::builder()
                        .name("Ada")
                        .phone("+13155550184"),
                )
                .datetime(start)
                .seance_length(3600)
        });
    create.send().await?;
    Ok(())
}
