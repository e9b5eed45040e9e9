//! Parses an OpenAPI document into a list of operations.
//!
//! This works on both forms of a document: interface.json (OpenAPI 3.1) and
//! client.json (OpenAPI 3.0, lowered for progenitor).

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::grammar;
use crate::pointer::{self, Pointer};

/// A document and its operations.
///
/// ```
/// use altegio_openapi::api::{Api, Place, Security};
///
/// let api = Api::read(serde_json::json!({
///     "servers": [{"url": "https://api.example.com/v1"}],
///     "paths": {"/tags/{id}": {"get": {
///         "operationId": "get_tag",
///         "tags": ["Tags"],
///         "security": [],
///         "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}],
///         "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
///     }}},
/// }))?;
/// let operation = api.operation("get_tag").ok_or("no such operation")?;
/// assert_eq!(operation.parameters[0].place, Place::Path);
/// assert_eq!(operation.security, Security::None);
/// assert!(operation.idempotent);
/// let body = operation.success().and_then(|response| response.content.as_ref());
/// assert_eq!(api.get(&body.ok_or("no response body")?.schema)["type"], "object");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug)]
pub struct Api {
    /// The URL of the first server, without a trailing slash. The operations'
    /// paths are appended to it.
    pub base: String,
    /// The URL of the vendor's hosted mock server (`x-mock-server`), if the document has
    /// one, also without a trailing slash.
    pub mock: Option<String>,
    /// The operations, in the document's order.
    pub operations: Vec<Operation>,
    document: Value,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The vendor's operation id, which is unique in the document.
    pub id: String,
    /// The first tag.
    pub tag: String,
    /// A one-line summary; empty if the document has none.
    pub summary: String,
    /// The description, in Markdown; empty if the document has none.
    pub description: String,
    /// The HTTP method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: Template,
    /// The tokens that it requires.
    pub security: Security,
    /// Whether repeating a request leaves the server in the same state as
    /// sending it once: `x-idempotent` if the document sets it, otherwise
    /// [`Method::is_idempotent`].
    pub idempotent: bool,
    /// How its list is paginated (`x-paging`), if it is.
    pub paging: Option<Paging>,
    /// The parameters: path parameters in the order of the path, then the
    /// others in the order of the document. An operation's own parameters
    /// override those of its path item.
    pub parameters: Vec<Parameter>,
    /// The request body, if it has one.
    pub body: Option<Body>,
    /// The documented responses, in ascending order of their statuses.
    pub responses: Vec<Response>,
    /// Whether the document marks it as deprecated.
    pub deprecated: bool,
    /// The location of the operation in the document.
    pub at: Pointer,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Method {
    Delete,
    Get,
    Head,
    Options,
    Patch,
    Post,
    Put,
    Trace,
}

/// A path template, such as `/clients/{location_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template(String);

/// A part of a [`Template`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'t> {
    /// Literal text.
    Text(&'t str),
    /// The name of a parameter.
    Parameter(&'t str),
}

/// The tokens that an operation requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Security {
    /// No token is required. One may still be sent.
    None,
    /// `Authorization: Bearer {PartnerToken}`
    Partner,
    /// `Authorization: Bearer {PartnerToken}, User {UserToken}`
    PartnerAndUser,
}

/// How a list is paginated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The arguments that select the page.
    pub by: PagedBy,
    /// The location of the items in the response: `/data` unless the document
    /// specifies another.
    pub items: Pointer,
    /// The locations where the response may have the total number of items.
    /// The first one that exists in the response's type is used.
    pub totals: Vec<Pointer>,
    /// The locations where the response may have a number that counts either the
    /// items of the list or those of the page. The first one that exists in the
    /// response's type is used, if none of `totals` does.
    pub counts: Vec<Pointer>,
}

/// The arguments that select a page, by their names on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PagedBy {
    /// Query parameters: the page number, starting at 1, and the page size.
    Query {
        /// The name of the page number.
        page: String,
        /// The name of the page size, if it can be chosen.
        size: Option<String>,
    },
    /// Fields of the body: the page number, starting at 1, and the page size.
    Body {
        /// The name of the page number.
        page: String,
        /// The name of the page size, if it can be chosen.
        size: Option<String>,
    },
    /// Fields of the body: the first and the last day of the page.
    Dates {
        /// The name of the first day.
        from: String,
        /// The name of the last day.
        to: String,
        /// The location in the response of the object that has the next page's
        /// days, under the same names.
        next: Pointer,
    },
}

/// A path, query, or header parameter.
///
/// As OpenAPI specifies, header parameters named `Accept`, `Content-Type`, and
/// `Authorization` are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Where it is sent.
    pub place: Place,
    /// Its name on the wire.
    pub name: String,
    /// Whether it is required.
    pub required: bool,
    /// Whether a list is sent as one value, joined with commas
    /// (`explode: false`), rather than item by item.
    pub joined: bool,
    /// The form in which a date is sent (`x-date-format`), such as `%Y%m%d`, if it is not
    /// the usual `%Y-%m-%d`. It consists of `%Y`, `%m`, `%d`, and other characters.
    pub date_format: Option<String>,
    /// Whether a boolean is sent as 1 or 0 (`x-flag`).
    pub flag: bool,
    /// The description; empty if the document has none.
    pub description: String,
    /// The location of its schema.
    pub schema: Pointer,
}

/// Where a parameter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Place {
    Path,
    Query,
    Header,
}

/// A request body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Its media type: `application/json`, `multipart/form-data`, or `*/*`.
    pub media_type: String,
    /// Whether it is required.
    pub required: bool,
    /// Groups of fields, of which a body needs all fields of at least one group
    /// (`x-required-groups`). Empty if the document has none.
    pub groups: Vec<RequiredGroup>,
    /// The location of its schema.
    pub schema: Pointer,
}

/// Fields of a body that are required together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequiredGroup {
    /// The names of the fields.
    pub fields: Vec<String>,
    /// The fields whose value must be in a range for the group to apply, if they are
    /// set: the name, the minimum, and the maximum.
    pub ranges: Vec<(String, i64, i64)>,
}

/// A documented response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Its body, if one is documented.
    pub content: Option<Content>,
}

/// A response body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its media type, such as `application/json`.
    pub media_type: String,
    /// The location of its schema. There is no value at that location if the
    /// document gives only the media type.
    pub schema: Pointer,
}

impl Api {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// Returns an error if an operation has no id or no tag, if two operations
    /// have the same id, if a reference cannot be resolved, or if a value of
    /// `security`, `x-paging`, or `x-idempotent` is invalid. The message names
    /// the operation.
    pub fn read(document: Value) -> Result<Self, String> {
        let mut operations = Vec::new();
        let mut ids = BTreeSet::new();
        for (path, method, value) in grammar::operations(&document) {
            let operation = Reader {
                document: &document,
                at: Pointer::root().join("paths").join(path),
            }
            .operation(path, method, value)
            .map_err(|error| match value["operationId"].as_str() {
                Some(id) => format!("operation `{id}`: {error}"),
                None => format!("{} {path}: {error}", method.to_ascii_uppercase()),
            })?;
            if !ids.insert(operation.id.clone()) {
                return Err(format!(
                    "operation `{}`: another operation has this id too",
                    operation.id
                ));
            }
            operations.push(operation);
        }
        let address = |url: &Value| url.as_str().map(|url| url.trim_end_matches('/').to_owned());
        Ok(Self {
            base: address(&document["servers"][0]["url"]).unwrap_or_default(),
            mock: address(&document["x-mock-server"]),
            operations,
            document,
        })
    }

    /// Returns the operation with this id.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    /// Returns the description of a tag; empty if the document has none.
    pub fn tag_description(&self, tag: &str) -> &str {
        let mut tags = self.document["tags"].as_array().into_iter().flatten();
        let tag = tags.find(|other| other["name"] == tag);
        let description = tag.and_then(|tag| tag["description"].as_str());
        description.unwrap_or_default().trim()
    }

    /// Returns the whole document.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Iterates over the component schemas and their names.
    pub fn schemas(&self) -> impl Iterator<Item = (&str, &Value)> {
        let schemas = self.document["components"]["schemas"].as_object();
        let schemas = schemas.into_iter().flatten();
        schemas.map(|(name, schema)| (name.as_str(), schema))
    }

    /// Returns the value at a location in the document, or null if there is none.
    pub fn get(&self, at: &Pointer) -> &Value {
        at.get(&self.document).unwrap_or(&Value::Null)
    }

    /// Follows a schema's references and returns the schema that they resolve
    /// to, which is `schema` itself if it is not a reference. Returns null if a
    /// reference cannot be resolved.
    pub fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        pointer::resolve(&self.document, schema).unwrap_or(&Value::Null)
    }

    /// Follows the references at a location and returns the final location and
    /// its value. Returns the location itself and null if a reference cannot
    /// be resolved.
    pub fn locate(&self, at: &Pointer) -> (Pointer, &Value) {
        pointer::locate(&self.document, at).unwrap_or_else(|| (at.clone(), &Value::Null))
    }
}

impl Operation {
    /// Iterates over the parameters that are sent in `place`, in order.
    pub fn parameters_in(&self, place: Place) -> impl Iterator<Item = &Parameter> {
        let parameters = self.parameters.iter();
        parameters.filter(move |parameter| parameter.place == place)
    }

    /// Returns the first documented response with a 2xx status.
    pub fn success(&self) -> Option<&Response> {
        let mut responses = self.responses.iter();
        responses.find(|response| (200..300).contains(&response.status))
    }
}

impl Body {
    /// Returns whether the body is sent as `multipart/form-data`.
    pub fn is_form(&self) -> bool {
        self.media_type.starts_with("multipart/")
    }
}

impl Content {
    /// Returns whether the body is JSON. Besides `application/json` and
    /// `+json` types, `*/*` counts as JSON.
    pub fn is_json(&self) -> bool {
        let end = self.media_type.split(';').next().unwrap_or_default().trim();
        end == "*/*" || end.ends_with("/json") || end.ends_with("+json")
    }
}

impl Method {
    /// Returns the name in uppercase.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Trace => "TRACE",
        }
    }

    /// Returns whether HTTP defines this method as idempotent (RFC 9110, section
    /// 9.2.2).
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::Patch | Self::Post)
    }

    /// Parses the key of a method in a path item.
    fn of_key(key: &str) -> Option<Self> {
        Some(match key {
            "delete" => Self::Delete,
            "get" => Self::Get,
            "head" => Self::Head,
            "options" => Self::Options,
            "patch" => Self::Patch,
            "post" => Self::Post,
            "put" => Self::Put,
            "trace" => Self::Trace,
            _ => return None,
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Template {
    /// Returns the path as it is written in the document.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Iterates over the parts of the path, in order.
    ///
    /// ```
    /// use altegio_openapi::api::{Part, Template};
    ///
    /// let template = Template::from("/clients/{location_id}/tags");
    /// assert_eq!(template.parts().collect::<Vec<_>>(), [
    ///     Part::Text("/clients/"), Part::Parameter("location_id"), Part::Text("/tags"),
    /// ]);
    /// ```
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let mut rest = self.0.as_str();
        std::iter::from_fn(move || {
            let inside = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            if let Some((name, after)) = inside {
                rest = after;
                return Some(Part::Parameter(name));
            }
            let from = usize::from(rest.starts_with('{'));
            let end = rest[from..].find('{').map_or(rest.len(), |end| end + from);
            let (text, after) = rest.split_at(end);
            rest = after;
            (!text.is_empty()).then_some(Part::Text(text))
        })
    }

    /// Iterates over the names of the parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.parts().filter_map(|part| match part {
            Part::Parameter(name) => Some(name),
            Part::Text(_) => None,
        })
    }
}

impl From<&str> for Template {
    fn from(path: &str) -> Self {
        Self(path.to_owned())
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the operations of one path item.
struct Reader<'d> {
    document: &'d Value,
    /// The path item.
    at: Pointer,
}

impl Reader<'_> {
    fn operation(&self, path: &str, key: &str, value: &Value) -> Result<Operation, String> {
        let at = self.at.join(key);
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let method = Method::of_key(key).ok_or_else(|| format!("`{key}` is not an HTTP method"))?;
        let path = Template::from(path);
        let id = value["operationId"].as_str().ok_or("no `operationId`")?;
        let tag = value["tags"][0].as_str().ok_or("no tag")?;
        Ok(Operation {
            id: id.to_owned(),
            tag: tag.to_owned(),
            summary: text("summary"),
            description: text("description"),
            method,
            security: self.security(value)?,
            idempotent: match value.get("x-idempotent") {
                None => method.is_idempotent(),
                Some(Value::Bool(idempotent)) => *idempotent,
                Some(other) => return Err(format!("x-idempotent: `{other}` is not a boolean")),
            },
            paging: match value.get("x-paging") {
                None => None,
                Some(value) => Some(paging(value).map_err(|error| format!("x-paging: {error}"))?),
            },
            parameters: self.parameters(&at, &path)?,
            body: self.body(&at)?,
            responses: self.responses(&at, value)?,
            deprecated: value["deprecated"] == true,
            path,
            at,
        })
    }

    /// Reads the first alternative of the operation's security requirements. The
    /// `bearerFormat` of its scheme determines which tokens it requires.
    fn security(&self, operation: &Value) -> Result<Security, String> {
        let security = operation.get("security").or(self.document.get("security"));
        let first = security
            .and_then(|list| list.get(0))
            .and_then(Value::as_object);
        let Some(scheme) = first.and_then(|alternative| alternative.keys().next()) else {
            return Ok(Security::None);
        };
        let scheme_at = &self.document["components"]["securitySchemes"][scheme];
        match scheme_at["bearerFormat"].as_str() {
            Some("Bearer {PartnerToken}") => Ok(Security::Partner),
            Some("Bearer {PartnerToken}, User {UserToken}") => Ok(Security::PartnerAndUser),
            _ => Err(format!(
                "the security scheme `{scheme}` has neither the bearerFormat \
                 `Bearer {{PartnerToken}}` nor `Bearer {{PartnerToken}}, User {{UserToken}}`"
            )),
        }
    }

    fn parameters(&self, operation: &Pointer, path: &Template) -> Result<Vec<Parameter>, String> {
        let mut found: Vec<Parameter> = Vec::new();
        for list in [self.at.join("parameters"), operation.join("parameters")] {
            let length = list.get(self.document).and_then(Value::as_array);
            for index in 0..length.map_or(0, Vec::len) {
                let (at, value) = self.locate(&list.join(index))?;
                let Some(parameter) = parameter(&at, value)? else {
                    continue;
                };
                let same = |other: &&mut Parameter| {
                    (other.place, &other.name) == (parameter.place, &parameter.name)
                };
                match found.iter_mut().find(same) {
                    Some(other) => *other = parameter,
                    None => found.push(parameter),
                }
            }
        }
        let names: Vec<&str> = path.parameters().collect();
        for name in &names {
            let is_it = |other: &&Parameter| other.place == Place::Path && other.name == *name;
            if !found.iter().any(|other| is_it(&other)) {
                return Err(format!("the path's parameter `{name}` is not documented"));
            }
        }
        let order = |parameter: &Parameter| match parameter.place {
            Place::Path => names.iter().position(|name| *name == parameter.name),
            _ => None,
        };
        found.retain(|parameter| parameter.place != Place::Path || order(parameter).is_some());
        // Path parameters come first. The sort is stable, so the others keep their order.
        found.sort_by_key(|parameter| order(parameter).unwrap_or(usize::MAX));
        Ok(found)
    }

    fn body(&self, operation: &Pointer) -> Result<Option<Body>, String> {
        let at = operation.join("requestBody");
        if at.get(self.document).is_none() {
            return Ok(None);
        }
        let (at, value) = self.locate(&at)?;
        let Some((media_type, schema)) = content(&at, value) else {
            return Ok(None);
        };
        // The lowering replaces media types that progenitor does not support with
        // `application/json`.
        let media_type = value["x-media-type"].as_str().unwrap_or(&media_type);
        Ok(Some(Body {
            media_type: media_type.to_owned(),
            required: value["required"] == true,
            groups: groups(&value["x-required-groups"])
                .map_err(|error| format!("x-required-groups: {error}"))?,
            schema,
        }))
    }

    fn responses(&self, operation: &Pointer, value: &Value) -> Result<Vec<Response>, String> {
        let all = operation.join("responses");
        let mut responses = Vec::new();
        for status in value["responses"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
        {
            // `default` and `4XX` are not single statuses.
            let Ok(number) = status.parse() else {
                continue;
            };
            let (at, value) = self.locate(&all.join(status))?;
            responses.push(Response {
                status: number,
                content: content(&at, value)
                    .map(|(media_type, schema)| Content { media_type, schema }),
            });
        }
        responses.sort_by_key(|response| response.status);
        Ok(responses)
    }

    fn locate(&self, at: &Pointer) -> Result<(Pointer, &Value), String> {
        pointer::locate(self.document, at)
            .ok_or_else(|| format!("the reference at {at} cannot be resolved"))
    }
}

/// Reads a parameter. Returns `None` for a header parameter that OpenAPI ignores,
/// and for a cookie.
fn parameter(at: &Pointer, value: &Value) -> Result<Option<Parameter>, String> {
    let name = value["name"]
        .as_str()
        .ok_or_else(|| format!("the parameter at {at} has no name"))?;
    let place = match value["in"].as_str() {
        Some("path") => Place::Path,
        Some("query") => Place::Query,
        Some("header") => {
            let ours = ["accept", "content-type", "authorization"];
            if ours.contains(&name.to_ascii_lowercase().as_str()) {
                return Ok(None);
            }
            Place::Header
        }
        // The client sends no cookies.
        Some("cookie") => return Ok(None),
        other => {
            return Err(format!(
                "parameter `{name}`: its `in` is `{}`; expected path, query, or header",
                other.unwrap_or_default()
            ));
        }
    };
    Ok(Some(Parameter {
        place,
        name: name.to_owned(),
        required: value["required"] == true || place == Place::Path,
        joined: value["explode"] == false,
        date_format: date_format(value).map_err(|error| format!("parameter `{name}`: {error}"))?,
        flag: value["x-flag"] == true,
        description: value["description"].as_str().unwrap_or_default().to_owned(),
        schema: at.join("schema"),
    }))
}

/// Reads `x-date-format`.
fn date_format(parameter: &Value) -> Result<Option<String>, String> {
    let Some(format) = parameter.get("x-date-format") else {
        return Ok(None);
    };
    let text = format.as_str().unwrap_or_default();
    let parts = ["%Y", "%m", "%d"];
    let rest = parts
        .iter()
        .fold(text.to_owned(), |rest, part| rest.replacen(part, "", 1));
    if rest.contains('%') || parts.iter().any(|part| !text.contains(part)) {
        return Err(format!(
            "x-date-format: `{format}` is not a text with `%Y`, `%m`, and `%d`, once each"
        ));
    }
    Ok(Some(text.to_owned()))
}

/// Returns the media type of a body and the location of its schema. If there
/// are several media types, `application/json` is preferred.
fn content(at: &Pointer, value: &Value) -> Option<(String, Pointer)> {
    let offered = value["content"].as_object()?;
    let json = offered.get_key_value("application/json");
    let (media_type, _) = json.or_else(|| offered.iter().next())?;
    let schema = at.join("content").join(media_type).join("schema");
    Some((media_type.clone(), schema))
}

/// Reads groups of required fields, each in the form `{required: [NAME], ranges: {NAME:
/// [MINIMUM, MAXIMUM]}}`.
fn groups(value: &Value) -> Result<Vec<RequiredGroup>, String> {
    let groups = value.as_array().into_iter().flatten();
    let read = |group: &Value| {
        let fields = group["required"].as_array()?.iter();
        let ranges = group["ranges"].as_object().into_iter().flatten();
        Some(RequiredGroup {
            fields: fields
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            ranges: ranges
                .map(|(name, range)| Some((name.clone(), range[0].as_i64()?, range[1].as_i64()?)))
                .collect::<Option<_>>()?,
        })
    };
    groups
        .map(|group| read(group).ok_or_else(|| format!("`{group}` is not a group")))
        .collect()
}

fn paging(value: &Value) -> Result<Paging, String> {
    let fields = value.as_object().ok_or("expected an object")?;
    only_known(
        fields,
        &["query", "body", "items", "total", "count", "next"],
        "",
    )?;
    let (place, arguments) = match (fields.get("query"), fields.get("body")) {
        (Some(query), None) => ("query", query),
        (None, Some(body)) => ("body", body),
        _ => return Err("expected either `query` or `body`".to_owned()),
    };
    let arguments = arguments
        .as_object()
        .ok_or_else(|| format!("`{place}`: expected an object"))?;
    only_known(
        arguments,
        &["page", "size", "from", "to"],
        &format!("{place}."),
    )?;
    let argument = |name: &str| text(arguments, name, &format!("{place}."));
    let (page, size) = (argument("page")?, argument("size")?);
    let dates = argument("from")?.zip(argument("to")?);
    let next = text(fields, "next", "")?.map(dotted);
    let by = match (place, page, dates, next) {
        ("query", Some(page), None, None) => PagedBy::Query { page, size },
        ("body", Some(page), None, None) => PagedBy::Body { page, size },
        ("body", None, Some((from, to)), Some(next)) if size.is_none() => {
            PagedBy::Dates { from, to, next }
        }
        _ => {
            return Err(format!(
                "`{place}` must have either `page` and optionally `size`, or, in a body, `from` \
                 and `to` together with `next`"
            ));
        }
    };
    Ok(Paging {
        by,
        items: dotted(text(fields, "items", "")?.unwrap_or_else(|| "data".to_owned())),
        totals: locations(fields, "total")?,
        counts: locations(fields, "count")?,
    })
}

/// Returns a list of locations; empty if the field is missing.
fn locations(fields: &Map<String, Value>, name: &str) -> Result<Vec<Pointer>, String> {
    let locations = match fields.get(name) {
        None => return Ok(Vec::new()),
        Some(Value::Array(locations)) => locations.iter(),
        Some(other) => return Err(format!("`{name}`: expected a list of paths, found {other}")),
    };
    locations
        .map(|location| match location.as_str() {
            Some(path) if !path.is_empty() => Ok(dotted(path)),
            _ => Err(format!("`{name}`: expected a path, found {location}")),
        })
        .collect()
}

fn only_known(fields: &Map<String, Value>, known: &[&str], within: &str) -> Result<(), String> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(format!(
            "`{within}{unknown}` is not one of {}",
            known.join(", ")
        )),
        None => Ok(()),
    }
}

/// Returns the text of a field; `None` if the field is missing.
fn text(fields: &Map<String, Value>, name: &str, within: &str) -> Result<Option<String>, String> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(other) => Err(format!("`{within}{name}`: expected a name, found {other}")),
    }
}

/// `meta.total_count` → `/meta/total_count`
fn dotted(path: impl AsRef<str>) -> Pointer {
    path.as_ref()
        .split('.')
        .fold(Pointer::root(), |at, key| at.join(key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(operation: Value) -> Value {
        json!({
            "servers": [{"url": "https://api.example.com/v1/"}],
            "paths": {"/places/{place}/things/{thing}": {
                "parameters": [
                    {"name": "thing", "in": "path", "schema": {}},
                    {"$ref": "#/components/parameters/place"},
                ],
                "post": operation,
            }},
            "components": {
                "parameters": {"place": {"name": "place", "in": "path", "schema": {}}},
                "responses": {"gone": {"content": {"text/html": {}, "application/json": {}}}},
                "securitySchemes": {
                    "both": {"bearerFormat": "Bearer {PartnerToken}, User {UserToken}"},
                    "basic": {"scheme": "basic"},
                },
            },
        })
    }

    fn one(changes: Value) -> Result<Operation, String> {
        let mut operation = json!({"operationId": "post_thing", "tags": ["Things"]});
        let operation_fields = operation.as_object_mut().unwrap();
        operation_fields.extend(changes.as_object().unwrap().clone());
        let mut api = Api::read(document(operation))?;
        assert_eq!(api.base, "https://api.example.com/v1");
        Ok(api.operations.remove(0))
    }

    #[test]
    fn parameters_come_in_the_paths_order_and_an_operations_own_take_precedence() {
        let operation = one(json!({"parameters": [
            {"name": "tags", "in": "query", "explode": false, "schema": {"type": "array"}},
            {"name": "Accept", "in": "header", "schema": {}},
            {"name": "X-Partner-Id", "in": "header", "schema": {}},
            {"name": "thing", "in": "path", "description": "own", "schema": {}},
        ]}))
        .unwrap();
        let seen: Vec<(&str, Place, bool, bool)> = operation
            .parameters
            .iter()
            .map(|p| (p.name.as_str(), p.place, p.required, p.joined))
            .collect();
        assert_eq!(
            seen,
            [
                ("place", Place::Path, true, false),
                ("thing", Place::Path, true, false),
                ("tags", Place::Query, false, true),
                ("X-Partner-Id", Place::Header, false, false),
            ]
        );
        assert_eq!(operation.parameters[1].description, "own");
        assert_eq!(
            operation.parameters[0].schema.as_str(),
            "/components/parameters/place/schema"
        );
    }

    #[test]
    fn what_may_be_repeated_is_the_documents_word_before_the_methods() {
        assert!(!one(json!({})).unwrap().idempotent);
        assert!(one(json!({"x-idempotent": true})).unwrap().idempotent);
        assert!(one(json!({"x-idempotent": "yes"})).is_err());
        let idempotent = [Method::Get, Method::Head, Method::Put, Method::Delete];
        assert!(idempotent.into_iter().all(Method::is_idempotent));
    }

    #[test]
    fn responses_are_found_behind_references_and_json_before_others() {
        let operation = one(json!({"responses": {
            "410": {"$ref": "#/components/responses/gone"}, "204": {}, "default": {},
        }}))
        .unwrap();
        let statuses: Vec<u16> = operation.responses.iter().map(|r| r.status).collect();
        assert_eq!(statuses, [204, 410]);
        assert_eq!(operation.success().map(|r| r.content.is_none()), Some(true));
        let content = operation.responses[1].content.as_ref().unwrap();
        assert!(content.is_json());
        assert_eq!(
            content.schema.as_str(),
            "/components/responses/gone/content/application~1json/schema"
        );
    }

    #[test]
    fn the_form_of_a_date_is_checked() {
        let with = |format: Value| {
            let parameter = json!({"name": "from", "in": "query", "x-date-format": format});
            one(json!({"parameters": [parameter]}))
        };
        let parameters = with(json!("%d.%m.%Y")).unwrap().parameters;
        let from = parameters
            .iter()
            .find(|parameter| parameter.name == "from")
            .unwrap();
        assert_eq!(from.date_format.as_deref(), Some("%d.%m.%Y"));
        for wrong in [json!("%Y%m"), json!("%Y%m%d%H"), json!("%Y%m%d%"), json!(1)] {
            let error = with(wrong).unwrap_err();
            assert!(error.contains("parameter `from`: x-date-format"), "{error}");
        }
    }

    #[test]
    fn groups_of_required_fields_are_read() {
        let body = |groups: Value| {
            let content = json!({"application/json": {"schema": {}}});
            one(json!({"requestBody": {"content": content, "x-required-groups": groups}}))
        };
        let group = json!({"required": ["a", "b"], "ranges": {"c": [1, i64::MAX]}});
        let read = body(json!([group])).unwrap().body.unwrap().groups;
        let expected = RequiredGroup {
            fields: vec!["a".to_owned(), "b".to_owned()],
            ranges: vec![("c".to_owned(), 1, i64::MAX)],
        };
        assert_eq!(read, [expected]);
        let error = body(json!([{"required": [1]}])).unwrap_err();
        assert!(error.contains("x-required-groups"), "{error}");
    }

    #[test]
    fn paging_is_read_whole_or_refused() {
        let paged = |paging: Value| one(json!({"x-paging": paging})).map(|o| o.paging.unwrap());
        let dates = paged(json!({
            "body": {"from": "from", "to": "to"}, "next": "meta.next", "items": "data.list",
        }))
        .unwrap();
        assert_eq!(dates.items.as_str(), "/data/list");
        let next = Pointer::parse("/meta/next");
        let (from, to) = ("from".to_owned(), "to".to_owned());
        assert_eq!(dates.by, PagedBy::Dates { from, to, next });
        let query = json!({"query": {"page": "p"}, "total": ["meta.n"], "count": ["meta.m"]});
        let query = paged(query).unwrap();
        assert_eq!(query.items.as_str(), "/data");
        assert_eq!(query.totals, [Pointer::parse("/meta/n")]);
        assert_eq!(query.counts, [Pointer::parse("/meta/m")]);
        for wrong in [
            json!({}),
            json!({"query": {"size": "n"}}),
            json!({"query": {"page": "p"}, "body": {"page": "p"}}),
            json!({"body": {"from": "a", "to": "b"}}),
            json!({"query": {"page": "p"}, "totals": []}),
            json!({"query": {"page": "p"}, "total": "meta.count"}),
            json!({"query": {"page": "p"}, "total": ["meta.count", 5]}),
            json!({"query": {"page": "p"}, "items": ["data"]}),
            json!({"query": {"page": "p"}, "items": ""}),
            json!({"query": {"page": "p", "size": 25}}),
            json!({"query": {"page": "p", "limit": "n"}}),
            json!({"query": {"page": "p"}, "next": "meta.next"}),
            json!({"query": "page"}),
            json!({"body": {"from": "a", "to": "b"}, "next": {"path": "meta.next"}}),
            json!({"body": {"from": "a", "to": "b", "size": "n"}, "next": "meta.next"}),
        ] {
            let error = paged(wrong).unwrap_err();
            assert!(
                error.starts_with("operation `post_thing`: x-paging: "),
                "{error}"
            );
        }
        let error = paged(json!({"body": {"page": "p", "size": 25}})).unwrap_err();
        assert_eq!(
            error,
            "operation `post_thing`: x-paging: `body.size`: expected a name, found 25"
        );
    }

    #[test]
    fn errors_name_the_operation() {
        assert_eq!(
            one(json!({"security": [{"both": []}]})).unwrap().security,
            Security::PartnerAndUser
        );
        let error = one(json!({"security": [{"basic": []}]})).unwrap_err();
        assert!(
            error.starts_with("operation `post_thing`: the security scheme `basic`"),
            "{error}"
        );
        let mut twice = document(json!({"operationId": "a", "tags": ["T"]}));
        let item = &mut twice["paths"]["/places/{place}/things/{thing}"];
        item["get"] = item["post"].clone();
        assert!(Api::read(twice).unwrap_err().contains("another operation"));
        let error = Api::read(document(json!({"tags": ["T"]}))).unwrap_err();
        assert_eq!(
            error,
            "POST /places/{place}/things/{thing}: no `operationId`"
        );
    }

    #[cfg(feature = "documents")]
    #[test]
    fn both_forms_of_a_document_have_the_same_operations() {
        let read = |text: &str| Api::read(serde_json::from_str(text).unwrap()).unwrap();
        let document = crate::documents::B2B_V1;
        let (interface, client) = (read(document.interface), read(document.client));
        assert_eq!(interface.operations.len(), client.operations.len());
        assert!(!client.operations.is_empty());
        for (a, b) in interface.operations.iter().zip(&client.operations) {
            let facts = |o: &Operation| (o.id.clone(), o.method, o.path.clone(), o.security);
            assert_eq!(facts(a), facts(b));
            assert_eq!(
                (a.idempotent, &a.paging),
                (b.idempotent, &b.paging),
                "{}",
                a.id
            );
        }
    }
}
