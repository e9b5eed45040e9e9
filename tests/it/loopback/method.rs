//! A typed call for each HTTP method, for tests that treat the methods differently.

use altegio::ids::{ClientId, CustomFieldId, EventScheduleId, LocationId};
use altegio::{Client, Error, b2b_v1};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Put,
    Delete,
    Post,
    Patch,
}

impl Method {
    pub const ALL: [Self; 5] = [Self::Get, Self::Put, Self::Delete, Self::Post, Self::Patch];

    /// Whether sending the request twice may make a change twice.
    pub fn is_unsafe(self) -> bool {
        matches!(self, Self::Post | Self::Patch)
    }

    /// Makes a call at location 1. Returns the number of attempts.
    pub async fn call(self, client: &Client) -> Result<u32, Error> {
        self.call_at(LocationId(1), &client.b2b_v1()).await
    }

    /// Makes a call at this location. Returns the number of attempts.
    pub async fn call_at(self, location: LocationId, api: &b2b_v1::Client) -> Result<u32, Error> {
        match self {
            Self::Get => {
                let call = api.get_client(location, ClientId(2));
                call.send().await.map(|response| response.attempts())
            }
            Self::Put => {
                let call = api.update_custom_field("record", location, CustomFieldId(2));
                let call = call.body_map(|body| {
                    let body = body.type_("text").code("a").title("b");
                    body.user_can_edit(true).show_in_ui(true)
                });
                call.send().await.map(|response| response.attempts())
            }
            Self::Delete => {
                let call = api.delete_custom_field("record", location, CustomFieldId(2));
                call.send().await.map(|response| response.attempts())
            }
            Self::Post => {
                let call = api.create_custom_field("record", location);
                let call = call.body_map(|body| {
                    let body = body.type_("text").code("a").title("b");
                    body.user_can_edit(true).show_in_ui(true)
                });
                call.send().await.map(|response| response.attempts())
            }
            Self::Patch => {
                let call = api.update_timetable_event_schedule(location, EventScheduleId(2));
                let call = call.body_map(|body| body);
                call.send().await.map(|response| response.attempts())
            }
        }
    }
}
