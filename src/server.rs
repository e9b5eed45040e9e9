//! Selection of the server: production, a mock server, or a custom address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

use crate::error::Error;

/// The server that a client sends its requests to.
///
/// ```
/// use altegio::{Client, Server};
///
/// let client = Client::builder().server(Server::Local).build()?;
/// assert_eq!(client.b2b_v1().url().unwrap().as_str(), "http://127.0.0.1:4010/");
/// assert_eq!("production".parse::<Server>()?, Server::Production);
/// let own: Server = "http://127.0.0.1:4011/api/v1".parse()?;
/// assert_eq!(own.to_string(), "http://127.0.0.1:4011/api/v1");
/// # Ok::<(), altegio::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Server {
    /// Altegio's API, at the address in the vendor's document:
    /// `https://api.alteg.io/api/v1` for B2B V1.
    #[default]
    Production,
    /// altegio-mock on this machine, at its default address, `http://127.0.0.1:4010`.
    Local,
    /// The mock server that the vendor hosts. It is on the internet and receives the
    /// client's tokens and everything that is sent, so use it without real ones. For
    /// tests on this machine, use [`Local`](Self::Local).
    Mock,
    /// A custom address; the paths of operations are appended to its path.
    Custom(Url),
}

/// The address of altegio-mock if no other port is set.
const LOCAL: &str = "http://127.0.0.1:4010";

/// The addresses of a document's operations, from the document. Created by generated
/// code.
#[derive(Debug)]
pub(crate) struct Servers {
    pub production: &'static str,
    pub mock: Option<&'static str>,
}

impl Server {
    /// Returns the base URL of a document's operations, to which their paths are
    /// appended; `None` if the document has no such server.
    pub(crate) fn base(&self, servers: &Servers) -> Option<Url> {
        let address = match self {
            Self::Production => servers.production,
            Self::Local => LOCAL,
            Self::Mock => servers.mock?,
            Self::Custom(url) => return Some(url.clone()),
        };
        Url::parse(address).ok()
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

/// Formats the server as [`FromStr`] reads it. Of an address, the parts that may be
/// secret are left out: user name, password, query and fragment.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self {
            Self::Production => return f.write_str("production"),
            Self::Local => return f.write_str("local"),
            Self::Mock => return f.write_str("mock"),
            Self::Custom(url) => url,
        };
        let host = url.host_str().unwrap_or_default();
        write!(f, "{}://{host}", url.scheme())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(url.path())
    }
}

/// Shows an address as [`Display`](fmt::Display) does.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Production => f.write_str("Production"),
            Self::Local => f.write_str("Local"),
            Self::Mock => f.write_str("Mock"),
            Self::Custom(_) => f
                .debug_tuple("Custom")
                .field(&format_args!("{self}"))
                .finish(),
        }
    }
}

impl FromStr for Server {
    type Err = Error;

    /// Parses `production`, `local`, `mock` or a URL.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "production" => Ok(Self::Production),
            "local" => Ok(Self::Local),
            "mock" => Ok(Self::Mock),
            text => match Url::parse(text) {
                Ok(url) => Ok(Self::Custom(url)),
                Err(error) => Err(Error::config(format!(
                    "server: expected `production`, `local`, `mock` or a URL with scheme ({error})"
                ))),
            },
        }
    }
}
