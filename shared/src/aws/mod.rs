//! The AWS SDK, set up once for all clients of a function.
//!
//! By hand out of the parts of `aws-config`, and not by its loader: that looks for profiles, for
//! roles of containers and for those of machines, none of which a function has, and doubles what
//! is loaded before the first event.

mod http;

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

/// Within AWS a connection takes milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The SDK's configuration out of the environment: `AWS_REGION`, the credentials, and the endpoints
/// that `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>` name. See
/// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>.
///
/// One HTTP client for all of them. Short attempts and several: a webhook has to be answered while
/// its caller waits, and a connection that slept with a frozen function may be dead.
pub fn sdk_config() -> SdkConfig {
    let on = |name| variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let mut config = SdkConfig::builder();
    // A service's own variable goes before it: see `Endpoints`.
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL"));
    config
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(
            variable("AWS_REGION")
                .or_else(|| variable("AWS_DEFAULT_REGION"))
                .map(Region::new),
        )
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .http_client(http_client(CONNECT_TIMEOUT))
        .service_config(Endpoints)
        .use_fips(on("AWS_USE_FIPS_ENDPOINT"))
        .use_dual_stack(on("AWS_USE_DUALSTACK_ENDPOINT"))
        .timeout_config(timeouts())
        .retry_config(retries())
        .build()
}

/// The HTTP client for the SDK's clients: one pool of connections. What connecting may take is shared
/// out among the addresses of a name, which are tried one after the other.
pub fn http_client(connect_timeout: Duration) -> SharedHttpClient {
    SharedHttpClient::new(http::Http::new(connect_timeout))
}

/// How long a call may take. Public, so that simulations wait as the functions do.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
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

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Settings of single services, each a variable with the service's name at its end:
/// `AWS_ENDPOINT_URL_DYNAMODB`.
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        variable(&format!("{}_{service}", key.env()))
    }
}
