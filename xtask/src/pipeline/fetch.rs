//! Reads the vendor's document from a file, or downloads it with timeouts and
//! retries.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use backon::{ExponentialBuilder, Retryable};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{Client, Url, redirect};

/// No OpenAPI document of the vendor is this large, so a larger response is
/// something else.
const SIZE_LIMIT: u64 = 32 * 1024 * 1024;

/// Where a document comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    File(PathBuf),
    Url(Url),
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            let url = Url::parse(text).map_err(|error| format!("`{text}`: {error}"))?;
            if !matches!(url.scheme(), "http" | "https") {
                return Err(format!("`{text}`: http or https expected"));
            }
            return Ok(Self::Url(url));
        }
        Ok(Self::File(text.into()))
    }
}

/// The timeouts and the retry policy of a download.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The time limit for all attempts, including the waits between them.
    pub total: Duration,
    /// How long the server may send nothing before the attempt fails.
    pub silence: Duration,
    pub first_wait: Duration,
    pub retries: usize,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            total: Duration::from_secs(60),
            silence: Duration::from_secs(15),
            first_wait: Duration::from_secs(1),
            retries: 3,
        }
    }
}

/// Returns the document's text.
pub async fn fetch(origin: &Origin, patience: Patience) -> Result<String> {
    let bytes = match origin {
        Origin::File(path) => {
            let place = path.display();
            let size = std::fs::metadata(path)
                .with_context(|| {
                    format!("cannot read {place}; give `--from FILE` or `--from URL`")
                })?
                .len();
            if size > SIZE_LIMIT {
                bail!("{place} has {size} bytes; the limit is {SIZE_LIMIT}");
            }
            std::fs::read(path).with_context(|| format!("cannot read {place}"))?
        }
        Origin::Url(url) => {
            let attempts = attempts(url, patience);
            match tokio::time::timeout(patience.total, attempts).await {
                Ok(bytes) => bytes.with_context(|| format!("cannot download {url}"))?,
                Err(_) => bail!(
                    "cannot download {url}: it took longer than {:?}; download it yourself and pass `--from FILE`",
                    patience.total
                ),
            }
        }
    };
    as_text(bytes)
}

async fn attempts(url: &Url, patience: Patience) -> Result<Vec<u8>> {
    let client = client(url, patience.silence)?;
    (|| download(&client, url))
        .retry(
            ExponentialBuilder::default()
                .with_min_delay(patience.first_wait)
                .with_max_times(patience.retries)
                .with_jitter(),
        )
        .when(|error| error.passing)
        .notify(|error, wait| eprintln!("{error}; trying again in {wait:.1?}"))
        .await
        .map_err(|error| error.source)
}

fn as_text(bytes: Vec<u8>) -> Result<String> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        bail!("the document is compressed with gzip; decompress it first");
    }
    if bytes.starts_with(b"PK\x03\x04") {
        bail!("the document is a ZIP archive; extract it first");
    }
    let text = String::from_utf8(bytes).context("the document is not UTF-8")?;
    if text.trim_start().starts_with('<') {
        bail!(
            "the document is an HTML or XML page, not OpenAPI in YAML or JSON; pass the URL of the document itself"
        );
    }
    Ok(text)
}

fn client(url: &Url, silence: Duration) -> Result<Client> {
    let host = url.host_str().map(str::to_owned);
    let scheme = url.scheme().to_owned();
    let policy = redirect::Policy::custom(move |attempt| {
        let to = attempt.url();
        if attempt.previous().len() > 5 {
            attempt.error("more than 5 redirects")
        } else if to.host_str().map(str::to_owned) != host || to.scheme() != scheme {
            let message = format!("redirected to another host ({to}); pass that URL with `--from`");
            attempt.error(message)
        } else {
            attempt.follow()
        }
    });
    Ok(Client::builder()
        .redirect(policy)
        .read_timeout(silence)
        .user_agent(concat!("altegio-xtask/", env!("CARGO_PKG_VERSION")))
        .build()?)
}

#[derive(Debug)]
struct DownloadError {
    source: anyhow::Error,
    /// Whether another attempt may succeed.
    passing: bool,
}

impl std::fmt::Display for DownloadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.source)
    }
}

impl From<reqwest::Error> for DownloadError {
    fn from(error: reqwest::Error) -> Self {
        let passing = !(error.is_redirect() || error.is_builder());
        Self {
            source: error.into(),
            passing,
        }
    }
}

async fn download(client: &Client, url: &Url) -> Result<Vec<u8>, DownloadError> {
    let mut response = client.get(url.clone()).send().await?;
    let status = response.status();
    if !status.is_success() {
        return Err(DownloadError {
            source: anyhow::anyhow!("the server responded with {status}"),
            passing: status.is_server_error() || status.as_u16() == 429,
        });
    }
    let length = response.content_length();
    let too_large = |size: u64| DownloadError {
        source: anyhow::anyhow!("{size} bytes or more; the limit is {SIZE_LIMIT}"),
        passing: false,
    };
    if let Some(length) = length.filter(|length| *length > SIZE_LIMIT) {
        return Err(too_large(length));
    }
    let bar = match length {
        Some(length) => ProgressBar::new(length).with_style(
            ProgressStyle::with_template("{bytes}/{total_bytes} {bar:30} {bytes_per_sec}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        ),
        None => ProgressBar::new_spinner(),
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        bar.set_position(bytes.len() as u64);
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(too_large(bytes.len() as u64));
        }
    }
    bar.finish_and_clear();
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use httpmock::prelude::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    fn patience() -> Patience {
        Patience {
            total: Duration::from_secs(5),
            silence: Duration::from_secs(1),
            first_wait: Duration::from_millis(1),
            retries: 2,
        }
    }

    async fn from(url: String) -> Result<String> {
        fetch(&url.parse().map_err(anyhow::Error::msg)?, patience()).await
    }

    #[tokio::test]
    async fn a_url_and_a_file_give_the_same_text() {
        let server = MockServer::start_async().await;
        let mock = server
            .mock_async(|when, then| {
                when.method(GET).path("/openapi.yaml");
                then.body("openapi: 3.1.1\n");
            })
            .await;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "openapi: 3.1.1\n").unwrap();
        let origin = Origin::File(file.path().to_owned());
        let local = fetch(&origin, patience()).await.unwrap();
        assert_eq!(from(server.url("/openapi.yaml")).await.unwrap(), local);
        mock.assert_calls_async(1).await;
    }

    #[tokio::test]
    async fn server_errors_are_tried_again_and_client_errors_are_not() {
        let server = MockServer::start_async().await;
        let busy = server
            .mock_async(|when, then| {
                when.path("/busy");
                then.status(503);
            })
            .await;
        let gone = server
            .mock_async(|when, then| {
                when.path("/gone");
                then.status(404);
            })
            .await;
        assert!(from(server.url("/busy")).await.is_err());
        busy.assert_calls_async(3).await;
        let error = format!("{:#}", from(server.url("/gone")).await.unwrap_err());
        assert!(error.contains("404"), "{error}");
        gone.assert_calls_async(1).await;
    }

    #[tokio::test]
    async fn redirects_stay_on_the_host() {
        let other = MockServer::start_async().await;
        let elsewhere = other
            .mock_async(|when, then| {
                when.any_request();
                then.body("openapi: 3.1.1");
            })
            .await;
        let server = MockServer::start_async().await;
        // The redirect policy treats `localhost` and `127.0.0.1` as two hosts.
        let target = other.base_url().replace("127.0.0.1", "localhost");
        server
            .mock_async(|when, then| {
                when.path("/away");
                then.status(302).header("Location", target);
            })
            .await;
        server
            .mock_async(|when, then| {
                when.path("/here");
                then.status(302).header("Location", "/there");
            })
            .await;
        server
            .mock_async(|when, then| {
                when.path("/there");
                then.body("text");
            })
            .await;
        assert_eq!(from(server.url("/here")).await.unwrap(), "text");
        let error = format!("{:#}", from(server.url("/away")).await.unwrap_err());
        assert!(error.contains("another host"), "{error}");
        elsewhere.assert_calls_async(0).await;
    }

    #[tokio::test]
    async fn what_is_too_large_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(SIZE_LIMIT + 1).unwrap();
        let origin = Origin::File(file.path().to_owned());
        let error = fetch(&origin, patience()).await.unwrap_err().to_string();
        assert!(error.contains("the limit is"), "{error}");
    }

    /// A server that sends `head`, and then one more byte after every `pause`.
    async fn dripping(head: &'static str, pause: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    stream.write_all(head.as_bytes()).await?;
                    loop {
                        tokio::time::sleep(pause).await;
                        stream.write_all(b" ").await?;
                    }
                    #[allow(unreachable_code)]
                    std::io::Result::Ok(())
                });
            }
        });
        url
    }

    #[tokio::test]
    async fn a_server_that_stalls_or_drips_costs_no_more_than_the_total() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
        for (head, pause) in [
            (head, Duration::from_millis(5)),
            (head, Duration::from_secs(60)),
            ("", Duration::from_secs(60)),
        ] {
            let url = dripping(head, pause).await.parse().unwrap();
            let patience = Patience {
                total: Duration::from_millis(300),
                silence: Duration::from_millis(100),
                ..patience()
            };
            let started = std::time::Instant::now();
            let error = format!("{:#}", fetch(&url, patience).await.unwrap_err());
            assert!(started.elapsed() < Duration::from_secs(3), "{pause:?}");
            assert!(error.starts_with("cannot download http://"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_body_shorter_than_announced_is_no_document() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nopenapi: 3.1.1\n";
                stream.write_all(half.as_bytes()).await.unwrap();
            }
        });
        let error = format!("{:#}", from(url).await.unwrap_err());
        assert!(error.starts_with("cannot download http://"), "{error}");
    }

    #[test]
    fn what_is_no_document_is_called_by_its_name() {
        for (bytes, name) in [
            (&b"\x1f\x8b\x08\0"[..], "compressed with gzip"),
            (b"PK\x03\x04", "ZIP archive"),
            (
                b"\n<!DOCTYPE html><title>Sign in</title>",
                "HTML or XML page",
            ),
            (b"openapi: \xff", "not UTF-8"),
        ] {
            let error = as_text(bytes.to_vec()).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
