//! The clients that make the calls: one for each value of `Prefer`.

use std::collections::BTreeMap;

use altegio::{Client, ClientBuilder, RateLimiter, Retry};
use anyhow::Result;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::calls::Preferred;

pub const PARTNER_TOKEN: &str = "partner-token-of-conformance";
pub const USER_TOKEN: &str = "user-token-of-conformance";

/// Clients of one server, made when they are first needed.
pub struct Clients {
    url: String,
    made: BTreeMap<String, Client>,
}

impl Clients {
    pub fn new(url: String) -> Self {
        Self {
            url,
            made: BTreeMap::new(),
        }
    }

    /// A client that asks for a response.
    pub fn preferring(&mut self, preferred: Preferred) -> Result<Client> {
        self.with(match preferred {
            Preferred::Success => String::new(),
            Preferred::Documented { status, dynamic } => {
                format!("code={status}, dynamic={dynamic}")
            }
            Preferred::Failure => "success=false".to_owned(),
        })
    }

    fn with(&mut self, prefer: String) -> Result<Client> {
        if let Some(client) = self.made.get(&prefer) {
            return Ok(client.clone());
        }
        let mut headers = HeaderMap::new();
        if !prefer.is_empty() {
            let value = HeaderValue::from_str(&prefer)?;
            headers.insert(HeaderName::from_static("prefer"), value);
        }
        let client = ClientBuilder::default()
            .partner_token(PARTNER_TOKEN)
            .user_token(USER_TOKEN)
            .server(self.url.parse()?)
            .retry(Retry::off())
            .rate_limiter(RateLimiter::off())
            .http_client_builder(move |http| http.default_headers(headers.clone()))
            .build()?;
        self.made.insert(prefer, client.clone());
        Ok(client)
    }
}
