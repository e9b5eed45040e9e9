//! Partner and user tokens, the header they make, keeping them out of sight.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;
use crate::operation::{Route, Security};

/// The two tokens. `Debug` shows neither.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    pub partner: Option<SecretString>,
    pub user: Option<SecretString>,
}

/// The `Authorization` headers that the tokens make. `Debug` shows neither.
#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    tokens: Tokens,
    partner: Option<HeaderValue>,
    both: Option<HeaderValue>,
}

impl Tokens {
    /// Refuses tokens that would break the header or say nothing.
    pub fn authorization(self) -> Result<Authorization, Error> {
        for (name, token) in [("partner", &self.partner), ("user", &self.user)] {
            if let Some(token) = token {
                check_token(name, token.expose_secret())?;
            }
        }
        let partner = self.partner.as_ref().map(ExposeSecret::expose_secret);
        let user = self.user.as_ref().map(ExposeSecret::expose_secret);
        let both = partner.zip(user);
        let both = both.map(|(partner, user)| header(&format!("Bearer {partner}, User {user}")));
        let partner = partner.map(|partner| header(&format!("Bearer {partner}")));
        Ok(Authorization {
            partner: partner.transpose()?,
            both: both.transpose()?,
            tokens: self,
        })
    }
}

impl Authorization {
    /// The same partner's, with another user's token.
    pub fn with_user(&self, token: String) -> Result<Self, Error> {
        let mut tokens = self.tokens.clone();
        tokens.user = Some(token.into());
        tokens.authorization()
    }

    pub fn has_user(&self) -> bool {
        self.both.is_some()
    }

    /// The header that the operation's security asks for.
    pub fn header(&self, route: &Route) -> Result<Option<&HeaderValue>, Error> {
        let missing = |token: &str, remedy: &str| {
            Error::missing_token(route, format!("needs a {token} token; {remedy}"))
        };
        match (route.security, &self.partner, &self.both) {
            (Security::None, partner, _) => Ok(partner.as_ref()),
            (Security::Partner, Some(header), _) => Ok(Some(header)),
            (Security::PartnerAndUser, _, Some(header)) => Ok(Some(header)),
            (_, None, _) => Err(missing(
                "partner",
                "set `ALTEGIO_PARTNER_TOKEN` or call `Client::builder().partner_token(…)`",
            )),
            (Security::PartnerAndUser, Some(_), None) => Err(missing(
                "user",
                "call `client.login(…)`, set `ALTEGIO_USER_TOKEN` or call \
                 `Client::builder().user_token(…)`",
            )),
        }
    }
}

fn header(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Error::config("a token has a character that no header can hold"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn check_token(name: &str, token: &str) -> Result<(), Error> {
    let why = if token.is_empty() {
        "it is empty"
    } else if token.contains(['\r', '\n']) {
        "it has a line break (trim what was read from a file)"
    } else if token.chars().any(char::is_control) {
        "it has a control character"
    } else if !token.is_ascii() {
        "it has a character outside ASCII"
    } else if token.contains(',') {
        "it has a comma, which separates the two tokens in the header"
    } else if token.contains(' ') {
        "it has a space, which no header token can hold"
    } else {
        return Ok(());
    };
    Err(Error::config(format!("{name} token: {why}")))
}
