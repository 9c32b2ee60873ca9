//! The AWS SDK, set up once for all clients of a function.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// The SDK's configuration out of the environment: region, credentials, endpoints.
///
/// One HTTP client on rustls and ring for all of them. Short attempts and several: a webhook has
/// to be answered while its caller waits, and a connection that slept with a frozen function may
/// be dead.
pub async fn sdk_config() -> SdkConfig {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .timeout_config(timeouts())
        .retry_config(retries())
        .load()
        .await
}

/// How long a call may take. Public, so that simulations wait as the functions do.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_millis(2_000))
        .operation_timeout(Duration::from_secs(6))
        .build()
}

/// How often a call is tried. Public for the same reason.
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(50))
}
