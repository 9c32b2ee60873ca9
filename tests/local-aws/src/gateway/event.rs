//! A request as payload format 2.0.

use std::{borrow::Cow, collections::BTreeMap, net::SocketAddr, time::SystemTime};

use axum::http::{HeaderMap, header, request::Parts};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::time::{common_log, epoch_millis};

/// What an event is made of.
pub(super) struct Source<'a> {
    pub(super) parts: &'a Parts,
    /// Decoded, by [`decoded_path`].
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
    pub(super) route_key: &'a str,
    pub(super) path_parameters: BTreeMap<String, String>,
    pub(super) authorizer: Option<Value>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) request_id: &'a str,
}

/// The path as an HTTP API hands it on, `rawPath` included: decoded, and cut at a decoded `?`.
///
/// AWS documents only that "API Gateway decodes URL-encoded request parameters"; that routes and
/// `rawPath` see the decoded path is what its users report of the service.
pub(super) fn decoded_path(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let end = decoded.find('?').unwrap_or(decoded.len());
    decoded[..end].to_owned()
}

/// An id such as `JKJaXmPLvHcESHA=`.
pub(super) fn request_id() -> String {
    let random = fastrand::u128(..).to_be_bytes();
    STANDARD.encode(&random[..11])
}

/// The event. Fields that would be empty are left out, as the service leaves them out.
pub(super) fn of(source: Source<'_>) -> Value {
    let Source { parts, peer, .. } = source;
    let query = parts.uri.query().unwrap_or_default();
    let (headers, cookies) = headers(&parts.headers, source.body.len(), peer);
    let mut event = json!({
        "version": "2.0",
        "routeKey": source.route_key,
        "rawPath": source.path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context(&source),
    });
    let mut set = |name: &str, value: Value| {
        if let Some(event) = event.as_object_mut() {
            event.insert(name.to_owned(), value);
        }
    };
    if !cookies.is_empty() {
        set("cookies", json!(cookies));
    }
    if !query.is_empty() {
        set("queryStringParameters", json!(query_parameters(query)));
    }
    if !source.path_parameters.is_empty() {
        set("pathParameters", json!(source.path_parameters));
    }
    let (body, encoded) = body(&parts.headers, source.body);
    if !source.body.is_empty() {
        set("body", json!(body));
    }
    set("isBase64Encoded", json!(encoded));
    event
}

fn context(source: &Source<'_>) -> Value {
    let parts = source.parts;
    let text = |name| {
        let value = parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    let domain = text(header::HOST);
    let domain = domain.rsplit_once(':').map_or(domain, |(name, _port)| name);
    let now = SystemTime::now();
    let mut context = json!({
        "accountId": crate::ACCOUNT_ID,
        "apiId": "local",
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "http": {
            "method": parts.method.as_str(),
            "path": source.path,
            "protocol": format!("{:?}", parts.version),
            "sourceIp": source.peer.map_or_else(String::new, |peer| peer.ip().to_string()),
            "userAgent": text(header::USER_AGENT),
        },
        "requestId": source.request_id,
        "routeKey": source.route_key,
        "stage": "$default",
        "time": common_log(now),
        "timeEpoch": epoch_millis(now),
    });
    if let (Some(authorizer), Some(context)) = (&source.authorizer, context.as_object_mut()) {
        context.insert("authorizer".to_owned(), authorizer.clone());
    }
    context
}

/// The headers, one value to a name, and apart from them the cookies.
fn headers(
    headers: &HeaderMap,
    body_length: usize,
    peer: Option<SocketAddr>,
) -> (Map<String, Value>, Vec<String>) {
    let mut joined = BTreeMap::<String, String>::new();
    let mut cookies = Vec::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match name {
            &header::COOKIE => cookies.extend(value.split(';').map(|one| one.trim().to_owned())),
            // For this connection only.
            &header::CONNECTION
            | &header::TRANSFER_ENCODING
            | &header::TE
            | &header::UPGRADE
            | &header::EXPECT => {}
            _ => {
                joined
                    .entry(name.as_str().to_owned())
                    .and_modify(|present| {
                        present.push(',');
                        present.push_str(&value);
                    })
                    .or_insert_with(|| value.into_owned());
            }
        }
    }
    cookies.retain(|cookie| !cookie.is_empty());

    // What the service adds; a client cannot forge the last two.
    joined.insert("content-length".to_owned(), body_length.to_string());
    let port = joined
        .get("host")
        .and_then(|host| host.rsplit_once(':'))
        .map_or("80", |(_, port)| port)
        .to_owned();
    let address = peer.map_or_else(String::new, |peer| peer.ip().to_string());
    joined
        .entry("x-forwarded-for".to_owned())
        .and_modify(|before| *before = format!("{before}, {address}"))
        .or_insert(address);
    joined.insert("x-forwarded-port".to_owned(), port);
    joined.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    joined
        .entry("x-amzn-trace-id".to_owned())
        .or_insert_with(|| {
            let time = epoch_millis(SystemTime::now()) / 1000;
            format!("Root=1-{time:08x}-{:024x}", fastrand::u128(..) >> 32)
        });
    let joined = joined
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)));
    (joined.collect(), cookies)
}

/// The query, decoded; the values of a repeated name are joined with commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let mut parameters = BTreeMap::<String, String>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value);
        parameters
            .entry(decoded(name))
            .and_modify(|present| {
                present.push(',');
                present.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

/// The body as text, and whether that is Base64.
///
/// "If the content type of the request is binary, the body is base64-encoded", says AWS and does
/// not say which types are. Of the service it is reported that text are `text/*` and JSON, XML
/// and JavaScript by exactly these types; all else is binary, form data and no type included.
fn body<'a>(headers: &HeaderMap, body: &'a [u8]) -> (Cow<'a, str>, bool) {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase())
        .unwrap_or_default();
    let text = content_type.starts_with("text/")
        || matches!(
            content_type.as_str(),
            "application/json" | "application/xml" | "application/javascript"
        );
    if body.is_empty() {
        (Cow::Borrowed(""), false)
    } else if text {
        (String::from_utf8_lossy(body), false)
    } else {
        (Cow::Owned(STANDARD.encode(body)), true)
    }
}
