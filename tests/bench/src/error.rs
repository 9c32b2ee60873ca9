//! What can go wrong.

use std::path::PathBuf;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A file or a socket.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Something that should have been JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The function failed, or answered otherwise than it has to.
    #[error("the function: {0}")]
    Function(String),
    /// A binary is missing.
    #[error("{}: there is no such binary", .0.display())]
    NoBinary(PathBuf),
    /// The system says nothing of a process that can be used.
    #[error("{}: not as Linux has it", .0.display())]
    Unreadable(PathBuf),
    /// Nothing of this name is measured.
    #[error("no row of the table is called {0:?}")]
    NoRow(String),
    /// The binaries could not be built, or a tool failed.
    #[error("{0} failed")]
    Tool(String),
    /// The processor cannot be rationed here.
    #[error("no control group of the processor can be made ({0}): --quota needs root and cgroups")]
    NoQuota(String),
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(String),
    /// A gate does not hold.
    #[error("{0} of the gates do not hold")]
    Gates(usize),
}
