//! Reads the events that Altegio sends to an integration's URL.
//!
//! Altegio posts an event as JSON when an entity of a location is created,
//! updated or deleted. It waits at most 10 seconds for a response and tries
//! twice more after a transport error, 429 or 5xx. Delivery is therefore at least
//! once and unordered, and up to four events arrive for one change. A receiver
//! should
//!
//! 1. check the request with [`verify_bearer`], since events are not signed,
//! 2. read the body with [`parse`],
//! 3. store the events and respond with a 2xx status at once,
//! 4. work them off later, skipping those whose
//!    [`idempotency_key`](Event::idempotency_key) it has seen.
//!
//! ```
//! use altegio::webhooks::{self, Resource, Status};
//!
//! let body = br#"{"company_id": 4564, "resource": "client", "resource_id": 77,
//!     "status": "update", "data": {"id": 77, "phone": 13155550177,
//!     "last_change_date": "2026-03-01T09:37:44+0400"}}"#;
//!
//! #[derive(serde::Deserialize)]
//! struct Client {
//!     id: i64,
//!     phone: String,
//! }
//!
//! for event in webhooks::parse(body)? {
//!     assert_eq!(event.resource, Resource::Client);
//!     assert_eq!(event.status, Status::Update);
//!     // Decodes as leniently as a response: the phone number arrived as a number.
//!     let client: Client = event.data_as()?.value;
//!     assert_eq!((client.id, client.phone.as_str()), (77, "13155550177"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::wire::{self, Decoded, Failure, Mode};

/// A change of an entity of a location.
///
/// `Debug` does not show the data, which is usually personal.
#[derive(Clone)]
#[non_exhaustive]
pub struct Event {
    /// The location in which the change happened; `company_id` in the payload.
    pub location_id: i64,
    /// The kind of entity that changed.
    pub resource: Resource,
    /// The id of the entity. For [`Resource::Schedule`], the id of the team member.
    pub resource_id: i64,
    /// What happened to the entity.
    pub status: Status,
    data: Box<RawValue>,
    payload: Box<RawValue>,
}

impl Event {
    /// Returns the entity as JSON, exactly as received. It is `[]` for
    /// [`Resource::Schedule`], and `null` if the payload has no `data`.
    pub fn data(&self) -> &str {
        self.data.get()
    }

    /// Decodes the entity into `T`, as leniently as a response is decoded: a value
    /// that does not fit is set aside in [`Decoded::mismatches`].
    ///
    /// # Errors
    ///
    /// Returns an error if `T` cannot be decoded even so.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<Decoded<T>, Failure> {
        wire::decode(self.data.get().as_bytes(), Mode::Salvage)
    }

    /// Returns the whole payload of the event, exactly as received.
    pub fn payload(&self) -> &str {
        self.payload.get()
    }

    /// Returns a key that is equal for all deliveries of one change, or `None` if
    /// the payload does not tell one change from the next.
    ///
    /// The key holds the location, resource, id, status and the version of the
    /// data: its `last_change_date` or, if it has none, a SHA-256 digest of it.
    /// With a digest, a change that restores an earlier state looks like a repeated
    /// delivery of that state. An update without data, such as that of a schedule,
    /// has no key: treat every delivery as a change.
    ///
    /// ```
    /// # let body = br#"{"company_id": 4564, "resource": "client", "resource_id": 77,
    /// #     "status": "update", "data": {"last_change_date": "2026-03-01T09:37:44+0400"}}"#;
    /// let event = &altegio::webhooks::parse(body)?[0];
    /// assert_eq!(
    ///     event.idempotency_key().as_deref(),
    ///     Some("4564:client:77:update:2026-03-01T09:37:44+0400")
    /// );
    /// # Ok::<(), altegio::webhooks::ParseError>(())
    /// ```
    pub fn idempotency_key(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Versioned {
            last_change_date: Option<String>,
        }
        let version = match self.data.get() {
            "[]" | "{}" | "null" if self.status == Status::Update => return None,
            "[]" | "{}" | "null" => String::new(),
            data => {
                let versioned = serde_json::from_str::<Versioned>(data).ok();
                let date = versioned.and_then(|data| data.last_change_date);
                let date = date.filter(|date| !date.is_empty());
                date.unwrap_or_else(|| hex::encode(Sha256::digest(data)))
            }
        };
        let (location, id) = (self.location_id, self.resource_id);
        let (resource, status) = (self.resource.as_str(), self.status.as_str());
        Some(format!("{location}:{resource}:{id}:{status}:{version}"))
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("location_id", &self.location_id)
            .field("resource", &self.resource)
            .field("resource_id", &self.resource_id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// Defines an enum of texts that keeps a text that it does not list.
macro_rules! texts {
    (
        $(#[$attribute:meta])* $name:ident {
            $($(#[$about:meta])* $variant:ident = $text:literal $(| $also:literal)*,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant,)*
            /// A value that Altegio does not document.
            Other(Box<str>),
        }

        impl $name {
            /// Returns the value as Altegio documents it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text $(| $also)* => Self::$variant,)*
                    other => Self::Other(other.into()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

texts! {
    /// The kind of entity that an event is about.
    Resource {
        /// A location. Arrives as `salon` or, in recorded events, as `company`.
        Location = "salon" | "company",
        /// A team member. The settings call it `master`.
        TeamMember = "staff" | "master",
        /// A service.
        Service = "service",
        /// A service category.
        ServiceCategory = "service_category",
        /// A client.
        Client = "client",
        /// An appointment.
        Appointment = "record",
        /// A loyalty card.
        LoyaltyCard = "loyalty_card",
        /// The schedule of a team member. The event has no data.
        Schedule = "schedule",
        /// A product.
        Product = "good",
        /// A sale of a product.
        ProductSale = "goods_operations_sale",
        /// A receipt of a product.
        ProductReceipt = "goods_operations_receipt",
        /// A write-off of a consumable.
        ConsumableWriteOff = "goods_operations_consumable",
        /// A write-off of a product.
        ProductWriteOff = "goods_operations_stolen",
        /// A movement of a product between storages.
        ProductMove = "goods_operations_move",
        /// A financial transaction.
        FinanceTransaction = "finances_operation",
    }
}

texts! {
    /// What happened to the entity.
    Status {
        /// The entity was created.
        Create = "create",
        /// The entity was changed.
        Update = "update",
        /// The entity was deleted.
        Delete = "delete",
    }
}

/// The error that a request body holds no event.
#[derive(Debug, thiserror::Error)]
#[error("webhook event {index}: {reason}")]
pub struct ParseError {
    index: usize,
    reason: String,
}

impl ParseError {
    /// Returns the position of the event in the body, from 0.
    pub fn index(&self) -> usize {
        self.index
    }
}

/// Reads the events in a request body: one for an object, several for an array.
///
/// Fields that Altegio does not document are kept in [`Event::payload`].
///
/// # Errors
///
/// Returns an error if the body is not JSON, or if an event lacks its location,
/// resource, id or status. The error shows no value of the body.
pub fn parse(body: &[u8]) -> Result<Vec<Event>, ParseError> {
    let not_json = |error: serde_json::Error| ParseError {
        index: 0,
        // The error's own text may hold a part of the body.
        reason: format!("the body is not JSON (column {})", error.column()),
    };
    let located = wire::locate(body).map_err(not_json)?;
    let payloads: Vec<Box<RawValue>> = if located.json.trim_start().starts_with('[') {
        serde_json::from_str(&located.json).map_err(not_json)?
    } else {
        vec![serde_json::from_str(&located.json).map_err(not_json)?]
    };
    let events = payloads.into_iter().enumerate();
    events
        .map(|(index, payload)| event(index, payload))
        .collect()
}

fn event(index: usize, payload: Box<RawValue>) -> Result<Event, ParseError> {
    #[derive(Deserialize)]
    struct Head {
        company_id: Option<i64>,
        resource: Option<String>,
        resource_id: Option<i64>,
        status: Option<String>,
    }
    #[derive(Deserialize)]
    struct Data {
        data: Option<Box<RawValue>>,
    }
    let fail = |reason: String| ParseError { index, reason };
    let missing = |name: &str| fail(format!("`{name}` is missing or is not what Altegio sends"));
    let head = wire::decode::<Head>(payload.get().as_bytes(), Mode::Salvage)
        .map_err(|_| fail("expected an object".to_owned()))?
        .value;
    let data = serde_json::from_str::<Data>(payload.get())
        .map_err(|_| fail("expected an object".to_owned()))?
        .data;
    Ok(Event {
        location_id: head.company_id.ok_or_else(|| missing("company_id"))?,
        resource: Resource::from(&*head.resource.ok_or_else(|| missing("resource"))?),
        resource_id: head.resource_id.ok_or_else(|| missing("resource_id"))?,
        status: Status::from(&*head.status.ok_or_else(|| missing("status"))?),
        data: data.unwrap_or_else(|| RawValue::NULL.to_owned()),
        payload,
    })
}

/// Returns whether a request has the header `Authorization: Bearer {secret}`. Altegio
/// sends a value that it shares with the integration. The comparison takes constant
/// time. An empty secret matches no request.
///
/// ```
/// use altegio::reqwest::header::{AUTHORIZATION, HeaderMap};
/// use altegio::webhooks::verify_bearer;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(AUTHORIZATION, "Bearer shared-secret".parse()?);
/// assert!(verify_bearer(&headers, "shared-secret"));
/// assert!(!verify_bearer(&headers, "another"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify_bearer(headers: &HeaderMap, secret: &str) -> bool {
    let value = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
    let (scheme, token) = value
        .unwrap_or_default()
        .split_at_checked(7)
        .unwrap_or_default();
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer ");
    is_bearer & !secret.is_empty() & equal(token, secret.as_bytes())
}

/// Compares two texts in a time that depends on their lengths only.
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    // Digests have one length, so the time does not tell the secret's length either.
    Sha256::digest(left).ct_eq(&Sha256::digest(right)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(body: &str) -> Event {
        let mut events = parse(body.as_bytes()).unwrap();
        assert_eq!(events.len(), 1);
        events.remove(0)
    }

    #[test]
    fn unknown_resources_statuses_and_fields_are_kept() {
        let body = r#"{"company_id":"4564","resource":"robot","resource_id":7,"status":"paint","data":{"a":1},"x":2}"#;
        let event = one(body);
        assert_eq!(event.location_id, 4564);
        assert_eq!(event.resource, Resource::Other("robot".into()));
        assert_eq!(event.status.as_str(), "paint");
        assert_eq!((event.data(), event.payload()), (r#"{"a":1}"#, body));
        let shown = format!("{event:?}");
        assert!(
            !shown.contains("data") && !shown.contains("\"a\""),
            "{shown}"
        );
    }

    #[test]
    fn an_array_is_several_events_and_a_bad_one_is_named() {
        let event =
            r#"{"company_id":1,"resource":"company","resource_id":1,"status":"update","data":[]}"#;
        let events = parse(format!("[{event},{event}]").as_bytes()).unwrap();
        assert_eq!(events.len(), 2);
        assert_eq!(events[1].resource, Resource::Location);

        let error =
            parse(format!(r#"[{event},{{"company_id":1,"resource":"secret"}}]"#).as_bytes());
        let error = error.unwrap_err();
        assert_eq!(error.index(), 1);
        assert!(error.to_string().contains("`resource_id`"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(parse(b"not JSON").is_err());
        assert!(parse(b"[1]").is_err());
        assert!(parse(b"").is_err());
    }

    #[test]
    fn the_key_holds_the_version_of_the_data() {
        let key = |status: &str, data: &str| {
            one(&format!(
                r#"{{"company_id":1,"resource":"good","resource_id":2,"status":"{status}","data":{data}}}"#
            ))
            .idempotency_key()
        };
        let dated = |date: &str| key("update", &format!(r#"{{"last_change_date":"{date}"}}"#));
        assert_ne!(dated("2026-03-01"), dated("2026-03-02"));
        assert_eq!(dated("2026-03-01"), dated("2026-03-01"));
        assert_ne!(
            key("update", r#"{"cost":1}"#),
            key("update", r#"{"cost":2}"#)
        );
        assert_eq!(
            key("update", r#"{"cost":1}"#),
            key("update", r#"{"cost":1}"#)
        );
        assert_ne!(key("create", "[]"), key("delete", "[]"));
        assert_eq!(key("update", "[]"), None);
    }

    #[test]
    fn only_the_shared_secret_is_accepted() {
        let accepts = |value: &str, secret: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, value.parse().unwrap());
            verify_bearer(&headers, secret)
        };
        assert!(accepts("Bearer s3cret", "s3cret"));
        assert!(accepts("bearer s3cret", "s3cret"));
        for (value, secret) in [
            ("Bearer s3cre", "s3cret"),
            ("Bearer s3crets", "s3cret"),
            ("s3cret", "s3cret"),
            ("Basic s3cret", "s3cret"),
            ("Bearer ", ""),
        ] {
            assert!(!accepts(value, secret), "{value}");
        }
        assert!(!verify_bearer(&HeaderMap::new(), "s3cret"));
        assert!(!verify_bearer(&HeaderMap::new(), ""));
    }
}
