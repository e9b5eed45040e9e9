//! Metadata of operations, taken from the document.

use reqwest::Method;

/// The metadata of one operation. Each document lists its operations in a
/// module `operations`, such as
/// [`b2b_v1::operations`](crate::b2b_v1::operations).
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// The part that determines how a request is built and sent.
    pub route: Route,
    /// The operation's first tag in the document.
    pub tag: &'static str,
    /// The media type of the request body, if the operation has one.
    pub request_media_type: Option<&'static str>,
    /// The documented response statuses.
    pub statuses: &'static [u16],
    /// The query parameters whose lists are sent as one value, joined with
    /// commas.
    pub joined: &'static [&'static str],
    /// Whether the document marks the operation as deprecated.
    pub deprecated: bool,
    /// The arguments that select a page, if the operation's list is paged.
    pub paging: Option<Paging>,
}

/// The part of an operation that determines how a request is built and sent.
///
/// ```
/// # #[cfg(feature = "b2b-v1-clients")] {
/// use altegio::b2b_v1::operations;
///
/// let route = &operations::GET_CLIENT.route;
/// assert_eq!(route.id, "get_client");
/// assert_eq!(route.method, "GET");
/// assert_eq!(route.path, "/client/{location_id}/{id}");
/// assert!(route.idempotent);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The vendor's operation id, or `request` for a request without an operation.
    pub id: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path template, with the parameters in braces.
    pub path: &'static str,
    /// The tokens that the operation requires.
    pub security: Security,
    /// Whether sending the request twice has the same effect as sending it
    /// once, so that it may be repeated even if the server may have acted on
    /// it. Taken from the document's `x-idempotent`; without it, from HTTP's
    /// definition of the method.
    pub idempotent: bool,
}

/// The arguments that select a page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Paging {
    /// Query parameters: the page number, which starts at 1, and the page size.
    Query {
        /// The name of the page number.
        page: &'static str,
        /// The name of the page size, if the operation has one.
        size: Option<&'static str>,
    },
    /// Fields of the request body: the page number, which starts at 1, and the
    /// page size.
    Body {
        /// The name of the page number.
        page: &'static str,
        /// The name of the page size, if the operation has one.
        size: Option<&'static str>,
    },
    /// Fields of the request body: the first and the last day of the page. The
    /// response contains the days of the next page.
    Dates {
        /// The name of the field for the first day.
        from: &'static str,
        /// The name of the field for the last day.
        to: &'static str,
    },
}

/// The tokens that an operation requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Security {
    /// The document lists no security scheme. The partner token is still sent
    /// if the client has one, because `POST /auth` lists no scheme but
    /// documents the header.
    None,
    /// `Authorization: Bearer {PartnerToken}`
    Partner,
    /// `Authorization: Bearer {PartnerToken}, User {UserToken}`
    PartnerAndUser,
}
