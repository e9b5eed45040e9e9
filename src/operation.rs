//! What the document says of each operation, as data.

use reqwest::Method;

/// One operation of the document. Every document has its own under
/// `operations`, such as [`b2b_v1::operations`](crate::b2b_v1::operations).
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// What a request is made and sent by.
    pub route: Route,
    /// The first tag.
    pub tag: &'static str,
    /// The media type of the request's body, if it has one.
    pub request_media_type: Option<&'static str>,
    /// The documented statuses of responses.
    pub statuses: &'static [u16],
    /// The query parameters whose lists are sent as one value, joined with commas.
    pub joined: &'static [&'static str],
    /// Whether the vendor deprecates it.
    pub deprecated: bool,
    /// How its list is split into pages, if it is.
    pub paging: Option<Paging>,
}

/// Of an operation, what a request is made and sent by.
///
/// ```
/// # #[cfg(feature = "clients")] {
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
    /// The path with its parameters in braces.
    pub path: &'static str,
    /// The tokens that it asks for.
    pub security: Security,
    /// Whether two requests have the same effect as one, so that a request
    /// may be repeated when it is not known whether the server has acted on
    /// it: the document's `x-idempotent`, or else what HTTP says of the method.
    pub idempotent: bool,
}

/// The arguments that name a page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Paging {
    /// Query parameters: the page's number, from 1, and how many items it holds.
    Query {
        /// The number's name.
        page: &'static str,
        /// The page size's name, if it can be chosen.
        size: Option<&'static str>,
    },
    /// The same as fields of the body.
    Body {
        /// The number's name.
        page: &'static str,
        /// The page size's name, if it can be chosen.
        size: Option<&'static str>,
    },
    /// Fields of the body: the first and the last day of the page. The
    /// response names those of the next page.
    Dates {
        /// The first day's name.
        from: &'static str,
        /// The last day's name.
        to: &'static str,
    },
}

/// The tokens that an operation asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// No scheme is named. The partner token is sent if the client has one:
    /// `POST /auth` names no scheme but documents the header.
    None,
    /// `Authorization: Bearer {PartnerToken}`
    Partner,
    /// `Authorization: Bearer {PartnerToken}, User {UserToken}`
    PartnerAndUser,
}
