//! A function's answer as an HTTP response.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::INVOCATION_LIMIT;

/// Headers that belong to the connection or that the server counts itself.
const OWN_HEADERS: [HeaderName; 3] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
];

/// The response by payload format 2.0; an error where the service answers 500. An answer without
/// `statusCode` is the body itself; see
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html#http-api-develop-integrations-lambda.response>.
pub(super) fn of(answer: &Value) -> Result<Response, &'static str> {
    let text = answer.to_string();
    if text.len() > INVOCATION_LIMIT {
        return Err("larger than Lambda returns");
    }
    let Some(status) = answer.get("statusCode") else {
        let mut response = Response::new(Body::from(text));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        return Ok(response);
    };
    let status = match status {
        Value::Number(number) => number
            .as_u64()
            .and_then(|number| u16::try_from(number).ok()),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let status = status
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or("statusCode is no status code")?;

    let body = body(answer)?;
    let empty = body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // `multiValueHeaders` is a field of format 1.0: this format ignores it.
    for (name, value) in entries(answer, "headers")? {
        let name: HeaderName = name.parse().map_err(|_| "a header's name is none")?;
        if !OWN_HEADERS.contains(&name) {
            headers.insert(name, header_value(value)?);
        }
    }
    match answer.get("cookies") {
        None | Some(Value::Null) => {}
        Some(Value::Array(cookies)) => {
            for cookie in cookies {
                headers.append(header::SET_COOKIE, header_value(cookie)?);
            }
        }
        Some(_) => return Err("cookies are no list"),
    }
    if !empty {
        headers
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("text/plain;charset=utf-8"));
    }
    Ok(response)
}

fn body(answer: &Value) -> Result<Vec<u8>, &'static str> {
    match answer.get("body") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(body)) if answer["isBase64Encoded"] == Value::Bool(true) => STANDARD
            .decode(body)
            .map_err(|_| "the body is said to be Base64 and is not"),
        Some(Value::String(body)) => Ok(body.clone().into_bytes()),
        Some(_) => Err("the body is no string"),
    }
}

fn entries<'a>(
    answer: &'a Value,
    field: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, &'static str> {
    match answer.get(field) {
        None | Some(Value::Null) => Ok(None.into_iter().flatten()),
        Some(Value::Object(entries)) => Ok(Some(entries).into_iter().flatten()),
        Some(_) => Err("headers are no object"),
    }
}

fn header_value(value: &Value) -> Result<HeaderValue, &'static str> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err("a header's value is neither text nor number"),
    };
    HeaderValue::from_str(&text).map_err(|_| "a header's value is none")
}
