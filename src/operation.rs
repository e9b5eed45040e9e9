//! What the document says of each operation, as data.

/// One operation of the document.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// The vendor's operation id.
    pub id: &'static str,
    /// The first tag.
    pub tag: &'static str,
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// The path with its parameters in braces.
    pub path: &'static str,
    /// The tokens that its `security` asks for.
    pub security: Security,
    /// The media type of the request's body, where it has one.
    pub request: Option<&'static str>,
    /// The documented statuses.
    pub statuses: &'static [u16],
    /// Query parameters whose lists are joined with commas.
    pub joined: &'static [&'static str],
    /// Whether the vendor deprecates it.
    pub deprecated: bool,
    /// How its list comes in pages, where it does.
    pub paging: Option<Paging>,
}

/// The arguments that a list is paged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Paging {
    /// Query parameters: the page's number, from 1, and how many items it holds.
    Query {
        /// The number's name.
        page: &'static str,
        /// The page size's name, where it can be chosen.
        size: Option<&'static str>,
    },
    /// The same as fields of the body.
    Body {
        /// The number's name.
        page: &'static str,
        /// The page size's name, where it can be chosen.
        size: Option<&'static str>,
    },
    /// Fields of the body: the days that the page covers. The answer names
    /// those of the next page.
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
    /// No scheme is named. The partner token is sent where the client has
    /// one: `POST /auth` names no scheme but documents the header.
    None,
    /// `Authorization: Bearer {PartnerToken}`
    Partner,
    /// `Authorization: Bearer {PartnerToken}, User {UserToken}`
    PartnerAndUser,
}

impl Operation {
    // Only generated code fills this in; the struct may grow.
    #[doc(hidden)]
    #[allow(clippy::too_many_arguments)]
    pub const fn new(
        id: &'static str,
        tag: &'static str,
        method: &'static str,
        path: &'static str,
        security: Security,
        request: Option<&'static str>,
        statuses: &'static [u16],
        joined: &'static [&'static str],
        deprecated: bool,
        paging: Option<Paging>,
    ) -> Self {
        Self {
            id,
            tag,
            method,
            path,
            security,
            request,
            statuses,
            joined,
            deprecated,
            paging,
        }
    }
}
