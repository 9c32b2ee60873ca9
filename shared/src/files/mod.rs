//! Files that agents send and only their desk opens: kept for a while where the user can get them.

mod bucket;

use crate::conversation::{ConversationId, EntryId};
use crate::desk::DeskFile;

pub use bucket::{Bucket, LINK_FOR};

/// The largest file that is handed on, in bytes: it passes through the relay's memory.
pub const MAX_BYTES: u64 = 10 * 1024 * 1024;
/// The most files of one line that are handed on.
pub const MAX_FILES: usize = 10;
/// Media types that are not handed on: a browser would run what is in them.
const REFUSED_TYPES: [&str; 5] = [
    "text/html",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/javascript",
    "application/javascript",
];

/// Why a file did not get to the user, in words for the agents. Never holds its address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The deployment hands on no files.
    #[error("Files are switched off")]
    Off,
    /// Never: too large, of a kind that is not handed on, not to be had.
    #[error("{0}")]
    Refused(String),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

/// Where files are kept.
#[async_trait::async_trait]
pub trait Files: Send + Sync {
    /// Whether there is such a place; else nothing needs to be fetched.
    fn is_on(&self) -> bool {
        true
    }

    /// Keeps the `n`th file of a line and answers a link that opens it without credentials. Asked
    /// again for the same file of the same line, it is the same file.
    ///
    /// # Errors
    /// When it was not kept.
    async fn keep(
        &self,
        conversation: &ConversationId,
        entry: &EntryId,
        n: usize,
        file: &DeskFile,
        bytes: Vec<u8>,
    ) -> Result<String, FileError>;

    /// Deletes the `n`th file of a line. One that is not there is deleted already.
    ///
    /// # Errors
    /// When it may still be there.
    async fn remove(
        &self,
        conversation: &ConversationId,
        entry: &EntryId,
        n: usize,
    ) -> Result<(), FileError>;
}

/// No place for files: agents are told so.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFiles;

#[async_trait::async_trait]
impl Files for NoFiles {
    fn is_on(&self) -> bool {
        false
    }

    async fn keep(
        &self,
        _: &ConversationId,
        _: &EntryId,
        _: usize,
        _: &DeskFile,
        _: Vec<u8>,
    ) -> Result<String, FileError> {
        Err(FileError::Off)
    }

    async fn remove(&self, _: &ConversationId, _: &EntryId, _: usize) -> Result<(), FileError> {
        Ok(())
    }
}

/// Whether a file may be handed on, by what its desk says about it.
///
/// # Errors
/// When it may not.
pub fn fits(n: usize, file: &DeskFile) -> Result<(), FileError> {
    let refused = |why: String| Err(FileError::Refused(why));
    if n >= MAX_FILES {
        return refused(format!("A message can have {MAX_FILES} files"));
    }
    if file.bytes.is_some_and(|bytes| bytes > MAX_BYTES) {
        return refused(format!("It is larger than {} MB", MAX_BYTES >> 20));
    }
    let kind = file.content_type.as_deref().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if REFUSED_TYPES
        .iter()
        .any(|refused| kind.eq_ignore_ascii_case(refused))
    {
        return refused("Files of this kind are not sent".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content_type: Option<&str>, bytes: Option<u64>) -> DeskFile {
        DeskFile {
            name: "x".into(),
            content_type: content_type.map(Into::into),
            bytes,
            url: "https://desk.example/x".into(),
            public: false,
        }
    }

    #[test]
    fn what_is_too_large_too_much_or_runs_in_a_browser_is_not_handed_on() {
        assert!(fits(0, &file(None, None)).is_ok());
        assert!(fits(MAX_FILES - 1, &file(Some("image/png"), Some(MAX_BYTES))).is_ok());
        assert!(fits(MAX_FILES, &file(None, None)).is_err());
        assert!(fits(0, &file(None, Some(MAX_BYTES + 1))).is_err());
        assert!(fits(0, &file(Some("Text/HTML; charset=utf-8"), None)).is_err());
    }
}
