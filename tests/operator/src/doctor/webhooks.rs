//! The webhooks, as GPTBots reaches them.
//!
//! Probed with an empty object: a right token is told by the refusal of the body, which stores
//! nothing. The functions count these calls as refused, so the alarm on refused webhooks can ring.

use handoff::token::Tokens;
use reqwest::{Client, Url};
use serde_json::Value;

use super::report::Check;

const AREA: &str = "webhooks";
/// The three routes behind the token.
const ROUTES: [&str; 3] = ["/conversation/establish", "/chat", "/conversation/close"];
/// A token that nobody has: tokens are random.
const NO_TOKEN: &str = "not-the-token-the-doctor-asks";
/// What the output `WebhookBaseUrl` has in the token's place.
const PLACEHOLDER: &str = "YOUR_TOKEN";

/// Where the deployment is.
#[derive(Clone)]
pub(super) struct Address {
    /// Without the token and without a slash at the end.
    root: String,
    token: Option<String>,
    scheme: Scheme,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Https,
    HttpOnLoopback,
    Http,
}

impl Address {
    /// Reads the address of the webhooks, with or without the token in it.
    pub(super) fn parse(url: &str, token: Option<&str>) -> Result<Self, String> {
        let wrong = || "--base-url is not an http or https address".to_owned();
        let mut parsed = Url::parse(url).map_err(|_| wrong())?;
        let loopback = match parsed.host() {
            Some(host) => {
                let host = host.to_string();
                let host = host.trim_start_matches('[').trim_end_matches(']');
                host == "localhost"
                    || host
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|address| address.is_loopback())
            }
            None => return Err(wrong()),
        };
        let scheme = match parsed.scheme() {
            "https" => Scheme::Https,
            "http" if loopback => Scheme::HttpOnLoopback,
            "http" => Scheme::Http,
            _ => return Err(wrong()),
        };
        parsed.set_query(None);
        parsed.set_fragment(None);
        let mut root = parsed.as_str().trim_end_matches('/').to_owned();
        let mut token = token.map(str::to_owned);
        let path = parsed.path().trim_end_matches('/');
        if let Some((_, last)) = path.rsplit_once('/').filter(|(_, last)| !last.is_empty()) {
            // The last segment is the token, unless another one is given.
            let is_token = token.as_deref().is_none_or(|token| token == last);
            if is_token || last == PLACEHOLDER {
                root.truncate(root.len() - last.len() - 1);
            }
            if token.is_none() && last != PLACEHOLDER {
                token = Some(last.to_owned());
            }
        }
        Ok(Self {
            root,
            token,
            scheme,
        })
    }

    /// The address of something that is not behind the token.
    pub(super) fn of(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// Whether it is a sandbox, or the like.
    pub(super) fn is_local(&self) -> bool {
        self.scheme == Scheme::HttpOnLoopback
    }
}

/// What came back from a probe.
enum Answer {
    Status(u16, String),
    None(String),
}

pub(super) async fn check(http: &Client, address: &Address) -> Vec<Check> {
    let mut checks = vec![match address.scheme {
        Scheme::Https => Check::ok(AREA, "the address is an https one"),
        Scheme::HttpOnLoopback => Check::warning(
            AREA,
            "the address is plain http on this machine",
            "fine for a sandbox; GPTBots needs a public https address",
        ),
        Scheme::Http => Check::failed(
            AREA,
            "the address is plain http: the token would be readable on its way",
            "enter the https address of the output WebhookBaseUrl in GPTBots",
        ),
    }];
    checks.push(of_all_routes(http, address, NO_TOKEN, wrong_token).await);
    checks.push(match &address.token {
        Some(token) => of_all_routes(http, address, token, right_token).await,
        None => Check::skipped(AREA, "the right token: give --token or HANDOFF_TOKEN"),
    });
    checks
}

/// The check of the first route whose answer is not as it should be, or of all three.
async fn of_all_routes(
    http: &Client,
    address: &Address,
    token: &str,
    judge: fn(&str, &str, Answer) -> Check,
) -> Check {
    let mut check = None;
    for route in ROUTES {
        let answer = probe(http, &address.root, token, route).await;
        let judged = judge(route, token, answer);
        if judged.state != super::State::Ok {
            return judged;
        }
        check = Some(judged);
    }
    check.unwrap_or_else(|| Check::skipped(AREA, "there are no routes"))
}

async fn probe(http: &Client, root: &str, token: &str, route: &str) -> Answer {
    let request = http
        .post(format!("{root}/{token}{route}"))
        .header("content-type", "application/json")
        .body("{}");
    match request.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            let body = response.text().await.unwrap_or_default();
            let message = serde_json::from_str::<Value>(&body)
                .ok()
                .and_then(|body| body["message"].as_str().map(str::to_owned));
            Answer::Status(status, message.unwrap_or_default())
        }
        Err(error) => Answer::None(super::webhooks::why(&error)),
    }
}

/// Why there was no answer, without the address: it has the token in it.
pub(super) fn why(error: &reqwest::Error) -> String {
    let mut said = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        said = cause.to_string();
        source = cause.source();
    }
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    };
    if said.is_empty() || said == what {
        what.to_owned()
    } else {
        format!("{what}: {said}")
    }
}

fn wrong_token(route: &str, _: &str, answer: Answer) -> Check {
    match answer {
        Answer::Status(401, _) => Check::ok(AREA, "a wrong token is refused (401)"),
        Answer::Status(status @ (200..300 | 400 | 413 | 415), _) => Check::failed(
            AREA,
            format!("POST …{route} takes any token (HTTP {status})"),
            "whoever finds the address can write to your agents: is this our deployment? Check WEBHOOK_TOKEN_SHA256 of the function",
        ),
        answer => unexpected(route, answer),
    }
}

fn right_token(route: &str, token: &str, answer: Answer) -> Check {
    match answer {
        Answer::Status(400, message) if message.contains("conversation_id") => Check::ok(
            AREA,
            "the token is accepted (an empty body is refused and names its field)",
        ),
        Answer::Status(401, _) => Check::failed(
            AREA,
            format!("POST …{route} refuses the token (401)"),
            format!(
                "the deployment knows other tokens: deploy with WebhookTokenSha256={} (add it to the list, after a comma), or use the token that was deployed",
                Tokens::hash(token)
            ),
        ),
        Answer::Status(status @ (200..300 | 400), _) => Check::failed(
            AREA,
            format!("POST …{route} answers HTTP {status} to an empty body, but not as ours does"),
            "something else answers at this address: compare it with the output WebhookBaseUrl",
        ),
        answer => unexpected(route, answer),
    }
}

fn unexpected(route: &str, answer: Answer) -> Check {
    let (found, advice) = match answer {
        Answer::None(why) => (
            format!("POST …{route}: {why}"),
            "compare the address with the output WebhookBaseUrl; is the stack deployed in this region?",
        ),
        Answer::Status(404, _) => (
            format!("POST …{route} is no route there (404)"),
            "compare the address with the output WebhookBaseUrl: nothing may stand between the host (or its stage) and the token",
        ),
        Answer::Status(403, _) => (
            format!("POST …{route} is forbidden (403)"),
            "something in front of the functions refuses: a firewall (WAF), a custom domain without mapping, or an authorizer on a webhook's route",
        ),
        Answer::Status(429, _) => (
            format!("POST …{route} is throttled (429)"),
            "raise ApiRateLimit and ApiBurstLimit, or ask AWS for more concurrent executions of Lambda",
        ),
        Answer::Status(status @ 500.., _) => (
            format!("POST …{route} fails (HTTP {status})"),
            "look into the function's log group: its table, its settings or its environment",
        ),
        Answer::Status(status, _) => (
            format!("POST …{route} answers HTTP {status}, which ours never does"),
            "compare the address with the output WebhookBaseUrl",
        ),
    };
    Check::failed(AREA, found, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_the_address_or_beside_it() {
        let read = |url: &str, token: Option<&str>| {
            let address = Address::parse(url, token).unwrap();
            (address.root, address.token)
        };
        let of = |root: &str, token: Option<&str>| (root.to_owned(), token.map(str::to_owned));
        assert_eq!(read("https://h/T", None), of("https://h", Some("T")));
        assert_eq!(read("https://h/s/T/", None), of("https://h/s", Some("T")));
        assert_eq!(read("https://h/T", Some("T")), of("https://h", Some("T")));
        assert_eq!(read("https://h/s", Some("T")), of("https://h/s", Some("T")));
        assert_eq!(
            read("https://h/YOUR_TOKEN", Some("T")),
            of("https://h", Some("T"))
        );
        assert_eq!(read("https://h/YOUR_TOKEN", None), of("https://h", None));
        assert_eq!(read("https://h", None), of("https://h", None));
        assert!(Address::parse("h/T", None).is_err());
        assert!(Address::parse("ftp://h/T", None).is_err());
        assert!(
            Address::parse("http://127.0.0.1:1/T", None)
                .unwrap()
                .is_local()
        );
        assert!(!Address::parse("http://h/T", None).unwrap().is_local());
    }
}
