//! Books an appointment: looks for a free time, creates the appointment, and reads it
//! back.
//!
//! `cargo run --example booking` uses a mock server that it starts itself.

use altegio::b2b_v1::types::{CreateAppointmentClient, CreateAppointmentService};
use altegio::ids::{LocationId, TeamMemberId};
use altegio::{Client, ErrorKind};
use altegio_mock::MockServer;
use chrono::NaiveDate;

const LOCATION: LocationId = LocationId(123);
const TEAM_MEMBER: TeamMemberId = TeamMemberId(7);
const HAIRCUT: i64 = 331;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mock = MockServer::builder().state(true).start().await?;
    let client = Client::builder()
        .partner_token("partner-token")
        .user_token("user-token")
        .server(mock.url().parse()?)
        .build()?;
    let api = client.b2b_v1();

    let day = NaiveDate::from_ymd_opt(2026, 6, 1).ok_or("a day")?;
    let times = api.get_appointment_calendar_sessions(LOCATION, TEAM_MEMBER, day);
    let times = times.send().await?.into_data()?;
    println!("{} times on {day}", times.len());
    assert!(!times.is_empty());

    // `seance_length` is in seconds.
    let start = day.and_hms_opt(12, 0, 0).ok_or("a time")?;
    let created = api
        .create_appointment(LOCATION)
        .body_map(|body| {
            body.staff_id(TEAM_MEMBER)
                .services([CreateAppointmentService::builder().id(HAIRCUT).cost(40)])
                .client(
                    CreateAppointmentClient::builder()
                        .name("Ada")
                        .phone("+13155550184"),
                )
                .datetime(start)
                .seance_length(3600)
                .comment("Booked by the example")
        })
        .send()
        .await?
        .into_data()?;
    // One appointment is created for each service.
    let appointment = created.first().ok_or("no appointment was created")?;
    let id = appointment.id.ok_or("the appointment has no id")?;

    let found = api
        .get_appointment(LOCATION, id)
        .send()
        .await?
        .into_data()?;
    println!(
        "appointment {id}: {:?}, {:?} s",
        found.datetime, found.seance_length
    );
    assert_eq!(found.seance_length, Some(3600));
    assert_eq!(found.staff_id, Some(TEAM_MEMBER));
    assert_eq!(found.datetime.map(|time| time.naive_local()), Some(start));
    assert_eq!(found.comment.as_deref(), Some("Booked by the example"));

    // What belongs together is checked before anything is sent.
    let incomplete = api
        .create_appointment(LOCATION)
        .body_map(|body| body.staff_id(TEAM_MEMBER));
    let error = incomplete
        .send()
        .await
        .err()
        .ok_or("an incomplete body was sent")?;
    println!("{error}");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Argument, 0));
    Ok(())
}
