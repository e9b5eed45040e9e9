//! The arguments of a call, in the form in which a request carries them: path,
//! query, headers and body.

use std::fmt::{self, Display};

use bytes::Bytes;
use chrono::NaiveDate;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    HeaderValue, TRANSFER_ENCODING, USER_AGENT,
};
use reqwest::{RequestBuilder, Url};
use serde::Serialize;
use serde_json::Value;

use crate::argument::IntoArgument;
use crate::error::Error;
use crate::multipart::{self, Field, Multipart};
use crate::operation::Route;
use crate::setters::Problem;
use crate::wire;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Every character except those that RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The headers that callers cannot set, and what to do instead.
static OWN_HEADERS: [(HeaderName, &str); 8] = [
    (AUTHORIZATION, "set the tokens on the client's builder"),
    (ACCEPT, "it selects the version of the API"),
    (USER_AGENT, "set `app_name` on the client's builder"),
    (CONTENT_TYPE, "it follows from the body"),
    (CONTENT_LENGTH, "it follows from the body"),
    (TRANSFER_ENCODING, "it follows from the body"),
    (HOST, "it follows from the server's address"),
    (CONNECTION, "set up connections with `http_client_builder`"),
];

/// A call's route and arguments, which can be sent any number of times.
///
/// The setters never fail. The first invalid argument is recorded, and
/// [`usable`](Self::usable) returns it as an error.
#[derive(Clone)]
pub struct Call {
    pub(crate) route: Route,
    path: Path,
    /// Names and percent-encoded values, in the order in which they were set.
    query: Vec<(&'static str, String)>,
    /// Query parameters that are not arguments of the operation, in the same form.
    added_query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Option<Body>,
    problem: Problem,
}

#[derive(Clone)]
enum Path {
    /// The percent-encoded arguments for the parameters in the route's path.
    Arguments(Vec<(&'static str, String)>),
    /// A path with an optional query, sent as given.
    Whole(String),
}

/// A body, held in memory so that every attempt sends the same bytes.
#[derive(Clone)]
enum Body {
    Json(Bytes),
    Form(Vec<(&'static str, Field)>),
}

/// Fields of a JSON body that are required together.
pub(crate) struct RequiredGroup {
    pub fields: &'static [&'static str],
    /// The group applies if these fields, as far as they are set, are integers between the
    /// two numbers, inclusive.
    pub ranges: &'static [(&'static str, i64, i64)],
}

impl RequiredGroup {
    /// Returns whether the group applies to a body, and the fields that are missing.
    fn missing(&self, body: &Value) -> (bool, Vec<&'static str>) {
        let applies = self
            .ranges
            .iter()
            .all(|(name, from, to)| match &body[name] {
                Value::Null => true,
                value => value
                    .as_i64()
                    .is_some_and(|value| (*from..=*to).contains(&value)),
            });
        let fields = self.fields.iter().copied();
        (
            applies,
            fields.filter(|name| body[name].is_null()).collect(),
        )
    }
}

impl Call {
    pub(crate) fn new(route: &Route) -> Self {
        Self::with_path(route.clone(), Path::Arguments(Vec::new()))
    }

    /// Creates a call to `path`, which may include a query, instead of the
    /// route's path.
    pub(crate) fn to(route: Route, path: &str) -> Self {
        Self::with_path(route, Path::Whole(path.to_owned()))
    }

    fn with_path(route: Route, path: Path) -> Self {
        Self {
            route,
            path,
            query: Vec::new(),
            added_query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            problem: Problem::default(),
        }
    }

    /// Converts an argument. Returns `None` if it is absent or invalid; the latter is
    /// recorded.
    pub(crate) fn argument<T>(&mut self, name: &str, value: impl IntoArgument<T>) -> Option<T> {
        self.problem.convert(name, value)
    }

    /// Sets a path parameter.
    pub(crate) fn path<T: Display>(&mut self, name: &'static str, value: impl IntoArgument<T>) {
        if let Some(value) = self.argument(name, value) {
            self.put_path(name, &value.to_string());
        }
    }

    fn put_path(&mut self, name: &'static str, value: &str) {
        // A URL cannot represent these: `.` and `..` are resolved away even
        // when encoded, and an empty segment makes a different path.
        if matches!(value, "" | "." | "..") {
            self.fail(format!("`{name}`: `{value}` cannot be part of a path"));
        }
        if let Path::Arguments(arguments) = &mut self.path {
            arguments.retain(|(other, _)| *other != name);
            arguments.push((name, escape(value)));
        }
    }

    /// Sets a query parameter. A list is sent as one parameter for each item;
    /// an empty list is not sent.
    pub(crate) fn query<T: Serialize>(&mut self, name: &'static str, value: impl IntoArgument<T>) {
        let value = self.argument(name, value);
        self.put_query(name, value.as_ref().map(wire::encode), false);
    }

    /// Sets a query parameter whose list is sent as one value, joined with
    /// commas.
    pub(crate) fn joined_query<T: Serialize>(
        &mut self,
        name: &'static str,
        value: impl IntoArgument<T>,
    ) {
        let value = self.argument(name, value);
        self.put_query(name, value.as_ref().map(wire::encode), true);
    }

    /// Sets a path parameter to a date in this format.
    pub(crate) fn dated_path(
        &mut self,
        name: &'static str,
        format: &'static str,
        value: impl IntoArgument<NaiveDate>,
    ) {
        if let Some(date) = self.argument(name, value) {
            self.put_path(name, &date.format(format).to_string());
        }
    }

    /// Sets a query parameter to a date in this format.
    pub(crate) fn dated_query(
        &mut self,
        name: &'static str,
        format: &'static str,
        value: impl IntoArgument<NaiveDate>,
    ) {
        let date = self.argument(name, value);
        self.put_text(name, date.map(|date| date.format(format).to_string()));
    }

    /// Sets a query parameter to 1 or 0.
    #[cfg_attr(not(test), allow(dead_code, reason = "depends on the document"))]
    pub(crate) fn flag_query(&mut self, name: &'static str, value: impl IntoArgument<bool>) {
        let flag = self.argument(name, value);
        self.put_text(name, flag.map(|flag| u8::from(flag).to_string()));
    }

    /// Replaces a query parameter with a text, or removes it.
    fn put_text(&mut self, name: &'static str, text: Option<String>) {
        self.query.retain(|(other, _)| *other != name);
        self.query.extend(text.map(|text| (name, escape(&text))));
    }

    /// Replaces a query parameter with a value in JSON, or removes it.
    fn put_query(
        &mut self,
        name: &'static str,
        json: Option<serde_json::Result<Vec<u8>>>,
        joined: bool,
    ) {
        self.query.retain(|(other, _)| *other != name);
        let Some(json) = json else { return };
        match query_values(json) {
            Ok(values) if joined && !values.is_empty() => {
                self.query.push((name, values.join(",")));
            }
            Ok(values) => self
                .query
                .extend(values.into_iter().map(|value| (name, value))),
            Err(why) => self.fail(format!("`{name}`: {why}")),
        }
    }

    /// Sets a request header.
    #[cfg_attr(not(test), allow(dead_code, reason = "B2B V1 documents no headers"))]
    pub(crate) fn header<T: Display>(&mut self, name: &'static str, value: impl IntoArgument<T>) {
        if let Some(value) = self.argument(name, value) {
            self.put_header(name, &value.to_string());
        }
    }

    fn put_header(&mut self, name: &str, value: &str) {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            (Err(_), _) => self.fail(format!("`{name}`: expected a header name such as `X-Name`")),
            // The text does not show the value, which may be a secret.
            (_, Err(_)) => self.fail(format!(
                "`{name}`: expected a header value of visible ASCII characters"
            )),
        }
    }

    /// Sets a JSON body.
    pub(crate) fn json<T: Serialize + ?Sized>(&mut self, body: &T) {
        match wire::encode(body) {
            Ok(json) => self.body = Some(Body::Json(json.into())),
            Err(error) => self.fail(format!("`body`: {error}")),
        }
    }

    /// Sets a `multipart/form-data` body.
    pub(crate) fn form<T: Multipart>(&mut self, body: &T) {
        let fields = body.fields().into_iter();
        let fields = fields.filter_map(|(name, field)| Some((name, field?)));
        self.body = Some(Body::Form(fields.collect()));
    }

    /// Records a problem, unless one is already recorded.
    pub(crate) fn fail(&mut self, why: String) {
        self.problem.note(why);
    }

    /// Records that an argument is missing.
    pub(crate) fn missing(&mut self, name: &str) {
        self.problem.missing(name);
    }

    /// Records which of these required query parameters and headers are missing.
    pub(crate) fn require(&mut self, names: &[&str]) {
        for name in names {
            let in_query = self.query.iter().any(|(other, _)| other == name);
            if !in_query && !self.headers.contains_key(*name) {
                self.missing(name);
            }
        }
    }

    /// Records what the JSON body lacks of the nearest of these groups, unless it has all
    /// fields of one.
    pub(crate) fn require_any(&mut self, groups: &[RequiredGroup]) {
        if groups.is_empty() {
            return;
        }
        let Some(Body::Json(json)) = &self.body else {
            return;
        };
        let body: Value = serde_json::from_slice(json).unwrap_or_default();
        let missing = groups.iter().map(|group| group.missing(&body));
        // Groups that do not apply to the values that are set come last.
        let nearest = missing.min_by_key(|(applies, missing)| (!applies, missing.len()));
        if let Some((_, missing)) = nearest
            && !missing.is_empty()
        {
            let (verb, names) = match missing.as_slice() {
                [only] => ("is", (*only).to_owned()),
                names => ("are", names.join("`, `")),
            };
            self.fail(format!("`body`: `{names}` {verb} missing"));
        }
    }

    /// Checks that all arguments are valid and that the path is complete.
    ///
    /// # Errors
    ///
    /// Returns an error if an argument is invalid or missing.
    pub(crate) fn usable(&self) -> Result<(), Error> {
        let mut problem = self.problem.clone();
        if let Path::Arguments(arguments) = &self.path {
            for name in parameters(self.route.path) {
                if !arguments.iter().any(|(other, _)| *other == name) {
                    problem.missing(name);
                }
            }
        }
        match problem.into_text() {
            Some(why) => Err(Error::argument(&self.route, why)),
            None => Ok(()),
        }
    }

    /// Returns the number in a query parameter.
    pub(crate) fn number_in_query(&self, name: &str) -> Option<i64> {
        let (_, value) = self.query.iter().find(|(other, _)| *other == name)?;
        value.parse().ok()
    }

    /// Sets a query parameter to a number, replacing any earlier value.
    pub(crate) fn set_number_in_query(&mut self, name: &'static str, value: i64) {
        self.query.retain(|(other, _)| *other != name);
        self.query.push((name, value.to_string()));
    }

    /// Returns a top-level field of the JSON body.
    pub(crate) fn field_of_body(&self, name: &str) -> Option<Value> {
        let Some(Body::Json(json)) = &self.body else {
            return None;
        };
        serde_json::from_slice::<Value>(json)
            .ok()?
            .get_mut(name)
            .map(Value::take)
    }

    /// Sets top-level fields of the JSON body and leaves the others unchanged.
    /// Does nothing if the call has no JSON body.
    pub(crate) fn set_fields_of_body(
        &mut self,
        fields: impl IntoIterator<Item = (&'static str, Value)>,
    ) {
        let Some(Body::Json(json)) = &mut self.body else {
            return;
        };
        // `Call::json` wrote this from an object, so it parses as one.
        if let Ok(Value::Object(mut body)) = serde_json::from_slice(json) {
            body.extend(
                fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value)),
            );
            *json = Value::Object(body).to_string().into();
        }
    }

    /// Returns the JSON body, if the call has one.
    pub(crate) fn json_body(&self) -> Option<&Bytes> {
        match &self.body {
            Some(Body::Json(json)) => Some(json),
            _ => None,
        }
    }

    /// Returns the URL of the request: `base` with the call's path and query.
    pub(crate) fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        let filled_in;
        let (path, query) = match &self.path {
            Path::Arguments(arguments) => {
                filled_in = fill_in(self.route.path, arguments);
                (filled_in.as_str(), None)
            }
            Path::Whole(path) => match path.split_once('?') {
                Some((path, query)) => (path, Some(query)),
                None => (path.as_str(), None),
            },
        };
        match base.path().trim_end_matches('/') {
            "" => url.set_path(path),
            before => url.set_path(&[before, path].concat()),
        }
        let arguments = self.query.iter().map(|(name, value)| (*name, value));
        let added = self.added_query.iter();
        let added = added.map(|(name, value)| (name.as_str(), value));
        let mut query: Vec<String> = query.map(str::to_owned).into_iter().collect();
        query.extend(
            arguments
                .chain(added)
                .map(|(name, value)| format!("{}={value}", escape(name))),
        );
        if !query.is_empty() {
            url.set_query(Some(&query.join("&")));
        }
        url
    }

    /// Adds a query parameter that is not an argument of the operation. A list adds one
    /// parameter for each item.
    pub(crate) fn add_query(&mut self, name: &str, value: impl Serialize) {
        self.add_encoded_query(name, wire::encode(&value));
    }

    fn add_encoded_query(&mut self, name: &str, json: serde_json::Result<Vec<u8>>) {
        match query_values(json) {
            Ok(values) => {
                let parameters = values.into_iter().map(|value| (name.to_owned(), value));
                self.added_query.extend(parameters);
            }
            Err(why) => self.fail(format!("`{name}`: {why}")),
        }
    }

    /// Sets a request header that is not an argument of the operation, unless the
    /// client itself sets it.
    pub(crate) fn add_header(&mut self, name: &str, value: impl Display) {
        self.add_header_text(name, &value.to_string());
    }

    fn add_header_text(&mut self, name: &str, value: &str) {
        let own = OWN_HEADERS
            .iter()
            .find(|(own, _)| own.as_str().eq_ignore_ascii_case(name));
        match own {
            Some((_, remedy)) => {
                self.fail(format!("header `{name}`: the client sets it; {remedy}"))
            }
            None => self.put_header(name, value),
        }
    }

    /// Adds the headers and the body to a request.
    pub(crate) fn fill(&self, request: RequestBuilder) -> Result<RequestBuilder, Error> {
        let request = match self.headers.is_empty() {
            true => request,
            false => request.headers(self.headers.clone()),
        };
        Ok(match &self.body {
            None => request,
            Some(Body::Json(json)) => request.header(CONTENT_TYPE, JSON).body(json.clone()),
            Some(Body::Form(fields)) => {
                let form =
                    multipart::form(fields).map_err(|why| Error::argument(&self.route, why))?;
                request.multipart(form)
            }
        })
    }
}

/// Shows the names of the query parameters without their values, which may be
/// personal data.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query: Vec<&str> = self.query.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Call")
            .field("operation", &self.route.id)
            .field("query", &query)
            .field("has_body", &self.body.is_some())
            .finish_non_exhaustive()
    }
}

/// Converts a query parameter to its percent-encoded values, one for each item
/// of a list.
fn query_values(json: serde_json::Result<Vec<u8>>) -> Result<Vec<String>, String> {
    let value = json.and_then(|json| serde_json::from_slice(&json));
    let value = value.map_err(|error| error.to_string())?;
    let text = |value: Value| match value {
        Value::String(text) => Some(escape(&text)),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => {
            let items = items.into_iter().map(text).collect::<Option<_>>();
            items.ok_or_else(|| "expected a list of strings, numbers or booleans".to_owned())
        }
        value => Ok(vec![
            text(value).ok_or("expected a string, a number or a boolean")?,
        ]),
    }
}

/// Returns the names of a path's parameters, which are in braces.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('{').skip(1);
    parts.filter_map(|part| Some(part.split_once('}')?.0))
}

/// Replaces the parameters of a path with the encoded arguments.
fn fill_in(path: &str, arguments: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(path.len() + 16);
    let mut parts = path.split('{');
    filled.extend(parts.next());
    for part in parts {
        let (name, text) = part.split_once('}').unwrap_or((part, ""));
        let argument = arguments.iter().find(|(other, _)| *other == name);
        filled.extend(argument.map(|(_, value)| value.as_str()));
        filled.push_str(text);
    }
    filled
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use reqwest::Method;
    use serde_json::json;

    use super::*;
    use crate::operation::Security;

    fn route() -> Route {
        Route {
            id: "get_thing",
            method: Method::GET,
            path: "/places/{place}/things/{thing}.json",
            security: Security::None,
            idempotent: true,
        }
    }

    fn url(call: &Call) -> String {
        let base = "https://example.com/v1/".parse().unwrap();
        call.url(&base).to_string()
    }

    #[test]
    fn arguments_of_the_path_are_set_by_name_in_any_order_and_the_last_one_counts() {
        let mut call = Call::new(&route());
        call.path::<String>("thing", "x{place}");
        call.path::<i64>("place", 1);
        call.path::<i64>("place", 2);
        assert_eq!(
            url(&call),
            "https://example.com/v1/places/2/things/x%7Bplace%7D.json"
        );
    }

    #[test]
    fn the_last_value_of_a_query_parameter_counts() {
        let mut call = Call::new(&route());
        call.query::<Vec<i64>>("ids", vec![1, 2]);
        call.joined_query::<Vec<String>>("tags", vec!["a,b".to_owned(), "c".to_owned()]);
        call.query::<Vec<i64>>("ids", vec![3, 4]);
        call.query::<f64>("sum", 2.0);
        call.query::<f64>("gone", 2.0);
        call.query::<Vec<i64>>("gone", Vec::<i64>::new());
        let query = "?tags=a%2Cb,c&ids=3&ids=4&sum=2";
        assert!(url(&call).ends_with(query), "{}", url(&call));
    }

    #[test]
    fn dates_and_flags_are_sent_in_the_form_of_the_document() {
        let mut call = Call::new(&route());
        call.dated_query("from", "%Y%m%d", "2026-03-01");
        call.dated_query("till", "%d.%m.%Y", NaiveDate::from_ymd_opt(2026, 3, 2));
        call.dated_query("none", "%Y%m%d", None::<NaiveDate>);
        call.flag_query("deleted", true);
        call.flag_query("hidden", Some(false));
        let query = "?from=20260301&till=02.03.2026&deleted=1&hidden=0";
        assert!(url(&call).ends_with(query), "{}", url(&call));
        call.dated_path("thing", "%Y%m%d", "2026-03-01");
        assert!(
            url(&call).contains("/things/20260301.json"),
            "{}",
            url(&call)
        );
        call.dated_path("thing", "%Y%m%d", "20260301");
        let error = call.usable().unwrap_err().to_string();
        assert_eq!(
            error,
            "get_thing: `thing`: expected a date such as 2026-03-01"
        );
    }

    #[test]
    fn headers_are_sent_and_what_cannot_be_one_is_refused_without_its_value() {
        let mut call = Call::new(&Route {
            path: "/",
            ..route()
        });
        call.require(&["X-Partner-Id"]);
        assert!(
            call.usable()
                .unwrap_err()
                .to_string()
                .contains("`X-Partner-Id` is missing")
        );
        let mut call = Call::new(&Route {
            path: "/",
            ..route()
        });
        call.header::<i64>("X-Partner-Id", 7);
        call.require(&["X-Partner-Id"]);
        call.usable().unwrap();
        let request = reqwest::Client::new().get("http://127.0.0.1/");
        let request = call.fill(request).unwrap().build().unwrap();
        assert_eq!(request.headers()["x-partner-id"], "7");
        call.header::<String>("X-Partner-Id", "se\ncret");
        let error = call.usable().unwrap_err().to_string();
        assert!(
            error.contains("`X-Partner-Id`") && !error.contains("cret"),
            "{error}"
        );
    }

    #[test]
    fn a_body_needs_the_fields_of_one_group() {
        const GROUPS: &[RequiredGroup] = &[
            RequiredGroup {
                fields: &["staff", "client", "time"],
                ranges: &[("event", 0, 0)],
            },
            RequiredGroup {
                fields: &["event", "client"],
                ranges: &[("event", 1, i64::MAX)],
            },
        ];
        let of = |body: Value| {
            let mut call = Call::new(&Route {
                path: "/",
                ..route()
            });
            call.json(&body);
            call.require_any(GROUPS);
            call.usable().err().map(|error| error.to_string())
        };
        for (body, missing) in [
            (json!({"event": 4}), Some("`client` is missing")),
            (
                json!({"event": 0, "client": 1}),
                Some("`staff`, `time` are missing"),
            ),
            (json!({"client": 1}), Some("`event` is missing")),
            (json!({"event": 4, "client": 1}), None),
            (json!({"staff": 1, "client": 1, "time": 1}), None),
        ] {
            let missing = missing.map(|what| format!("get_thing: `body`: {what}"));
            assert_eq!(of(body), missing);
        }
    }

    #[test]
    fn the_first_problem_counts_and_missing_arguments_are_named() {
        let mut call = Call::new(&route());
        call.path::<i64>("place", 1);
        let missing = call.usable().unwrap_err().to_string();
        assert_eq!(missing, "get_thing: `thing` is missing");
        call.path::<i64>("thing", u64::MAX);
        call.path::<String>("place", "..");
        let error = call.usable().unwrap_err().to_string();
        assert!(error.starts_with("get_thing: `thing`: "), "{error}");
    }
}
