//! Selection of the server: production, the vendor's mock server, or a custom
//! address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

use crate::error::Error;

/// The server that a client sends its requests to.
///
/// ```
/// use altegio::Server;
///
/// assert_eq!("production".parse::<Server>()?, Server::Production);
/// assert_eq!(Server::Mock.url().host_str(), Some("developer.alteg.io"));
/// let own: Server = "http://127.0.0.1:4010/api/v1".parse()?;
/// assert_eq!(own.url().port(), Some(4010));
/// # Ok::<(), altegio::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub enum Server {
    /// `https://api.alteg.io/api/v1`, the `servers` entry of the vendor's document.
    #[default]
    Production,
    /// The vendor's mock server, which responds with the document's examples. It
    /// is a public server that receives the client's tokens.
    Mock,
    /// A custom address; the paths of operations are appended to its path.
    Custom(Url),
}

impl Server {
    /// Returns the base URL, to which the paths of operations are appended.
    pub fn url(&self) -> Url {
        let fixed = match self {
            Self::Production => "https://api.alteg.io/api/v1",
            Self::Mock => "https://developer.alteg.io/_mock/en/b2b-v1/openapi",
            Self::Custom(url) => return url.clone(),
        };
        Url::parse(fixed).expect("both fixed URLs are valid")
    }

    /// Rejects an address that is not a valid base URL, or that would expose
    /// the tokens.
    pub(crate) fn check(&self, allow_plain_http: bool) -> Result<(), Error> {
        let Self::Custom(url) = self else {
            return Ok(());
        };
        // The texts do not show the whole address, which may contain a password.
        let refuse = |why: &str| Err(Error::config(format!("server address: {why}")));
        if !matches!(url.scheme(), "http" | "https") {
            return refuse(&format!(
                "its scheme is `{}`; use an http:// or https:// address",
                url.scheme()
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse(
                "it has a query or a fragment; set only the scheme, host, port and path",
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it has a user name or a password; set tokens on the builder instead");
        }
        if url.host_str().is_none() {
            return refuse("it has no host");
        }
        if url.scheme() == "http" && !is_loopback(url) && !allow_plain_http {
            return refuse(
                "plain http would send the tokens unencrypted to another machine; use https, or \
                 allow it with `allow_plain_http(true)`",
            );
        }
        Ok(())
    }
}

/// Returns whether the address is a loopback address.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    match address {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Shows an address without the parts that may be secret: user name, password,
/// query and fragment.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self {
            Self::Production => return f.write_str("Production"),
            Self::Mock => return f.write_str("Mock"),
            Self::Custom(url) => url,
        };
        let host = url.host_str().unwrap_or_default();
        let port = url.port().map(|port| format!(":{port}"));
        let port = port.unwrap_or_default();
        let address = format_args!("{}://{host}{port}{}", url.scheme(), url.path());
        f.debug_tuple("Custom").field(&address).finish()
    }
}

impl FromStr for Server {
    type Err = Error;

    /// Parses `production`, `mock` or a URL.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "production" => Ok(Self::Production),
            "mock" => Ok(Self::Mock),
            text => match Url::parse(text) {
                Ok(url) => Ok(Self::Custom(url)),
                Err(error) => Err(Error::config(format!(
                    "server: expected `production`, `mock` or a URL with scheme ({error})"
                ))),
            },
        }
    }
}
