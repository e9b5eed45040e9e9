//! From a request to its response: by what the document says, by what the
//! request prefers, and by what is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use altegio_openapi::api::{Content, Operation, PagedBy, Paging, Place};
use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::check::{Checker, Problem, Sent, check_tokens};
use crate::document::Document;
use crate::prefer::Preference;
use crate::query::{decoded, pairs};
use crate::record::Recorded;
use crate::state::families::{Member, members};
use crate::state::{NotFound, Page, Request, Store};
use crate::values::{Fill, Values};

/// Lists that are not kept are empty after this page, so that they end.
const LAST_PAGE: u64 = 3;

/// How many items a page of a kept list holds, where neither the request nor
/// the document says.
const PAGE_SIZE: u64 = 25;

/// Responds to requests.
#[derive(Debug)]
pub(crate) struct Responder {
    document: Arc<Document>,
    checker: Checker,
    seed: u64,
    /// For requests that prefer other values each time.
    dice: Mutex<Rng>,
    /// By operation id.
    members: BTreeMap<String, Member>,
    store: Store,
}

/// A response before it is written.
#[derive(Debug)]
pub(crate) struct Response {
    pub status: u16,
    pub media_type: String,
    /// A header beside `Content-Type`, in lowercase.
    pub header: Option<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Response {
    fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            media_type: "application/json".to_owned(),
            header: None,
            body: body.to_string().into_bytes(),
        }
    }

    /// A refusal in Altegio's envelope.
    pub fn refusal(status: u16, message: &str) -> Self {
        Self::json(status, &envelope(json!({"message": message})))
    }

    pub fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.header = Some((name, value));
        self
    }
}

/// The envelope of every refusal.
fn envelope(meta: Value) -> Value {
    json!({"success": false, "data": null, "meta": meta})
}

impl Responder {
    /// `keeps` says whether items are kept.
    pub fn new(document: Arc<Document>, seed: u64, keeps: bool) -> Self {
        Self {
            checker: Checker::new(document.clone()),
            seed,
            dice: Mutex::new(Rng::with_seed(seed)),
            members: match keeps {
                true => members(&document),
                false => BTreeMap::new(),
            },
            store: Store::default(),
            document,
        }
    }

    /// Responds to a request, and writes down which operation it is of and what
    /// is wrong with it.
    pub async fn respond(&self, request: &mut Recorded) -> Response {
        // An encoded slash is no separator: the route comes before decoding.
        let found = self.document.find(&request.method, &request.path);
        let (operation, arguments) = match found {
            Ok(found) => found,
            Err(methods) if methods.is_empty() => {
                return refuse(request, 404, "/path", "the document has no such path");
            }
            Err(methods) => {
                let why = "the path has no operation of this method";
                let refusal = refuse(request, 405, "/method", why);
                return refusal.with_header("allow", methods.join(", "));
            }
        };
        let arguments: Vec<String> = arguments.iter().copied().map(decoded).collect();
        request.operation = Some(operation.id.clone());
        if let Err(why) = check_tokens(operation, header(request, "authorization")) {
            return refuse(request, 401, "/headers/authorization", why);
        }
        if let Some(accept) = self.document.accept()
            && header(request, "accept") != Some(accept)
        {
            let why = format!("Accept is not `{accept}`");
            return refuse(request, 406, "/headers/accept", &why);
        }
        let sent = Sent {
            content_type: header(request, "content-type").unwrap_or_default(),
            bytes: &request.body,
        };
        let problems = self
            .checker
            .check(operation, &arguments, &request.query, sent)
            .await;
        if !problems.is_empty() {
            request.problems = problems;
            return unprocessable(&request.problems);
        }
        self.documented(operation, &arguments, request)
    }

    /// The operation's documented response of success, or the one that the
    /// request prefers.
    fn documented(
        &self,
        operation: &Operation,
        arguments: &[String],
        request: &Recorded,
    ) -> Response {
        let prefer = Preference::parse(header(request, "prefer").unwrap_or_default());
        if prefer.fails {
            return Response::refusal(200, "A failure on purpose");
        }
        let response = match prefer.code {
            None => operation.success(),
            Some(code) => {
                let mut responses = operation.responses.iter();
                let found = responses.find(|response| response.status.to_string() == code);
                if found.is_none() {
                    let why = "Prefer: the operation has no documented response of this code";
                    return Response::refusal(400, why);
                }
                found
            }
        };
        let Some(response) = response else {
            return Response::json(200, &json!({"success": true, "data": null, "meta": []}));
        };
        let status = response.status;
        let is_success = (200..300).contains(&status);
        let schema = response
            .content
            .as_ref()
            .filter(|content| content.is_json())
            .and_then(|content| content.schema.get(self.document.api().document()));
        let mut body = schema.map_or(Value::Null, |schema| {
            let seed = self.seed(request, prefer.dynamic);
            let mut values = Values::new(&self.document, seed, Fill::All);
            values.vary = prefer.dynamic;
            values.known = self.known(operation, arguments);
            if asked_page(operation, request).number > LAST_PAGE {
                values.list_length = Some(0);
            }
            values.value(schema, "")
        });
        if let Some(success) = body.get_mut("success").filter(|value| value.is_boolean()) {
            *success = is_success.into();
        }
        if is_success && let Some(member) = self.members.get(&operation.id) {
            let store_request = Request {
                member,
                arguments,
                sent: &serde_json::from_slice(&request.body).unwrap_or_default(),
                page: self.page(operation, request),
            };
            match self.store.apply(store_request, &mut body) {
                Ok(Some(total)) => tell_total(operation.paging.as_ref(), total, &mut body),
                Ok(None) => {}
                Err(NotFound) => return Response::refusal(404, "Not found"),
            }
        }
        let mut written = Response::json(status, &body);
        match &response.content {
            None => written.body.clear(),
            Some(content) if schema.is_none() => {
                written.media_type.clone_from(&content.media_type);
                written.body = placeholder(content).to_vec();
            }
            Some(_) => {}
        }
        if status == 204 {
            written.body.clear();
        }
        written
    }

    /// The path's whole numbers, which fields of the same ids have too.
    fn known(&self, operation: &Operation, arguments: &[String]) -> BTreeMap<String, i64> {
        let mut known = BTreeMap::new();
        for (name, argument) in operation.path.parameters().zip(arguments) {
            if let Ok(number) = argument.parse() {
                let names = self.document.id_names(name);
                known.extend(names.map(|name| (name.to_owned(), number)));
            }
        }
        known
    }

    /// The page of a kept list to respond with: all of a list without pages.
    fn page(&self, operation: &Operation, request: &Recorded) -> Page {
        let asked = asked_page(operation, request);
        let is_paged = operation.paging.is_some();
        let size = match asked.size {
            Some(size) => Some(size),
            None if is_paged => Some(self.default_size(operation)),
            None => None,
        };
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
        Page {
            number: whole(asked.number),
            size: size.map_or(usize::MAX, whole),
        }
    }

    /// The size of a page whose request names none: the parameter's default.
    fn default_size(&self, operation: &Operation) -> u64 {
        let Some(PagedBy::Query {
            size: Some(name), ..
        }) = operation.paging.as_ref().map(|paging| &paging.by)
        else {
            return PAGE_SIZE;
        };
        let mut parameters = operation.parameters_in(Place::Query);
        let parameter = parameters.find(|parameter| parameter.name == *name);
        let schema = parameter.map(|parameter| self.document.api().get(&parameter.schema));
        let default = schema.and_then(|schema| schema["default"].as_u64());
        default.unwrap_or(PAGE_SIZE)
    }

    /// The same for the same request, unless it prefers other values each time.
    fn seed(&self, request: &Recorded, dynamic: bool) -> u64 {
        let Recorded {
            method,
            path,
            query,
            body,
            ..
        } = request;
        let dice = || {
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            dice.u64(..)
        };
        let drawn = if dynamic { dice() } else { 0 };
        let numbers = [self.seed.to_le_bytes(), drawn.to_le_bytes()];
        let texts = [method.as_bytes(), path.as_bytes(), query.as_bytes(), body];
        fnv1a(numbers.iter().map(|bytes| &bytes[..]).chain(texts))
    }
}

/// 64-bit FNV-1a of the parts, each ended by a byte that UTF-8 does not have.
/// Unlike the standard library's hasher, it is the same in every release.
fn fnv1a<'p>(parts: impl Iterator<Item = &'p [u8]>) -> u64 {
    let bytes = parts.flat_map(|part| part.iter().copied().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Writes down what is wrong, and refuses.
fn refuse(request: &mut Recorded, status: u16, at: &str, why: &str) -> Response {
    request.problems.push(Problem {
        pointer: at.to_owned(),
        message: why.to_owned(),
    });
    Response::refusal(status, why)
}

/// 422 with every problem by its pointer.
fn unprocessable(problems: &[Problem]) -> Response {
    let mut errors: Map<String, Value> = Map::new();
    for Problem { pointer, message } in problems {
        let texts = errors.entry(pointer).or_insert_with(|| json!([]));
        if let Value::Array(texts) = texts {
            texts.push(message.as_str().into());
        }
    }
    let message = "The request is not what the document allows";
    let meta = json!({"message": message, "errors": errors});
    Response::json(422, &envelope(meta))
}

fn header<'r>(request: &'r Recorded, name: &str) -> Option<&'r str> {
    request.headers.get(name).map(String::as_str)
}

/// The page that a request names; the first if it names none.
#[derive(Clone, Copy, Debug)]
struct AskedPage {
    number: u64,
    size: Option<u64>,
}

fn asked_page(operation: &Operation, request: &Recorded) -> AskedPage {
    let (sent, page, size) = match operation.paging.as_ref().map(|paging| &paging.by) {
        Some(PagedBy::Query { page, size }) => {
            let numbers = pairs(&request.query).into_iter();
            let numbers = numbers.filter_map(|(name, text)| {
                let number: u64 = text.parse().ok()?;
                Some((name, Value::from(number)))
            });
            (numbers.collect(), page, size)
        }
        Some(PagedBy::Body { page, size }) => {
            let sent = serde_json::from_slice(&request.body).unwrap_or_default();
            (sent, page, size)
        }
        Some(PagedBy::Dates { .. }) | None => {
            return AskedPage {
                number: 1,
                size: None,
            };
        }
    };
    let number = |name: &String| Value::get(&sent, name)?.as_u64();
    AskedPage {
        number: number(page).unwrap_or(1),
        size: size.as_ref().and_then(number),
    }
}

/// Writes how many items there are where the response says so.
fn tell_total(paging: Option<&Paging>, count: usize, body: &mut Value) {
    for at in paging
        .into_iter()
        .flat_map(|paging| paging.totals.iter().chain(&paging.counts))
    {
        let total = body.pointer_mut(at.as_str());
        if let Some(total) = total.filter(|total| total.is_number()) {
            *total = count.into();
        }
    }
}

/// A body of a media type that the document has no schema for.
fn placeholder(content: &Content) -> &'static [u8] {
    match content.media_type.as_str() {
        "application/pdf" => b"%PDF-1.7\n%%EOF\n",
        _ if content.is_json() => b"{}",
        _ => b"",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_same_in_every_release() {
        let parts = ["a".as_bytes(), "b".as_bytes()];
        assert_eq!(fnv1a(parts.into_iter()), 0xd2b3_7181_9297_f98a);
        assert_ne!(
            fnv1a(parts.into_iter()),
            fnv1a(["ab".as_bytes()].into_iter())
        );
    }
}
