//! Tests that TLS is never disabled silently. Run with each choice of TLS feature.

use altegio::{Client, ErrorKind};

#[test]
fn https_without_a_tls_feature_is_refused_before_anything_is_sent() {
    let built = Client::builder().build();
    if cfg!(any(feature = "rustls", feature = "native-tls")) {
        assert!(built.is_ok());
    } else {
        let error = built.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error
                .to_string()
                .contains("feature `rustls` or `native-tls`")
        );
    }
    let plain = Client::builder().server("http://127.0.0.1:1".parse().unwrap());
    assert!(plain.build().is_ok());
}

#[cfg(all(
    any(feature = "rustls", feature = "native-tls"),
    feature = "b2b-v1-custom-fields"
))]
mod with_tls {
    use std::sync::{Arc, Mutex};

    use altegio::ids::LocationId;
    use altegio::{Client, ClientBuilder, Error, ErrorKind};
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    struct Server {
        url: String,
        certificate: String,
        requests: Arc<Mutex<usize>>,
    }

    /// Starts a TLS server with a self-signed certificate that responds to every
    /// request with `head`.
    async fn start(head: &'static str) -> Server {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "https://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        let requests = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let read = stream.read(&mut [0; 4096]).await;
                *seen.lock().unwrap() += usize::from(read.is_ok_and(|read| read > 0));
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Server {
            url,
            certificate: cert.pem(),
            requests,
        }
    }

    fn builder(server: &Server) -> ClientBuilder {
        let builder = Client::builder().partner_token("p").user_token("u");
        builder
            .server(server.url.parse().unwrap())
            .retry(altegio::Retry::off())
    }

    /// A client that trusts the server's certificate.
    fn trusting(server: &Server) -> Client {
        let certificate = reqwest::Certificate::from_pem(server.certificate.as_bytes()).unwrap();
        let trusting = builder(server)
            .http_client_builder(move |http| http.tls_certs_only([certificate.clone()]));
        trusting.build().unwrap()
    }

    async fn list(client: &Client) -> Result<(), Error> {
        let call = client
            .b2b_v1()
            .get_custom_field_list("record", LocationId(1));
        call.send().await.map(drop)
    }

    #[tokio::test]
    async fn a_certificate_that_nobody_signed_is_refused() {
        let server = start("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
        let error = list(&builder(&server).build().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert_eq!(*server.requests.lock().unwrap(), 0);
    }

    #[tokio::test]
    async fn a_client_of_ones_own_brings_its_trust() {
        let server = start("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
        list(&trusting(&server)).await.unwrap();
        assert_eq!(*server.requests.lock().unwrap(), 1);
    }

    #[tokio::test]
    async fn a_redirect_from_https_to_http_is_refused() {
        let head = "HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n";
        let server = start(head).await;
        let error = list(&trusting(&server)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect, "{error}");
        assert_eq!(*server.requests.lock().unwrap(), 1);
    }
}
