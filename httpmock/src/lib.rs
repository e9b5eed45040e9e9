#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use httpmock::When;
use serde::Serialize;
use serde_json::Value;

#[allow(clippy::all, clippy::pedantic, missing_docs, unused_imports)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/httpmock.rs"));
}

pub use generated::{MockServerExt, operations};

/// Expects a query parameter in the form in which the client sends it: a list is
/// sent item by item, or joined with commas if the document sets `explode: false`.
/// An empty list is not sent.
///
/// # Panics
///
/// Panics if the client refuses to send the value.
fn query(when: When, name: &str, value: impl Serialize, joined: bool) -> When {
    let values = values(name, value);
    if values.is_empty() {
        return when.query_param_missing(name);
    }
    if joined {
        return when.query_param(name, values.join(","));
    }
    values
        .into_iter()
        .fold(when, |when, value| when.query_param(name, value))
}

/// Returns the items of a list, or the only value, as the client writes them.
fn values(name: &str, value: impl Serialize) -> Vec<String> {
    let value: Value = altegio::wire::encode(&value)
        .and_then(|json| serde_json::from_slice(&json))
        .unwrap_or_else(|error| panic!("query parameter `{name}`: {error}"));
    let text = |value| match value {
        Value::String(text) => text,
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        value => panic!(
            "query parameter `{name}`: expected a string, a number, a boolean or a list of \
             these, not {value}"
        ),
    };
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.into_iter().map(text).collect(),
        value => vec![text(value)],
    }
}

#[cfg(test)]
mod tests {
    use httpmock::MockServer;

    use super::*;
    use altegio::ids::{ChainId, MembershipId};

    #[test]
    fn values_are_written_as_the_client_writes_them() {
        assert_eq!(values("sum", 92.0), ["92"]);
        assert_eq!(values("sum", -0.5), ["-0.5"]);
        assert_eq!(values("ids", [1, 2]), ["1", "2"]);
        assert_eq!(values("tags", ["a,b", "c"]), ["a,b", "c"]);
        assert_eq!(values("tags", [""; 0]), [""; 0]);
    }

    #[test]
    #[should_panic(expected = "query parameter `sum`: NaN")]
    fn a_value_that_the_client_refuses_is_a_panic() {
        values("sum", f64::NAN);
    }

    #[tokio::test]
    async fn joined_lists_match_what_the_client_sends() {
        for ids in [vec![], vec![1], vec![1, 2, 3]] {
            let ids: Vec<MembershipId> = ids.into_iter().map(MembershipId).collect();
            let server = MockServer::start_async().await;
            let memberships = server.get_membership_list(|when, _| {
                when.chain_id(ChainId(1)).abonements_ids(&ids);
            });
            let client = altegio::Client::builder()
                .partner_token("partner")
                .user_token("user")
                .server(server.base_url().parse().unwrap())
                .build()
                .unwrap();
            let call = client.b2b_v1().get_membership_list(ChainId(1));
            // The mock's response has no body.
            let _ = call.abonements_ids(ids).send().await;
            memberships.assert();
        }
    }
}
