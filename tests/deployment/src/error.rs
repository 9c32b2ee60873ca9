//! What keeps a check from being made, or makes it fail.

/// Something that did not work, in words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A check's expectation, or a step that did not go as it has to.
    #[error("{0}")]
    Failed(String),
    /// Files, sockets, processes.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// HTTP.
    #[error("{}", http(.0))]
    Http(#[from] reqwest::Error),
    /// JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The certificates of this network.
    #[error(transparent)]
    Certificate(#[from] rcgen::Error),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// Where, and the innermost cause: reqwest's own text hides it.
fn http(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    format!("{}: {cause}", error.url().map_or("", |url| url.path()))
}

/// A failed check, from words.
pub(crate) fn failed<T>(why: impl Into<String>) -> Result<T, Error> {
    Err(Error::Failed(why.into()))
}

/// Fails with these words unless it holds.
pub(crate) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), Error> {
    if holds { Ok(()) } else { failed(why()) }
}
