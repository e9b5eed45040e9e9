//! Partner and user tokens, and the `Authorization` header built from them. No
//! `Debug` or error text shows a token.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;
use crate::operation::{Route, Security};

/// The two tokens as passed to the builder, not yet validated. `Debug` shows
/// neither.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    pub partner: Option<SecretString>,
    pub user: Option<SecretString>,
}

/// Validated tokens and the headers built from them. The API accepts a user
/// token only together with a partner token, so there is no variant with a user
/// token alone. `Debug` shows neither token.
#[derive(Clone, Debug)]
pub(crate) enum Authorization {
    None,
    Partner(Partner),
    Both {
        partner: Partner,
        user: SecretString,
        header: HeaderValue,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Partner {
    token: SecretString,
    header: HeaderValue,
}

impl Tokens {
    /// Validates the tokens. Rejects tokens that cannot be part of the header,
    /// and a user token without a partner token.
    pub fn authorization(self) -> Result<Authorization, Error> {
        let check = |name: &str, token: &Option<SecretString>| match token {
            Some(token) => check_token(name, token.expose_secret()),
            None => Ok(()),
        };
        check("partner", &self.partner)?;
        check("user", &self.user)?;
        match (self.partner, self.user) {
            (None, None) => Ok(Authorization::None),
            (None, Some(_)) => Err(Error::config(
                "a user token requires a partner token; set \
                 `ALTEGIO_PARTNER_TOKEN` or call `Client::builder().partner_token(…)`",
            )),
            (Some(partner), None) => Ok(Authorization::Partner(Partner::new(partner)?)),
            (Some(partner), Some(user)) => {
                let (first, second) = (partner.expose_secret(), user.expose_secret());
                Ok(Authorization::Both {
                    header: header(&format!("Bearer {first}, User {second}"))?,
                    partner: Partner::new(partner)?,
                    user,
                })
            }
        }
    }
}

impl Partner {
    fn new(token: SecretString) -> Result<Self, Error> {
        let header = header(&format!("Bearer {}", token.expose_secret()))?;
        Ok(Self { token, header })
    }
}

impl Authorization {
    /// Returns the same partner token together with another user token.
    pub fn with_user(&self, token: String) -> Result<Self, Error> {
        let tokens = Tokens {
            partner: self.partner().map(|partner| partner.token.clone()),
            user: Some(token.into()),
        };
        tokens.authorization()
    }

    pub fn has_user(&self) -> bool {
        matches!(self, Self::Both { .. })
    }

    fn partner(&self) -> Option<&Partner> {
        match self {
            Self::None => None,
            Self::Partner(partner) | Self::Both { partner, .. } => Some(partner),
        }
    }

    /// Returns the tokens, so that they can be removed from the server's error
    /// messages.
    pub fn secrets(&self) -> Vec<&str> {
        let user = match self {
            Self::Both { user, .. } => Some(user),
            Self::None | Self::Partner(_) => None,
        };
        let partner = self.partner().map(|partner| &partner.token);
        let tokens = partner.into_iter().chain(user);
        tokens.map(|token| token.expose_secret()).collect()
    }

    /// Returns the header that the operation's security requires.
    pub fn header(&self, route: &Route) -> Result<Option<&HeaderValue>, Error> {
        let missing = |token: &str, remedy: &str| {
            Error::missing_token(route, format!("needs a {token} token; {remedy}"))
        };
        match (route.security, self) {
            (Security::None, _) => Ok(self.partner().map(|partner| &partner.header)),
            (Security::Partner, Self::Partner(partner) | Self::Both { partner, .. }) => {
                Ok(Some(&partner.header))
            }
            (Security::PartnerAndUser, Self::Both { header, .. }) => Ok(Some(header)),
            (Security::Partner | Security::PartnerAndUser, Self::None) => Err(missing(
                "partner",
                "set `ALTEGIO_PARTNER_TOKEN` or call `Client::builder().partner_token(…)`",
            )),
            (Security::PartnerAndUser, Self::Partner(_)) => Err(missing(
                "user",
                "call `client.login(…)`, set `ALTEGIO_USER_TOKEN` or call \
                 `Client::builder().user_token(…)`",
            )),
        }
    }
}

fn header(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Error::config("a token contains a character that is not allowed in a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn check_token(name: &str, token: &str) -> Result<(), Error> {
    let why = if token.is_empty() {
        "it is empty"
    } else if token.contains(['\r', '\n']) {
        "it contains a line break (trim a token that was read from a file)"
    } else if token.chars().any(char::is_control) {
        "it contains a control character"
    } else if !token.is_ascii() {
        "it contains a character outside ASCII"
    } else if token.contains(',') {
        "it contains a comma, which separates the two tokens in the header"
    } else if token.contains(' ') {
        "it contains a space, which is not allowed in a token"
    } else {
        return Ok(());
    };
    Err(Error::config(format!("{name} token: {why}")))
}
