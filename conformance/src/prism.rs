//! Stoplight Prism, a mock server of other authors, behind a proxy that records
//! requests and rewrites headers: Prism negotiates on `Accept` and knows only
//! `application/json`. Nothing else is changed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tokio::net::{TcpListener, TcpStream};

use crate::received::Received;

/// How long Prism may take to read the document.
const PATIENCE: Duration = Duration::from_secs(120);

/// Prism and the proxy before it; dropping it ends both.
pub struct Prism {
    child: Child,
    address: SocketAddr,
    proxy: Arc<Proxy>,
}

struct Proxy {
    to: SocketAddr,
    http: reqwest::Client,
    received: Mutex<Vec<Received>>,
}

impl Prism {
    /// Installs Prism as `xtask/package.json` pins it, and starts it.
    pub async fn start(document: &Path) -> Result<Self> {
        if !document.exists() {
            bail!(
                "the vendor's document is not at {}; set ALTEGIO_SPEC_DIR",
                document.display()
            );
        }
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("xtask");
        let installed = Command::new("npm")
            .args(["ci", "--silent", "--no-audit", "--no-fund"])
            .current_dir(&xtask)
            .status()
            .context("Prism is a package of npm's: install Node.js")?;
        if !installed.success() {
            bail!("npm ci in xtask/: {installed}");
        }
        let to = free_port().await?;
        let child = Command::new(xtask.join("node_modules/.bin/prism"))
            .args(["mock", "--host", "127.0.0.1", "--port"])
            .arg(to.port().to_string())
            .arg(document)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start Prism")?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let proxy = Arc::new(Proxy {
            to,
            http: reqwest::Client::builder().no_proxy().build()?,
            received: Mutex::default(),
        });
        let prism = Self {
            child,
            address,
            proxy: proxy.clone(),
        };
        let started = Instant::now();
        while TcpStream::connect(to).await.is_err() {
            if started.elapsed() > PATIENCE {
                bail!("Prism did not start within {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let router = Router::new().fallback(forward).with_state(proxy);
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(prism)
    }

    /// What a client takes as its server.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests since the last call.
    pub fn take(&self) -> Vec<Received> {
        let received = self.proxy.received.lock();
        let mut received = received.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *received)
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok(listener.local_addr()?)
}

async fn forward(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    let mut headers = parts.headers;
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let as_sent: BTreeMap<String, String> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.remove(header::HOST);
    // OpenAPI says to ignore header parameters of these names. Prism requires
    // them, and two that the document misspells.
    if !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    for (misspelt, name) in [
        ("authorizarion", header::AUTHORIZATION),
        ("conetnt-type", header::CONTENT_TYPE),
    ] {
        if let Some(value) = headers.get(&name).cloned() {
            headers.insert(HeaderName::from_static(misspelt), value);
        }
    }
    let sent = proxy
        .http
        .request(parts.method.clone(), format!("http://{}{target}", proxy.to))
        .headers(headers)
        .body(body.clone())
        .send()
        .await;
    let (status, media_type, answer) = match sent {
        Ok(answer) => {
            let status = answer.status();
            let media_type = answer.headers().get(header::CONTENT_TYPE).cloned();
            (status, media_type, answer.bytes().await.unwrap_or_default())
        }
        Err(error) => (
            StatusCode::BAD_GATEWAY,
            None,
            error.without_url().to_string().into_bytes().into(),
        ),
    };
    let received = Received {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: as_sent,
        body: body.to_vec(),
        refusals: refusals(status, &answer),
    };
    proxy
        .received
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(received);
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = status;
    if let Some(media_type) = media_type {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, media_type);
    }
    response
}

/// What Prism says is wrong with a request. Its own errors have a `type` that
/// names its page about them.
fn refusals(status: StatusCode, answer: &[u8]) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let is_its_own = body["type"]
        .as_str()
        .is_some_and(|text| text.contains("stoplight.io"));
    if !is_its_own {
        return Vec::new();
    }
    let validation = body["validation"].as_array().into_iter().flatten();
    let mut refusals: Vec<String> = validation
        .map(|item| format!("{}: {}", item["location"], item["message"]))
        .collect();
    if refusals.is_empty() {
        refusals.push(format!("{status}: {} {}", body["title"], body["detail"]));
    }
    refusals
}
