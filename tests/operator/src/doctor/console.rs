//! The agents' page, its API and their sign-in.

use reqwest::Client;
use serde::Deserialize;
use serde_json::Value;

use super::report::Check;
use super::webhooks::{Address, why};

const AREA: &str = "console";

/// What `/console/sign-in.json` says.
#[derive(Deserialize)]
struct Told {
    sign_in: Option<SignIn>,
}

#[derive(Deserialize)]
struct SignIn {
    issuer: String,
}

pub(super) async fn check(http: &Client, address: &Address) -> Vec<Check> {
    vec![
        page(http, address).await,
        api(http, address).await,
        sign_in(http, address).await,
    ]
}

async fn page(http: &Client, address: &Address) -> Check {
    const ADVICE: &str = "compare the address with the output ConsoleUrl, and look into the console function's log group";
    match http.get(address.of("/console")).send().await {
        Err(error) => Check::failed(AREA, format!("the page: {}", why(&error)), ADVICE),
        Ok(response) if response.status() == 200 => {
            let text = response.text().await.unwrap_or_default();
            if text
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("<!doctype html")
            {
                Check::ok(AREA, "the page answers")
            } else {
                Check::failed(AREA, "what answers at /console is no page", ADVICE)
            }
        }
        Ok(response) => {
            let status = response.status().as_u16();
            Check::failed(AREA, format!("the page answers HTTP {status}"), ADVICE)
        }
    }
}

async fn api(http: &Client, address: &Address) -> Check {
    match http.get(address.of("/console/api/me")).send().await {
        Err(error) => Check::failed(
            AREA,
            format!("the API: {}", why(&error)),
            "look into the console function's log group",
        ),
        Ok(response) => match response.status().as_u16() {
            401 | 403 => Check::ok(AREA, "the API refuses who is not signed in"),
            200 if address.is_local() => Check::warning(
                AREA,
                "the API answers without a sign-in",
                "fine for a sandbox on your own machine, and for nothing else",
            ),
            200 => Check::failed(
                AREA,
                "the API answers without a sign-in: everybody can read your conversations",
                "take it off the net; every route under /console/api needs the authorizer of the template",
            ),
            status => Check::failed(
                AREA,
                format!("the API answers HTTP {status}"),
                "look into the console function's log group",
            ),
        },
    }
}

async fn sign_in(http: &Client, address: &Address) -> Check {
    const NOT_TOLD: &str = "agents cannot sign in: deploy this version again, with the sign-in of the template or your own (SignInIssuer, SignInAudience)";
    let response = match http.get(address.of("/console/sign-in.json")).send().await {
        Err(error) => {
            return Check::failed(AREA, format!("sign-in.json: {}", why(&error)), NOT_TOLD);
        }
        Ok(response) => response,
    };
    let status = response.status().as_u16();
    let told = match (status, response.json::<Told>().await) {
        (200, Ok(told)) => told,
        _ if address.is_local() => return Check::skipped(AREA, "nobody signs in here"),
        _ => {
            let found = format!("the page is not told where to sign in (HTTP {status})");
            return Check::failed(AREA, found, NOT_TOLD);
        }
    };
    match told.sign_in {
        None if address.is_local() => Check::skipped(AREA, "nobody signs in here"),
        None => Check::failed(AREA, "no sign-in is set up", NOT_TOLD),
        Some(sign_in) => provider(http, &sign_in.issuer).await,
    }
}

/// The provider's own description (OpenID Connect Discovery 1.0, section 4).
async fn provider(http: &Client, issuer: &str) -> Check {
    const ADVICE: &str = "check SignInIssuer: it has to be exactly what the provider calls itself, and be reachable from the internet";
    let url = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let response = match http.get(url).send().await {
        Err(error) => {
            let found = format!("the sign-in's provider {issuer}: {}", why(&error));
            return Check::failed(AREA, found, ADVICE);
        }
        Ok(response) => response,
    };
    let status = response.status().as_u16();
    let described: Value = response.json().await.unwrap_or_default();
    if status != 200 || !described.is_object() {
        let found = format!("the sign-in's provider {issuer} describes itself with HTTP {status}");
        return Check::failed(AREA, found, ADVICE);
    }
    if described["issuer"] != issuer {
        let found = format!("the sign-in's provider {issuer} calls itself something else");
        return Check::failed(AREA, found, ADVICE);
    }
    let missing = ["authorization_endpoint", "token_endpoint", "jwks_uri"]
        .into_iter()
        .find(|name| !described[*name].is_string());
    match missing {
        Some(name) => {
            let found = format!("the sign-in's provider {issuer} has no {name}");
            Check::failed(AREA, found, ADVICE)
        }
        None => Check::ok(AREA, format!("the sign-in's provider {issuer} answers")),
    }
}
