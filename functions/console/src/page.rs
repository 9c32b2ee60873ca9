//! The agents' web page: static files, compiled in.
//!
//! Plain modules that a browser takes as they are: no build step, no third party. They are small
//! and few; `no-cache` with an entity tag lets a browser keep them and still notice an update.

use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use sha2::{Digest as _, Sha256};

use crate::{SignIn, sign_in};

/// The page itself.
pub(crate) const INDEX: &str = "index.html";

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../page/", $name)))),+]
    };
}

/// All files of the page.
const FILES: &[(&str, &str)] = files![
    "api.js",
    "app.js",
    "charts.js",
    "composer.js",
    "config.js",
    "dom.js",
    "drafts.js",
    "erasure.js",
    "failed.js",
    "gate.js",
    "header.js",
    "icon.svg",
    "ids.js",
    "index.html",
    "line.js",
    "list.js",
    "notices.js",
    "oidc.js",
    "order.js",
    "outbox.js",
    "people.js",
    "poller.js",
    "richtext.js",
    "session.js",
    "stats.js",
    "store.js",
    "style.css",
    "supervise-api.js",
    "supervise-dialog.js",
    "supervise-parts.js",
    "supervise-text.js",
    "supervise.css",
    "supervise.js",
    "sync.js",
    "text.js",
    "thread.css",
    "thread.js",
    "time.js",
];

/// The page, as it is served.
#[derive(Debug)]
pub(crate) struct Page {
    policy: HeaderValue,
}

impl Page {
    /// The page of a console whose agents sign in with this provider.
    pub(crate) fn new(sign_in: Option<&SignIn>) -> Self {
        let policy = sign_in::policy(sign_in);
        Self {
            // What goes into it was checked; should it still not fit, nothing is allowed.
            policy: HeaderValue::from_str(&policy)
                .unwrap_or(HeaderValue::from_static("default-src 'none'")),
        }
    }

    /// Answers with a file of the page.
    pub(crate) fn file(&self, name: &str, headers: &HeaderMap) -> Response<Body> {
        let Some((_, content)) = FILES.iter().find(|(known, _)| *known == name) else {
            return plain(StatusCode::NOT_FOUND, "no such file");
        };
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(content)[..12]));
        let mut response = if headers
            .get(IF_NONE_MATCH)
            .is_some_and(|known| known == tag.as_str())
        {
            plain(StatusCode::NOT_MODIFIED, "")
        } else {
            Response::new(Body::Text((*content).to_owned()))
        };
        let headers = response.headers_mut();
        set(headers, CONTENT_TYPE, content_type(name));
        set(headers, CACHE_CONTROL, "no-cache");
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        response
    }
}

/// Sends the browser from `…/console/` to `…/console`, against which the page's addresses are
/// relative.
pub(crate) fn without_slash() -> Response<Body> {
    let mut response = plain(StatusCode::PERMANENT_REDIRECT, "");
    set(response.headers_mut(), LOCATION, "../console");
    response
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::Text(text.to_owned()));
    *response.status_mut() = status;
    set(
        response.headers_mut(),
        CONTENT_TYPE,
        "text/plain; charset=utf-8",
    );
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served_and_no_other() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let mut there: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort();
        let served: Vec<_> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(there, served);
        for name in served {
            assert_ne!(content_type(name), "application/octet-stream", "{name}");
        }
    }

    #[test]
    fn nothing_inline_is_in_the_page() {
        let (_, index) = FILES.iter().find(|(name, _)| *name == INDEX).unwrap();
        for inline in [
            "<script>",
            "<style",
            "style=",
            "onclick=",
            "onload=",
            "javascript:",
        ] {
            assert!(!index.contains(inline), "{inline}");
        }
    }

    #[test]
    fn a_browser_that_has_a_file_is_not_sent_it_again() {
        let page = Page::new(None);
        let first = page.file("app.js", &HeaderMap::new());
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let again = page.file("app.js", &headers);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(again.body().is_empty());
        assert_eq!(
            page.file("../Cargo.toml", &headers).status(),
            StatusCode::NOT_FOUND
        );
    }
}
