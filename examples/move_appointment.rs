//! Moves an appointment to another day: reads it, changes the time, writes all of it
//! back, and reads it again.
//!
//! Altegio's PUT replaces the appointment: a field that is left out is reset. So the
//! program sends back what it has read.
//!
//! `cargo run --example move_appointment` uses a mock server that it starts itself.

use altegio::b2b_v1::types::{Appointment, CreateAppointmentClient, CreateAppointmentService};
use altegio::ids::{AppointmentId, LocationId, TeamMemberId};
use altegio::{Client, DateTime};
use altegio_mock::MockServer;
use chrono::TimeDelta;

const LOCATION: LocationId = LocationId(123);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mock = MockServer::builder().state(true).start().await?;
    let client = Client::builder()
        .partner_token("partner-token")
        .user_token("user-token")
        .server(mock.url().parse()?)
        .build()?;
    let id = book(&client).await?;
    let before = read(&client, id).await?;
    move_by(&client, id, TimeDelta::days(7)).await?;
    let after = read(&client, id).await?;
    println!("moved from {:?} to {:?}", before.datetime, after.datetime);

    let moved = before
        .datetime
        .and_then(|time| time.checked_add(TimeDelta::days(7)));
    assert_eq!(after.datetime, moved);
    // Nothing else has changed.
    assert_eq!(after.staff_id, before.staff_id);
    assert_eq!(after.seance_length, before.seance_length);
    assert_eq!(after.comment, before.comment);
    assert_eq!(after.services, before.services);
    Ok(())
}

/// Moves the appointment by this duration.
async fn move_by(
    client: &Client,
    id: AppointmentId,
    duration: TimeDelta,
) -> Result<(), Box<dyn std::error::Error>> {
    let appointment = read(client, id).await?;
    let time = appointment.datetime.ok_or("the appointment has no time")?;
    let time = time
        .checked_add(duration)
        .ok_or("the time is too far away")?;
    let services = appointment
        .services
        .unwrap_or_default()
        .into_iter()
        .map(|service| {
            CreateAppointmentService::builder()
                .id(service.id.map(|id| id.0))
                .first_cost(service.first_cost)
                .discount(service.discount)
                .cost(service.cost)
        });
    let services: Vec<_> = services.collect();
    let customer = appointment.client.map(|customer| {
        CreateAppointmentClient::builder()
            .name(customer.name)
            .phone(customer.phone)
            .email(customer.email)
    });
    let update = client
        .b2b_v1()
        .update_appointment(LOCATION, id)
        .body_map(|body| {
            body.staff_id(appointment.staff_id)
                .services(services)
                .client(customer)
                .datetime(time)
                .seance_length(appointment.seance_length)
                .attendance(appointment.attendance)
                .comment(appointment.comment)
                .custom_color(appointment.custom_color)
                .api_id(appointment.api_id)
        });
    update.send().await?;
    Ok(())
}

async fn read(client: &Client, id: AppointmentId) -> Result<Appointment, altegio::Error> {
    client
        .b2b_v1()
        .get_appointment(LOCATION, id)
        .send()
        .await?
        .into_data()
}

/// Creates the appointment that is moved.
async fn book(client: &Client) -> Result<AppointmentId, Box<dyn std::error::Error>> {
    let time: DateTime = "2026-06-01T12:00:00-0400".parse()?;
    let created = client
        .b2b_v1()
        .create_appointment(LOCATION)
        .body_map(|body| {
            body.staff_id(TeamMemberId(7))
                .services([CreateAppointmentService::builder().id(331).cost(40)])
                .client(
                    CreateAppointmentClient::builder()
                        .name("Ada")
                        .phone("+13155550184"),
                )
                .datetime(time)
                .seance_length(3600)
                .comment("Prefers mornings")
        })
        .send()
        .await?
        .into_data()?;
    let id = created.first().and_then(|appointment| appointment.id);
    Ok(id.ok_or("the appointment has no id")?)
}
