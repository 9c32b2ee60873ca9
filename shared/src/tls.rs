//! TLS, set up once for all clients of a process: rustls on ring, and whom it trusts.
//!
//! The roots are Mozilla's, compiled in: a function at 128 MB would spend longer reading the
//! system's file of them than on its first event, and not every system has one. They are as old as
//! the build. A file (`SSL_CERT_FILE`) adds others: those of a company whose firewall opens TLS, or
//! a test's own.

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
    /// It names nobody.
    #[error("holds no certificate that can be used")]
    Empty,
    /// Something has been called already.
    #[error("comes too late: connections have been set up")]
    Late,
}

/// Trusts the authorities in this file (PEM), too. Before the first client is made. Certificates that
/// cannot be used are passed over, as there are such in many systems' bundles.
///
/// # Errors
/// When the file cannot be used.
pub fn trust(file: &Path) -> Result<(), TrustError> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)?.collect::<Result<_, _>>()?;
    let mut roots = built_in();
    let (added, passed_over) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(TrustError::Empty);
    }
    if passed_over > 0 {
        tracing::warn!(added, passed_over, "certificates that cannot be used");
    }
    CONFIG.set(config_of(roots)).map_err(|_| TrustError::Late)
}

fn built_in() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

/// The configuration for a client.
pub(crate) fn config() -> ClientConfig {
    CONFIG.get_or_init(|| config_of(built_in())).clone()
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
