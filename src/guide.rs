//! How to do common things with this crate, one page each.
//!
//! The code of every page is compiled by the crate's tests. The programs in
//! `examples/` show the longer ones whole and run against an embedded mock server.

/// Defines a module of documentation for each page in `docs/guide`.
macro_rules! pages {
    ($($page:ident,)*) => {
        $(
            #[doc = include_str!(concat!("../docs/guide/", stringify!($page), ".md"))]
            pub mod $page {}
        )*
    };
}

pages! {
    getting_started,
    lists,
    appointments,
    clients,
    payments,
    reports,
    webhooks,
    testing,
    errors,
}
