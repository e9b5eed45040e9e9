//! Sending requests to the mock.

use altegio_mock::MockServer;
use altegio_openapi::api::Part;
use reqwest::{Client, Method, Response};
use serde_json::Value;

pub const TOKENS: &str = "Bearer partner, User user";
pub const ACCEPT: &str = "application/vnd.api.v2+json";

/// A client of a mock.
pub struct Asking<'s> {
    server: &'s MockServer,
    pub http: Client,
}

impl<'s> Asking<'s> {
    pub fn new(server: &'s MockServer) -> Self {
        let http = Client::builder().no_proxy().build().unwrap();
        Self { server, http }
    }

    /// A request with the tokens and the media type.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.server.url()))
            .header("authorization", TOKENS)
            .header("accept", ACCEPT)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(method, path);
        let request = request.header("content-type", "application/json");
        read(request.body(body.to_string()).send().await.unwrap()).await
    }
}

/// The path of an operation with these arguments, wherever the document has it.
pub fn path(server: &MockServer, id: &str, arguments: &[&str]) -> String {
    let operation = server.document().api().operation(id);
    let operation = operation.unwrap_or_else(|| panic!("the document has no operation `{id}`"));
    let mut arguments = arguments.iter();
    let parts = operation.path.parts().map(|part| match part {
        Part::Text(text) => text,
        Part::Parameter(name) => arguments
            .next()
            .unwrap_or_else(|| panic!("{id}: no {name}")),
    });
    parts.collect()
}

/// A response's status, and its body if it is JSON.
pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}
