//! The agents' web page: static files, compiled in.
//!
//! **How it is made, and why so.** Plain ES modules, one HTML file and some style sheets, in `page/`: no
//! package manager, no framework, and neither the sandbox nor a deployment needs Node. Whoever changes it
//! edits a file and starts the sandbox again (`cargo run -p sandbox`). Two other ways were weighed.
//! *Web components*: the page has one screen, whose parts are never used twice, so elements of our own
//! would only put a shadow root between them and the one style sheet, and between them and the labels
//! that accessibility needs. *Server-rendered HTML with live updates*: what makes this page hard (lines
//! under way while the network is gone, drafts, the place one reads at) happens in the browser and would
//! be there twice.
//!
//! The modules that the page begins with are put together into one, and so are the style sheets
//! (`build/bundle.rs`): the first look at the queue then takes few calls of the function, and none that
//! has to wait for the last one to be read. Names stay as they are, and the bundle says where a module
//! begins.
//!
//! How it hangs together: `store.js` knows, `sync.js` and `outbox.js` write to it, one module for each
//! part of the screen draws from it (`keyedChildren` in `dom.js` keeps nodes, so that focus, selection
//! and scroll position stay), `app.js` puts them together. Every word for people is in `text-….js`, one
//! table for each language, every number in `config.js`. Whatever people wrote goes in as text.
//!
//! **How it is served.** Compressed where the browser takes that. The page itself is asked for anew each
//! time (`no-cache`, with an entity tag); its other files are named under a folder that is a fingerprint
//! of them all, so a browser keeps them for a year, and a reload asks for the page alone.

use std::sync::OnceLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use lambda_http::http::header::{
    ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, LOCATION, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use sha2::{Digest as _, Sha256};

use crate::{SignIn, sign_in};

/// The page itself.
pub(crate) const INDEX: &str = "index.html";

/// Where the page says with whom agents sign in.
const NO_SIGN_IN: &str = r#"<meta name="sign-in" content="null">"#;

/// All files of the page, as `build/` has made them of `page/`.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The folder under which the page names them: a fingerprint of them all.
const FOLDER: &str = include_str!(concat!(env!("OUT_DIR"), "/folder"));

/// A file as it is served.
#[derive(Debug)]
struct File {
    name: &'static str,
    content: String,
    /// Made when it is first asked for, as is what is compressed.
    tag: OnceLock<String>,
    gzip: OnceLock<Vec<u8>>,
}

impl File {
    fn new(name: &'static str, content: String) -> Self {
        Self {
            name,
            content,
            tag: OnceLock::new(),
            gzip: OnceLock::new(),
        }
    }

    fn tag(&self) -> &str {
        self.tag.get_or_init(|| {
            let digest = Sha256::digest(&self.content);
            format!("\"{}\"", hex::encode(&digest[..12]))
        })
    }

    fn gzip(&self) -> &[u8] {
        self.gzip.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            // Into memory: neither can fail.
            let written = std::io::Write::write_all(&mut encoder, self.content.as_bytes());
            written.and_then(|()| encoder.finish()).unwrap_or_default()
        })
    }
}

/// The page, as it is served.
#[derive(Debug)]
pub(crate) struct Page {
    policy: HeaderValue,
    files: Vec<File>,
}

impl Page {
    /// The page of a console whose agents sign in with this provider.
    pub(crate) fn new(sign_in: Option<&SignIn>) -> Self {
        let policy = sign_in::policy(sign_in);
        let files = FILES.iter().map(|(name, content)| {
            let content = if *name == INDEX {
                content
                    .replace("=\"console/", &format!("=\"console/{FOLDER}/"))
                    .replace(NO_SIGN_IN, &with_whom(sign_in))
            } else {
                (*content).to_owned()
            };
            File::new(name, content)
        });
        Self {
            // What goes into it was checked; should it still not fit, nothing is allowed.
            policy: HeaderValue::from_str(&policy)
                .unwrap_or(HeaderValue::from_static("default-src 'none'")),
            files: files.collect(),
        }
    }

    /// Answers with a file of the page. `folder` is the one it was asked for under: under another one
    /// than today's a page of before an update asks, which gets what there is now.
    pub(crate) fn file(
        &self,
        folder: Option<&str>,
        name: &str,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let Some(file) = self.files.iter().find(|file| file.name == name) else {
            return plain(StatusCode::NOT_FOUND, "no such file");
        };
        let known = headers.get(IF_NONE_MATCH);
        let table = (name == INDEX).then(|| table_for(headers)).flatten();
        let mut response = if known.is_some_and(|known| known == file.tag()) {
            plain(StatusCode::NOT_MODIFIED, "")
        } else if takes_gzip(headers) {
            let mut response = Response::new(Body::Binary(file.gzip().to_vec()));
            set(response.headers_mut(), CONTENT_ENCODING, "gzip");
            response
        } else {
            Response::new(Body::Text(file.content.clone()))
        };
        let headers = response.headers_mut();
        set(headers, CONTENT_TYPE, content_type(name));
        set(headers, VARY, "Accept-Encoding, Accept-Language");
        // The page's words come with its script and not behind it, where the browser knows this.
        let early = table.map(|table| format!("<console/{FOLDER}/{table}>; rel=modulepreload"));
        if let Some(Ok(early)) = early.map(HeaderValue::try_from) {
            headers.insert(LINK, early);
        }
        let kept = if folder == Some(FOLDER) {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        set(headers, CACHE_CONTROL, kept);
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        if let Ok(tag) = HeaderValue::from_str(file.tag()) {
            headers.insert(ETAG, tag);
        }
        response
    }
}

/// The table of texts, beside the English one, that suits who asks: as `suitable` in `text.js` has it.
fn table_for(headers: &HeaderMap) -> Option<&'static str> {
    let wanted = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    wanted.split(',').find_map(|wanted| {
        let tag = wanted.split(';').next()?.trim().to_ascii_lowercase();
        let mut parts = tag.split('-');
        let language = parts.next()?;
        let parts: Vec<_> = parts.collect();
        let any = |of: &[&str]| parts.iter().any(|part| of.contains(part));
        match language {
            "en" => Some(None),
            "ja" => Some(Some("text-ja.js")),
            "zh" if any(&["hant"]) || (!any(&["hans"]) && any(&["tw", "hk", "mo"])) => {
                Some(Some("text-zh-hant.js"))
            }
            "zh" => Some(Some("text-zh-hans.js")),
            _ => None,
        }
    })?
}

/// What the page says of the provider: with it at hand, the page asks for nothing before it begins.
fn with_whom(sign_in: Option<&SignIn>) -> String {
    // Strings and lists of them: it can be written as JSON.
    let json = serde_json::to_string(&sign_in).unwrap_or_else(|_| "null".to_owned());
    let quoted = json.replace('&', "&amp;").replace('"', "&quot;");
    NO_SIGN_IN.replace("null", &quoted)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING);
    let accepted = accepted.and_then(|accepted| accepted.to_str().ok());
    let mut codings = accepted.unwrap_or_default().split(',').map(str::trim);
    codings.any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(quality.trim(), "q=0" | "q=0.0")
    })
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
    fn every_file_of_the_page_is_served_or_is_in_one_that_is() {
        let served = |wanted: &str| FILES.iter().find(|(name, _)| *name == wanted);
        let (_, app) = served("app.js").unwrap();
        let (_, index) = served(INDEX).unwrap();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let bundled = app.contains(&format!("\n{{ // {name}\n"))
                || (name.ends_with(".css") && !index.contains(&name));
            assert!(bundled || served(&name).is_some(), "{name}");
            assert_ne!(content_type(&name), "application/octet-stream", "{name}");
        }
    }

    #[test]
    fn the_page_names_the_texts_of_its_reader() {
        let page = Page::new(None);
        for (wanted, table) in [
            ("ja-JP,ja;q=0.9,en;q=0.8", Some("text-ja.js")),
            ("zh-TW", Some("text-zh-hant.js")),
            ("zh-Hant-CN", Some("text-zh-hant.js")),
            ("zh-Hans-TW", Some("text-zh-hans.js")),
            ("zh", Some("text-zh-hans.js")),
            ("de, fr;q=0.5, ja;q=0.1", Some("text-ja.js")),
            ("en-US, ja", None),
            ("de", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(wanted));
            let response = page.file(None, INDEX, &headers);
            let link = response
                .headers()
                .get(LINK)
                .map(|link| link.to_str().unwrap());
            let expected = table.map(|table| {
                assert!(FILES.iter().any(|(name, _)| *name == table), "{table}");
                format!("<console/{FOLDER}/{table}>; rel=modulepreload")
            });
            assert_eq!(link, expected.as_deref(), "{wanted}");
            let other = page.file(Some(FOLDER), "app.js", &headers);
            assert!(!other.headers().contains_key(LINK));
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
    fn the_page_says_with_whom_agents_sign_in() {
        let sign_in = SignIn::parse("https://id.example/a&b", "cli\"ent<", "").unwrap();
        let index = |sign_in| {
            let page = Page::new(sign_in);
            let index = page.files.into_iter().find(|file| file.name == INDEX);
            index.unwrap().content
        };
        let said = r#"content="{&quot;issuer&quot;:&quot;https://id.example/a&amp;b&quot;,&quot;client_id&quot;:&quot;cli\&quot;ent<&quot;,&quot;hosts&quot;:[&quot;https://id.example&quot;]}">"#;
        let with = index(sign_in.as_ref());
        assert!(with.contains(said), "{with}");
        assert_eq!(index(None).matches(NO_SIGN_IN).count(), 1);
    }

    #[test]
    fn a_browser_that_has_a_file_is_not_sent_it_again() {
        let page = Page::new(None);
        let first = page.file(None, "app.js", &HeaderMap::new());
        assert_eq!(first.headers()[CACHE_CONTROL], "no-cache");
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let again = page.file(None, "app.js", &headers);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(again.body().is_empty());
        assert_eq!(
            page.file(None, "../Cargo.toml", &headers).status(),
            StatusCode::NOT_FOUND
        );
    }

    #[test]
    fn what_the_page_names_is_kept_for_a_year_and_is_what_there_is_now() {
        let page = Page::new(None);
        let index = page.files.iter().find(|file| file.name == INDEX).unwrap();
        let folder = FOLDER;
        assert!(
            index
                .content
                .contains(&format!("src=\"console/{folder}/app.js\""))
        );
        assert!(
            !index.content.contains("=\"console/app.js")
                && !index.content.contains("=\"console/style.css")
        );
        let kept = |folder| {
            let file = page.file(Some(folder), "app.js", &HeaderMap::new());
            assert_eq!(file.status(), StatusCode::OK);
            file.headers()[CACHE_CONTROL].to_str().unwrap().to_owned()
        };
        assert!(kept(folder).contains("immutable"));
        assert_eq!(kept("of-before-an-update"), "no-cache");
    }

    #[test]
    fn files_are_compressed_for_those_who_take_it() {
        let page = Page::new(None);
        let file = |accepted: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            page.file(None, "text-ja.js", &headers)
        };
        for accepted in ["gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8", "GZIP"] {
            let response = file(accepted);
            assert_eq!(response.headers()[CONTENT_ENCODING], "gzip", "{accepted}");
            let mut text = String::new();
            let mut decoder = flate2::read::GzDecoder::new(response.body().as_ref());
            std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
            let (_, plain) = FILES
                .iter()
                .find(|(name, _)| *name == "text-ja.js")
                .unwrap();
            assert_eq!(text, *plain);
        }
        for accepted in ["br", "gzip;q=0", "identity"] {
            assert!(
                !file(accepted).headers().contains_key(CONTENT_ENCODING),
                "{accepted}"
            );
        }
    }

    /// All of it, the languages that nobody reads at once included.
    #[test]
    fn the_page_keeps_to_its_budget() {
        let page = Page::new(None);
        let bytes: usize = page.files.iter().map(|file| file.gzip().len()).sum();
        assert!(bytes < 100_000, "{bytes} bytes compressed");
    }
}
