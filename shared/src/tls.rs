//! TLS, set up once for all clients of a process: rustls on ring, and whom it trusts.
//!
//! The roots are Mozilla's, compiled in: a function at 128 MB would spend longer reading the
//! system's file of them than on its first event, and not every system has one. They are as old as
//! the build. `SSL_CERT_FILE`, as OpenSSL has it, names a file of others instead: a test's own, or
//! those of a company's proxy.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};

/// Whom all clients of this process trust.
static CONFIG: OnceLock<ClientConfig> = OnceLock::new();

/// Why a file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It cannot be read, or is not PEM.
    #[error("cannot be read as PEM: {0}")]
    Pem(#[from] pem::Error),
    /// A certificate in it is broken.
    #[error("certificate {0} cannot be used: {1}")]
    Certificate(usize, rustls::Error),
    /// It names nobody.
    #[error("holds no certificate")]
    Empty,
    /// Something has been called already.
    #[error("comes too late: connections have been set up")]
    Late,
}

/// Trusts the authorities in this file (PEM), and no others. Before the first client is made.
///
/// # Errors
/// When the file cannot be used.
pub fn trust(file: &Path) -> Result<(), TrustError> {
    let mut roots = RootCertStore::empty();
    for (n, certificate) in CertificateDer::pem_file_iter(file)?.enumerate() {
        let added = roots.add(certificate?);
        added.map_err(|error| TrustError::Certificate(n + 1, error))?;
    }
    if roots.is_empty() {
        return Err(TrustError::Empty);
    }
    CONFIG.set(config_of(roots)).map_err(|_| TrustError::Late)
}

/// The configuration for a client.
pub(crate) fn config() -> ClientConfig {
    let built_in = || config_of(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
    CONFIG.get_or_init(built_in).clone()
}

fn config_of(roots: RootCertStore) -> ClientConfig {
    let provider = rustls::crypto::ring::default_provider();
    // For whoever makes a client of their own in this process. A second one changes nothing.
    let _ = provider.clone().install_default();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
