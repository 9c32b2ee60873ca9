//! What can go wrong with the table.

use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// The table could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, refused, or was busy for too long. Names the operation and
    /// DynamoDB's error code.
    #[error("{operation} failed: {code}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// DynamoDB's code, or what kept it from answering.
        code: String,
    },
    /// An attribute is missing or not of its type.
    #[error("attribute {0} cannot be read")]
    Unreadable(&'static str),
    /// Others changed the item again and again.
    #[error("{0} kept colliding with other changes")]
    Contended(&'static str),
}

impl StoreError {
    /// Whether the same call may work later. What DynamoDB finds invalid, or what cannot be read,
    /// stays so until somebody mends it.
    pub fn can_pass(&self) -> bool {
        match self {
            Self::Unavailable { code, .. } => code != "ValidationException",
            Self::Contended(_) => true,
            Self::Unreadable(_) => false,
        }
    }

    pub(super) fn of<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
        R: Debug,
    {
        let code = match error {
            SdkError::TimeoutError(_) => "timed out".to_owned(),
            SdkError::DispatchFailure(_) => "no connection".to_owned(),
            SdkError::ResponseError(_) => "unreadable answer".to_owned(),
            SdkError::ConstructionFailure(_) => "request could not be built".to_owned(),
            // The code alone: a message can quote an item.
            other => other.code().unwrap_or("unknown").to_owned(),
        };
        Self::Unavailable { operation, code }
    }
}
