//! TLS of outbound connections: rustls with ring, and the root certificates of the platform.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto};
use rustls_platform_verifier::Verifier;
use tracing::warn;

/// Builds the configuration by itself, without the process-wide default that a library must not install.
///
/// Where the platform has no root certificates, no certificate is trusted: origins that are allowed over `http` work
/// all the same, and everything else fails with [`super::Obstacle::Tls`].
pub(super) fn config() -> ClientConfig {
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring has the cipher suites of TLS 1.2 and 1.3");
    let mut config = match Verifier::new(provider) {
        // `dangerous()` is rustls's word for any verifier that is not its own; this one checks no less.
        Ok(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth(),
        Err(error) => {
            warn!(%error, "no root certificates: https to outside systems will fail");
            builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}
