//! AWS SDK clients for an endpoint on this machine: no TLS, made-up credentials.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_http_client::Builder;

/// Credentials that any emulator accepts and AWS does not.
fn credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "local-aws")
}

/// A DynamoDB client for `endpoint_url`, such as `http://127.0.0.1:8000`.
///
/// Nothing is read from the environment, so that a machine's own AWS settings cannot leak in.
#[must_use]
pub fn dynamodb(endpoint_url: &str) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(crate::REGION))
            .endpoint_url(endpoint_url)
            .credentials_provider(credentials())
            .http_client(Builder::new().build_http())
            .build(),
    )
}

/// A DynamoDB Streams client for `endpoint_url`; emulators serve both APIs under one address.
#[must_use]
pub fn dynamodb_streams(endpoint_url: &str) -> aws_sdk_dynamodbstreams::Client {
    aws_sdk_dynamodbstreams::Client::from_conf(
        aws_sdk_dynamodbstreams::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(crate::REGION))
            .endpoint_url(endpoint_url)
            .credentials_provider(credentials())
            .http_client(Builder::new().build_http())
            .build(),
    )
}
