use aws_sdk_dynamodb::error::DisplayErrorContext;

/// What can go wrong in the parts themselves (not in the functions they invoke).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A socket, a file or a process could not be had.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The embedded database failed.
    #[error("embedded DynamoDB: {0}")]
    Database(String),
    /// A DynamoDB or DynamoDB Streams endpoint answered with an error or not at all.
    #[error("{operation}: {message}")]
    Aws {
        /// The API operation, such as `DescribeTable`.
        operation: &'static str,
        /// What came back.
        message: String,
    },
    /// The caller asked for something that cannot be, such as a pattern that is no pattern.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// An error of an AWS call with everything the SDK knows of it.
    pub(crate) fn aws(operation: &'static str, error: impl std::error::Error) -> Self {
        Self::Aws {
            operation,
            message: DisplayErrorContext(error).to_string(),
        }
    }
}
