//! The HTTP API in front of the functions, and the sandbox's own start page.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use local_aws::SharedFunction;
use local_aws::gateway::{Gateway, JwtAuthorizer};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::Board;
use crate::functions::Functions;
use crate::{Counters, Error};

/// Names the agent that a browser plays, where more than one is needed.
const AGENT_COOKIE: &str = "sandbox-agent";

/// Which function answers a route.
type Answers = fn(&Functions) -> &SharedFunction;

/// The routes of `template.yaml`.
const ROUTES: &[(&str, Answers)] = &[
    ("POST /{token}/conversation/establish", |all| &all.establish),
    ("POST /{token}/chat", |all| &all.chat),
    ("POST /{token}/conversation/close", |all| &all.close),
    ("POST /desks/{desk}/events", |all| &all.desk),
    ("POST /desks/{desk}/interactions", |all| &all.desk),
    ("POST /desks/{desk}/{token}/events", |all| &all.desk),
    ("POST /desks/{desk}/{token}/interactions", |all| &all.desk),
    ("GET /console", |all| &all.console),
    ("GET /console/{file+}", |all| &all.console),
    ("GET /console/api/me", |all| &all.console),
    ("GET /console/api/failed", |all| &all.console),
    ("GET /console/api/statistics", |all| &all.console),
    ("GET /console/api/people", |all| &all.console),
    ("GET /console/api/settings", |all| &all.console),
    ("GET /console/api/settings/schema", |all| &all.console),
    ("POST /console/api/settings/check", |all| &all.console),
    ("POST /console/api/settings", |all| &all.console),
    ("GET /console/api/erasures", |all| &all.console),
    ("POST /console/api/erasures", |all| &all.console),
    ("GET /console/api/conversations/{id}/export", |all| {
        &all.console
    }),
    ("POST /console/api/replay", |all| &all.console),
    ("GET /console/api/conversations", |all| &all.console),
    ("GET /console/api/conversations/{id}", |all| &all.console),
    ("POST /console/api/conversations/{id}/messages", |all| {
        &all.console
    }),
    ("POST /console/api/conversations/{id}/claim", |all| {
        &all.console
    }),
    ("POST /console/api/conversations/{id}/close", |all| {
        &all.console
    }),
    ("GET /console/api/agents", |all| &all.console),
    ("POST /console/api/agents", |all| &all.console),
    ("GET /console/api/canned", |all| &all.console),
    ("POST /console/api/canned", |all| &all.console),
    ("POST /console/api/conversations/{id}/notes", |all| {
        &all.console
    }),
    ("POST /console/api/conversations/{id}/release", |all| {
        &all.console
    }),
    ("POST /console/api/conversations/{id}/assign", |all| {
        &all.console
    }),
    ("GET /console/api/conversations/{id}/person", |all| {
        &all.console
    }),
    ("POST /console/api/conversations/{id}/replay", |all| {
        &all.console
    }),
    (
        "POST /console/api/conversations/{id}/entries/{entry}/replay",
        |all| &all.console,
    ),
];

/// What stands around the functions.
pub(crate) struct Around {
    pub(crate) start_page: StartPage,
    pub(crate) sign_in: Option<Arc<JwtAuthorizer>>,
    pub(crate) board: Arc<Board>,
    pub(crate) counters: Counters,
}

/// What the start page shows.
#[derive(Debug, Clone)]
pub(crate) struct StartPage {
    pub(crate) webhook_base_url: String,
    pub(crate) gptbots_url: String,
    pub(crate) has_user_page: bool,
    /// Where agents sign in, no page may show the console in a frame.
    pub(crate) has_sign_in: bool,
    /// The pages of the stand-ins for desks, by name. The first is shown instead of the console.
    pub(crate) desks: Vec<(String, String)>,
}

/// The API, with the routes of `template.yaml`, for the server at this address.
pub(crate) fn new(
    functions: &Functions,
    address: SocketAddr,
    with: Around,
) -> Result<Gateway, Error> {
    let Around {
        start_page,
        sign_in,
        board,
        counters,
    } = with;
    let mut gateway = Gateway::new();
    for (key, function) in ROUTES {
        gateway = gateway.route(key, function(functions).clone())?;
    }
    gateway = match sign_in {
        Some(sign_in) => gateway.jwt_authorizer(sign_in, is_console_api),
        None => gateway.authorizer(authorizer),
    };
    Ok(gateway
        .guard(move |request| guard(request, address))
        .merge(pages(start_page))
        .merge(switches(&board))
        .merge(measures(counters)))
}

/// The routes that the template puts its authorizer on.
fn is_console_api(route_key: &str) -> bool {
    route_key.contains(" /console/api/")
}

/// Keeps foreign pages from speaking through loopback: as a rule nobody signs in here, so any
/// page open in the same browser could otherwise read and answer conversations.
fn guard(request: &Parts, address: SocketAddr) -> Result<(), (StatusCode, String)> {
    // The webhooks have their token, desks their signatures. Told by their exact form: in any other one a path can be
    // written in ways that only the gateway sees through.
    let path: Vec<&str> = request.uri.path().split('/').collect();
    let webhook = matches!(
        path.as_slice(),
        ["", _, "chat"]
            | ["", _, "conversation", "establish" | "close"]
            | ["", "desks", _, "events" | "interactions"]
            | ["", "desks", _, _, "events" | "interactions"]
    );
    let plain = !request.uri.path().contains('%');
    if webhook && plain && request.method == Method::POST {
        return Ok(());
    }
    let port = address.port();
    let hosts = [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
    ];
    let header = |name: &HeaderName| header(&request.headers, name);
    let refuse = |what: &str| Err((StatusCode::FORBIDDEN, what.to_owned()));
    if !header(&HOST).is_some_and(|host| hosts.iter().any(|known| known == host)) {
        return refuse("Host: must be this machine");
    }
    let foreign = |origin: &str| !hosts.iter().any(|host| origin == format!("http://{host}"));
    if header(&ORIGIN).is_some_and(foreign) {
        return refuse("Origin: must be this machine");
    }
    let is_json = header(&CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    if request.method == Method::POST && !is_json {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type: must be application/json".to_owned(),
        ));
    }
    Ok(())
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// What the sign-in would have verified: without one everybody is an agent.
fn authorizer(request: &Parts, route_key: &str) -> Option<Value> {
    if !is_console_api(route_key) {
        return None;
    }
    let cookie = header(&request.headers, &COOKIE)
        .into_iter()
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, value)| *name == AGENT_COOKIE && !value.is_empty())
        .map(|(_, value)| value);
    let name = cookie.unwrap_or("Sandbox agent");
    let id = name.to_lowercase().replace(' ', "-");
    // On one's own machine one may do everything, supervisors' work too.
    let claims = json!({"sub": id, "name": name, "groups": "[supervisors]"});
    Some(json!({"jwt": {"claims": claims, "scopes": null}}))
}

fn pages(start_page: StartPage) -> Router {
    let mut frames = vec!["'self'"];
    frames.extend(
        start_page
            .has_user_page
            .then_some(start_page.gptbots_url.as_str()),
    );
    frames.extend(start_page.desks.iter().map(|(_, url)| url.as_str()));
    let frames = frames.join(" ");
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src {frames}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let html = start_html(&start_page);
    let index = move || {
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (CONTENT_SECURITY_POLICY, policy.clone()),
        ];
        let html = html.clone();
        async move { (headers, html).into_response() }
    };
    let style = || async {
        let headers = [(CONTENT_TYPE, "text/css; charset=utf-8")];
        (headers, include_str!("page/start.css"))
    };
    let script = |text: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], text) })
    };
    Router::new()
        .route("/", get(index))
        .route("/start.css", get(style))
        .route("/faults.js", script(include_str!("page/faults.js")))
}

/// A switch, as the page sends it.
#[derive(Deserialize)]
struct Wish {
    /// In the language of faults.
    fault: String,
    on: bool,
}

/// The faults: which there are, and switching them.
fn switches(board: &Arc<Board>) -> Router {
    let (shown, switched) = (board.clone(), board.clone());
    let show = move || async move { Json(shown.shown()) };
    let switch = move |Json(wish): Json<Wish>| async move {
        match switched.switch(&wish.fault, wish.on) {
            Ok(()) => Json(switched.shown()).into_response(),
            Err(error) => {
                let message = Json(json!({"message": error.reason, "at": error.at}));
                (StatusCode::BAD_REQUEST, message).into_response()
            }
        }
    };
    Router::new().route("/sandbox/faults", get(show).post(switch))
}

/// What is counted, for those who measure.
fn measures(counters: Counters) -> Router {
    Router::new().route(
        "/sandbox/counters",
        get(move || async move { Json(counters.read()) }),
    )
}

/// The start page. What is put in is made by the sandbox or given on its command line; none of it
/// comes from a request.
fn start_html(page: &StartPage) -> String {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('"', "&quot;")
    };
    let template = include_str!("page/start.html");
    let user = if page.has_user_page {
        format!(
            r#"<iframe title="The bot's user" src="{}/"></iframe>"#,
            escape(&page.gptbots_url)
        )
    } else {
        format!(
            r#"<p class="note">Replies go to <code>{}</code>: the user's side is there.</p>"#,
            escape(&page.gptbots_url)
        )
    };
    let console = if page.has_sign_in {
        r#"<p class="note"><a href="console" target="_blank">Open the console</a>: it asks you to sign in, which it does in a window of its own only.</p>"#
    } else {
        r#"<iframe title="The agents' console" src="console"></iframe>"#
    };
    let (agent, what) = match page.desks.first() {
        None => (console.to_owned(), "the console".to_owned()),
        Some((name, url)) => (
            format!(
                r#"<iframe title="The desk" src="{}"></iframe>"#,
                escape(url)
            ),
            format!("a stand-in for the desk {}", escape(name)),
        ),
    };
    let desks: Vec<String> = page
        .desks
        .iter()
        .map(|(name, url)| {
            let (name, url) = (escape(name), escape(url));
            format!(r#"<a href="{url}" target="_blank" rel="noreferrer">{name}</a>"#)
        })
        .collect();
    let links = if desks.is_empty() {
        String::new()
    } else {
        format!(
            r#"<p>Desks: {}, <a href="console" target="_blank">the console</a></p>"#,
            desks.join(", ")
        )
    };
    template
        .replace("{{user}}", &user)
        .replace("{{agent}}", &agent)
        .replace("{{agent_is}}", &what)
        .replace("{{desks}}", &links)
        .replace("{{webhook_base_url}}", &escape(&page.webhook_base_url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use std::collections::BTreeSet;
    use template::Template;

    #[test]
    fn the_routes_are_those_of_the_deployment() {
        let template = Template::of_the_project();
        let deployed: BTreeSet<_> = template
            .of_type("AWS::ApiGatewayV2::Route")
            .map(|(_, route)| route["RouteKey"].as_str().unwrap())
            .collect();
        let here: BTreeSet<_> = ROUTES.iter().map(|(key, _)| *key).collect();
        assert_eq!(here, deployed);
    }

    fn refused(method: &str, path: &str, headers: &[(&str, &str)]) -> Option<StatusCode> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        guard(&parts, "127.0.0.1:8787".parse().unwrap())
            .err()
            .map(|(status, _)| status)
    }

    #[test]
    fn a_foreign_page_cannot_speak_through_loopback() {
        let host = ("host", "127.0.0.1:8787");
        let json = ("content-type", "application/json");
        let api = "/console/api/conversations/x/messages";
        assert_eq!(refused("GET", "/console", &[host]), None);
        assert_eq!(
            refused("GET", "/console", &[("host", "localhost:8787")]),
            None
        );
        assert_eq!(
            refused(
                "POST",
                api,
                &[host, json, ("origin", "http://127.0.0.1:8787")]
            ),
            None
        );
        // DNS rebinding.
        assert_eq!(
            refused("GET", "/console/api/me", &[("host", "evil.example:8787")]),
            Some(StatusCode::FORBIDDEN)
        );
        assert_eq!(
            refused(
                "POST",
                api,
                &[host, json, ("origin", "https://evil.example")]
            ),
            Some(StatusCode::FORBIDDEN)
        );
        assert_eq!(
            refused("POST", api, &[host, json, ("origin", "null")]),
            Some(StatusCode::FORBIDDEN)
        );
        // What a form can send without being asked.
        assert_eq!(
            refused("POST", api, &[host, ("content-type", "text/plain")]),
            Some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
        );
        let foreign = ("host", "evil.example:8787");
        for path in [
            "/%63onsole/api/me",
            "/console%2Fapi%2Fme",
            "/",
            "/console/api/conversations/chat",
        ] {
            assert_eq!(
                refused("GET", path, &[foreign]),
                Some(StatusCode::FORBIDDEN),
                "{path}"
            );
        }
        assert_eq!(
            refused("POST", "/T/chat", &[("host", "bridge.example")]),
            None,
            "GPTBots may call by any name"
        );
        for path in ["/desks/slack/events", "/desks/chatwoot/T/events"] {
            let form = ("content-type", "application/x-www-form-urlencoded");
            let host = ("host", "bridge.example");
            assert_eq!(refused("POST", path, &[host, form]), None, "so may desks");
            assert_eq!(
                refused("GET", path, &[host]),
                Some(StatusCode::FORBIDDEN),
                "{path}"
            );
        }
    }
}
