//! What keeps the sandbox from running.

/// What keeps the sandbox from running.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something else has the port.
    #[error("port {port} cannot be used ({cause}): choose another one with {flag}")]
    Port {
        /// The port.
        port: u16,
        /// The flag that names another one.
        flag: &'static str,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A flag has a value that cannot be used.
    #[error("{0}")]
    Argument(&'static str),
    /// `--faults` cannot be read.
    #[error("--faults: {0}")]
    Faults(#[from] crate::faults::FaultError),
    /// `--secrets-json` is not valid.
    #[error("--secrets-json: {0}")]
    Secrets(#[from] handoff::secrets::SecretsError),
    /// `--desk` names no desk.
    #[error("--desk: {0}")]
    Desk(#[from] handoff::desk::DeskError),
    /// `--desk` names a desk that is neither a kind of the stand-ins nor in the secret.
    #[error("--desk: {name:?} is none of {kinds}, and the secret has no such desk")]
    UnknownDesk {
        /// What was given.
        name: String,
        /// What there is.
        kinds: String,
    },
    /// The stored settings are not valid.
    #[error(transparent)]
    Settings(#[from] handoff::settings::SettingsError),
    /// The sign-in cannot be set up.
    #[error("sign-in: {0}")]
    SignIn(#[from] console::SignInError),
    /// The token cannot be used.
    #[error("token: {0}")]
    Token(#[from] handoff::token::TokenError),
    /// A part of AWS did not start.
    #[error(transparent)]
    Aws(#[from] local_aws::Error),
    /// The bucket for files cannot be used.
    #[error("files: {0}")]
    Files(#[from] handoff::files::FileError),
    /// The table cannot be used.
    #[error(transparent)]
    Store(#[from] handoff::store::StoreError),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Http(#[from] handoff::gptbots::ClientError),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
