//! The part of S3 that is reached by signed addresses: an object is put by one, read by another and
//! deleted by a third.
//!
//! As S3 does, it believes an address only with its signature (AWS Signature Version 4, query
//! parameters), for the method that was signed, and until it runs out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{Error, REGION};

/// The longest an address may be good for: a week (S3's own limit).
const LONGEST: i64 = 604_800;
/// The largest object: none of the tests' is larger.
const MAX_BYTES: usize = 64 << 20;

/// Buckets on 127.0.0.1; they stop, and are gone, when this is dropped.
#[derive(Debug)]
pub struct Objects {
    url: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    host: String,
    kept: Mutex<HashMap<String, Bytes>>,
}

impl Objects {
    /// Serves buckets of any name, by path: `{url}/{bucket}/{key}`.
    ///
    /// # Errors
    /// No socket can be bound.
    pub async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let host = listener.local_addr()?.to_string();
        let shared = Arc::new(Shared {
            host: host.clone(),
            kept: Mutex::default(),
        });
        let router = Router::new().fallback(handle).with_state(shared.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "the buckets' endpoint has failed");
            }
        });
        let url = format!("http://{host}");
        Ok(Self {
            url,
            shared,
            server,
        })
    }

    /// The address: the value for `AWS_ENDPOINT_URL_S3`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The credentials that addresses are signed with.
    #[must_use]
    pub fn credentials() -> Credentials {
        Credentials::new("local", "local", None, None, "local-aws")
    }

    /// How many objects there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.kept().len()
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, Bytes>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the address was signed for this method and is still good.
    fn accepts(&self, method: &Method, path: &str, query: &[(String, String)]) -> bool {
        let value = |name: &str| {
            let found = query.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        let (Some(date), Some(expires), Some(signature)) = (
            value("X-Amz-Date"),
            value("X-Amz-Expires").and_then(|seconds| seconds.parse::<i64>().ok()),
            value("X-Amz-Signature"),
        ) else {
            return false;
        };
        let form = format_description!("[year][month][day]T[hour][minute][second]Z");
        let Ok(signed_at) = time::PrimitiveDateTime::parse(date, form) else {
            return false;
        };
        let signed_at = signed_at.assume_utc();
        let age = (OffsetDateTime::now_utc() - signed_at).whole_seconds();
        if !(1..=LONGEST).contains(&expires) || age >= expires {
            return false;
        }
        let rest: Vec<String> = query
            .iter()
            .filter(|(name, _)| !name.starts_with("X-Amz-"))
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        let mut url = format!("http://{}{path}", self.host);
        if !rest.is_empty() {
            url = format!("{url}?{}", rest.join("&"));
        }
        let expires = Duration::from_secs(expires.unsigned_abs());
        self.signature(method, &url, signed_at.into(), expires)
            .is_some_and(|expected| expected == signature)
    }

    fn signature(
        &self,
        method: &Method,
        url: &str,
        time: SystemTime,
        expires: Duration,
    ) -> Option<String> {
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(expires);
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let identity = Objects::credentials().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("s3")
            .time(time)
            .settings(settings)
            .build()
            .ok()?;
        let host = [("host", self.host.as_str())];
        let body = SignableBody::UnsignedPayload;
        let request = SignableRequest::new(method.as_str(), url, host.into_iter(), body).ok()?;
        Some(sign(request, &params.into()).ok()?.into_parts().1)
    }
}

/// As a query carries it.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let query: Vec<(String, String)> = head
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            let read = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            (read(name), read(value))
        })
        .collect();
    if !shared.accepts(&head.method, &path, &query) {
        return (StatusCode::FORBIDDEN, "AccessDenied").into_response();
    }
    match head.method {
        Method::PUT => match axum::body::to_bytes(body, MAX_BYTES).await {
            Ok(bytes) => {
                shared.kept().insert(path, bytes);
                StatusCode::OK.into_response()
            }
            Err(_) => StatusCode::BAD_REQUEST.into_response(),
        },
        Method::GET => match shared.kept().get(&path).cloned() {
            Some(bytes) => {
                let mut response = bytes.into_response();
                for (name, header) in [
                    ("response-content-type", header::CONTENT_TYPE),
                    ("response-content-disposition", header::CONTENT_DISPOSITION),
                ] {
                    set(&mut response, &query, name, header);
                }
                response
            }
            None => (StatusCode::NOT_FOUND, "NoSuchKey").into_response(),
        },
        Method::DELETE => {
            shared.kept().remove(&path);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

fn set(response: &mut Response, query: &[(String, String)], name: &str, header: HeaderName) {
    let value = query.iter().find(|(known, _)| known == name);
    if let Some(value) = value.and_then(|(_, value)| value.parse().ok()) {
        response.headers_mut().insert(header, value);
    }
}
