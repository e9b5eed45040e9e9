//! Verifies what Altegio's marketplace sends to an application: the user data of a
//! redirect, and the callbacks about an installation.
//!
//! Everything here is compared in constant time, and no error or `Debug` text shows
//! the partner token or personal data.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::webhooks::equal;
use crate::wire::{self, Decoded, Failure, Mode};

/// The error that a message does not come from Altegio, or cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature, or the partner token in a callback, is not the expected one.
    #[error(
        "the signature or token does not match: the message is not from Altegio, or the partner token is not the application's"
    )]
    Mismatch,
    /// The partner token is empty, so that anyone could make a valid signature.
    #[error("the partner token is empty")]
    EmptyToken,
    /// The message is not encoded as Altegio encodes it.
    #[error("the message is malformed: {0}")]
    Malformed(&'static str),
}

/// The verified user data of a redirect to the application.
///
/// `Debug` does not show the data, which is personal.
#[derive(Clone)]
pub struct UserData(Vec<u8>);

impl UserData {
    /// Returns the JSON that was signed.
    pub fn json(&self) -> &[u8] {
        &self.0
    }

    /// Decodes the data into `T`, as leniently as a response is decoded.
    ///
    /// # Errors
    ///
    /// Returns an error if `T` cannot be decoded even so.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<Decoded<T>, Failure> {
        wire::decode(&self.0, Mode::Salvage)
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UserData").finish_non_exhaustive()
    }
}

/// Verifies the parameters `user_data` and `user_data_sign` of a redirect to the
/// application, and returns the user data.
///
/// `user_data` is base64, and `user_data_sign` is the hexadecimal HMAC-SHA256 of the
/// decoded bytes with the partner token as the key. The signature does not cover the
/// parameter `salon_id`, and it does not expire: check that the user may act for
/// that location before you link the two.
///
/// ```
/// use altegio::marketplace::{sign_user_data, verify_user_data};
///
/// let user_data = "eyJpZCI6IDEyM30=";
/// let sign = sign_user_data(user_data, "partner-token")?;
/// let verified = verify_user_data(user_data, &sign, "partner-token")?;
/// assert_eq!(verified.json(), br#"{"id": 123}"#);
/// assert!(verify_user_data(user_data, &sign, "another token").is_err());
/// # Ok::<(), altegio::marketplace::VerifyError>(())
/// ```
///
/// # Errors
///
/// Returns an error if the signature does not match, if `user_data` is not base64 or
/// `sign` not hexadecimal, or if the partner token is empty.
pub fn verify_user_data(
    user_data: &str,
    sign: &str,
    partner_token: &str,
) -> Result<UserData, VerifyError> {
    let (mac, data) = user_data_mac(user_data, partner_token)?;
    let sign = hex::decode(sign)
        .map_err(|_| VerifyError::Malformed("the signature is not hexadecimal"))?;
    mac.verify_slice(&sign).map_err(|_| VerifyError::Mismatch)?;
    Ok(UserData(data))
}

/// Returns the signature that Altegio would send with `user_data`, for tests of an
/// application.
///
/// # Errors
///
/// Returns an error if `user_data` is not base64 or the partner token is empty.
pub fn sign_user_data(user_data: &str, partner_token: &str) -> Result<String, VerifyError> {
    let (mac, _) = user_data_mac(user_data, partner_token)?;
    Ok(hex::encode(mac.finalize().into_bytes()))
}

fn user_data_mac(user_data: &str, key: &str) -> Result<(Hmac<Sha256>, Vec<u8>), VerifyError> {
    if key.is_empty() {
        return Err(VerifyError::EmptyToken);
    }
    let data = STANDARD.decode(user_data);
    let data = data.map_err(|_| VerifyError::Malformed("the user data is not base64"))?;
    // HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .map_err(|_| VerifyError::Malformed("the partner token cannot be a key"))?;
    mac.update(&data);
    Ok((mac, data))
}

/// Verifies the parameter `hash` of a chat that is shown in a frame:
/// the hexadecimal SHA-1 of the location's id followed by the partner token.
///
/// # Errors
///
/// Returns an error if the hash does not match or the partner token is empty.
pub fn verify_chat_hash(
    location_id: i64,
    hash: &str,
    partner_token: &str,
) -> Result<(), VerifyError> {
    if partner_token.is_empty() {
        return Err(VerifyError::EmptyToken);
    }
    let expected = chat_hash(location_id, partner_token);
    match equal(hash.to_ascii_lowercase().as_bytes(), expected.as_bytes()) {
        true => Ok(()),
        false => Err(VerifyError::Mismatch),
    }
}

/// Returns the hash that Altegio would send with a chat frame, for tests of an
/// application.
pub fn chat_hash(location_id: i64, partner_token: &str) -> String {
    hex::encode(Sha1::digest(format!("{location_id}{partner_token}")))
}

/// A change of an application's installation at a location.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Callback {
    /// The location; `salon_id` in the payload.
    pub location_id: i64,
    /// The application.
    pub application_id: i64,
    /// What happened.
    pub event: CallbackEvent,
}

/// What happened to an application's installation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackEvent {
    /// `uninstall`: the application was disconnected from the location.
    Uninstall,
    /// `freeze`: the integration was paused because its paid period ended.
    Freeze,
    /// `payment`: the location has paid for the application.
    Payment,
    /// A value that Altegio does not document.
    Other(Box<str>),
}

/// Verifies and reads the body of a callback about an application's installation. The
/// only proof of its origin is the partner token that it holds.
///
/// ```
/// use altegio::marketplace::{CallbackEvent, verify_callback};
///
/// let body = br#"{"salon_id": 4564, "application_id": 7, "event": "freeze",
///     "partner_token": "partner-token"}"#;
/// let callback = verify_callback(body, "partner-token")?;
/// assert_eq!(callback.event, CallbackEvent::Freeze);
/// # Ok::<(), altegio::marketplace::VerifyError>(())
/// ```
///
/// # Errors
///
/// Returns an error if the body lacks a field, if its token is not `partner_token`, or
/// if `partner_token` is empty.
pub fn verify_callback(body: &[u8], partner_token: &str) -> Result<Callback, VerifyError> {
    #[derive(Deserialize)]
    struct Payload {
        salon_id: Option<i64>,
        application_id: Option<i64>,
        event: Option<String>,
        partner_token: Option<String>,
    }
    if partner_token.is_empty() {
        return Err(VerifyError::EmptyToken);
    }
    let payload = wire::decode::<Payload>(body, Mode::Salvage)
        .map_err(|_| VerifyError::Malformed("the body is not a JSON object"))?
        .value;
    let token = payload.partner_token.unwrap_or_default();
    if !equal(token.as_bytes(), partner_token.as_bytes()) {
        return Err(VerifyError::Mismatch);
    }
    let event = payload.event;
    Ok(Callback {
        location_id: payload
            .salon_id
            .ok_or(VerifyError::Malformed("`salon_id` is missing"))?,
        application_id: payload
            .application_id
            .ok_or(VerifyError::Malformed("`application_id` is missing"))?,
        event: match event
            .as_deref()
            .ok_or(VerifyError::Malformed("`event` is missing"))?
        {
            "uninstall" => CallbackEvent::Uninstall,
            "freeze" => CallbackEvent::Freeze,
            "payment" => CallbackEvent::Payment,
            other => CallbackEvent::Other(other.into()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_data_is_accepted_only_with_its_signature() {
        // The key, data and digest of test case 2 of RFC 4231.
        let data = STANDARD.encode("what do ya want for nothing?");
        let sign = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let verified = verify_user_data(&data, sign, "Jefe").unwrap();
        assert_eq!(verified.json(), b"what do ya want for nothing?");
        assert_eq!(sign_user_data(&data, "Jefe").unwrap(), sign);
        assert!(verify_user_data(&data, &sign.to_uppercase(), "Jefe").is_ok());

        let other = STANDARD.encode("what do ya want for nothing!");
        let refused = |result: Result<UserData, VerifyError>| result.map(|_| ()).unwrap_err();
        assert_eq!(
            refused(verify_user_data(&other, sign, "Jefe")),
            VerifyError::Mismatch
        );
        assert_eq!(
            refused(verify_user_data(&data, sign, "jefe")),
            VerifyError::Mismatch
        );
        assert_eq!(
            refused(verify_user_data(&data, &sign[..32], "Jefe")),
            VerifyError::Mismatch
        );
        assert_eq!(
            refused(verify_user_data(&data, sign, "")),
            VerifyError::EmptyToken
        );
        assert!(matches!(
            refused(verify_user_data(&data, "xy", "Jefe")),
            VerifyError::Malformed(_)
        ));
        assert!(matches!(
            refused(verify_user_data("%", sign, "Jefe")),
            VerifyError::Malformed(_)
        ));
    }

    #[test]
    fn a_chat_hash_is_of_the_location_and_the_token() {
        // sha1("123abc")
        let hash = "4be30d9814c6d4e9800e0d2ea9ec9fb00efa887b";
        assert_eq!(chat_hash(123, "abc"), hash);
        assert_eq!(verify_chat_hash(123, hash, "abc"), Ok(()));
        assert_eq!(
            verify_chat_hash(124, hash, "abc"),
            Err(VerifyError::Mismatch)
        );
        assert_eq!(
            verify_chat_hash(123, &chat_hash(123, ""), ""),
            Err(VerifyError::EmptyToken)
        );
    }

    #[test]
    fn a_callback_needs_the_partner_token() {
        let body = |token: &str| {
            format!(
                r#"{{"salon_id":"1","application_id":2,"event":"sold","partner_token":"{token}"}}"#
            )
        };
        let callback = verify_callback(body("abc").as_bytes(), "abc").unwrap();
        assert_eq!((callback.location_id, callback.application_id), (1, 2));
        assert_eq!(callback.event, CallbackEvent::Other("sold".into()));
        let refused =
            |body: &str, token: &str| verify_callback(body.as_bytes(), token).unwrap_err();
        assert_eq!(refused(&body("abd"), "abc"), VerifyError::Mismatch);
        assert_eq!(refused(&body(""), ""), VerifyError::EmptyToken);
        assert_eq!(refused("{}", "abc"), VerifyError::Mismatch);
        assert!(matches!(
            refused(r#"{"partner_token":"abc"}"#, "abc"),
            VerifyError::Malformed(_)
        ));
        assert!(matches!(
            refused("[]", "abc"),
            VerifyError::Malformed(_) | VerifyError::Mismatch
        ));
    }
}
