//! Secure connections: servers that cannot prove who they are get nothing.

use std::sync::Arc;

use tenantry_core::secret::SecretText;
use tenantry_integrations::egress::{Egress, EgressError, Obstacle, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto};
use url::Url;

/// Listens on a free port, and hands the first connection to `serve`.
async fn listening<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move { serve(listener.accept().await.unwrap().0).await });
    origin
}

async fn sent(origin: &str) -> EgressError {
    let request =
        Request::get(Url::parse(origin).unwrap()).authorization("Bearer", SecretText::new("CANARY".to_owned()));
    Egress::builder().allow_origin(origin).unwrap().build().send(request).await.unwrap_err()
}

fn self_signed() -> TlsAcceptor {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = own.signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.into()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent() {
    let acceptor = self_signed();
    let (seen, heard) = tokio::sync::oneshot::channel();
    let origin = listening(|stream| async move {
        let mut bytes = Vec::new();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            let _ = stream.read_to_end(&mut bytes).await;
        }
        seen.send(bytes).unwrap();
    })
    .await;
    assert_eq!(sent(&origin).await, EgressError::Unreachable(Obstacle::Tls));
    assert_eq!(heard.await.unwrap(), b"");
}

#[tokio::test]
async fn a_server_without_tls_is_no_https_server() {
    let origin =
        listening(|mut stream| async move { stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap() }).await;
    assert_eq!(sent(&origin).await, EgressError::Unreachable(Obstacle::Tls));
}
