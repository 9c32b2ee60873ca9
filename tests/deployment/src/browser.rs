//! What an agent's browser does to sign in: OpenID Connect's authorization code flow with PKCE,
//! through the provider's own pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::LOCATION;
use reqwest::{Client, Response, Url};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ensure, failed};
use crate::marks::random_hex;
use crate::world::name_here;

/// The account of an agent, as an administrator has just made it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) username: String,
    /// Handed over by the administrator; has to be replaced at the first sign-in.
    pub(crate) temporary_password: String,
    pub(crate) password: String,
}

/// Signs in from the console's page and returns the ID token.
pub(crate) async fn sign_in(console: &str, account: &Account) -> Result<String, Error> {
    let http = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let told = json(http.get(format!("{console}/sign-in.json")).send().await?).await?;
    let provider = &told["sign_in"];
    for host in provider["hosts"].as_array().into_iter().flatten() {
        if let Some(host) = host.as_str().and_then(|host| host.strip_prefix("https://")) {
            name_here(host)?;
        }
    }
    let issuer = text(provider, "issuer")?;
    let client_id = text(provider, "client_id")?;
    let discovery = format!("{issuer}/.well-known/openid-configuration");
    let endpoints = json(http.get(discovery).send().await?).await?;
    ensure(endpoints["issuer"] == issuer, || {
        format!("the provider calls itself {}", endpoints["issuer"])
    })?;

    let verifier = format!("{}{}{}", random_hex(), random_hex(), random_hex());
    let state = random_hex();
    let mut authorize = Url::parse(text(&endpoints, "authorization_endpoint")?)
        .map_err(|error| Error::Failed(error.to_string()))?;
    authorize.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", console),
        ("scope", "openid email profile"),
        ("state", &state),
        ("code_challenge_method", "S256"),
        (
            "code_challenge",
            &URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)),
        ),
    ]);

    // Fill in one form after the other until the provider sends the browser back.
    let mut page = http.get(authorize.clone()).send().await?;
    let mut back = None;
    for _ in 0..5 {
        if let Some(location) = page.headers().get(LOCATION).and_then(|to| to.to_str().ok()) {
            back = Some(location.to_owned());
            break;
        }
        let html = page.text().await?;
        let (action, fields) = filled_in(&html, account)?;
        let to = authorize
            .join(&action)
            .map_err(|error| Error::Failed(error.to_string()))?;
        page = http
            .post(to)
            .body(form(&fields))
            .header("content-type", FORM)
            .send()
            .await?;
    }
    let Some(back) = back else {
        return failed("the provider never sent the browser back");
    };
    let returned = Url::parse(&back).map_err(|error| Error::Failed(error.to_string()))?;
    let parameter = |name: &str| {
        let mut all = returned.query_pairs();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    ensure(
        back.starts_with(console) && parameter("state").as_ref() == Some(&state),
        || {
            format!(
                "sent back elsewhere, or with another state: {}",
                returned.path()
            )
        },
    )?;
    let Some(code) = parameter("code") else {
        return failed("sent back without a code");
    };
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("redirect_uri", console),
        ("code", &code),
        ("code_verifier", &verifier),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let tokens = http
        .post(text(&endpoints, "token_endpoint")?)
        .header("content-type", FORM)
        .body(form(&exchange))
        .send()
        .await?;
    Ok(text(&json(tokens).await?, "id_token")?.to_owned())
}

const FORM: &str = "application/x-www-form-urlencoded";

async fn json(answer: Response) -> Result<Value, Error> {
    let (status, path) = (answer.status(), answer.url().path().to_owned());
    let body = answer.text().await?;
    ensure(status.is_success(), || format!("{path}: {status} {body}"))?;
    Ok(serde_json::from_str(&body)?)
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Error> {
    match value[name].as_str() {
        Some(text) => Ok(text),
        None => failed(format!("the provider gave no {name}")),
    }
}

fn form(fields: &[(String, String)]) -> String {
    let mut url = Url::parse("http://form").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().extend_pairs(fields);
    }
    url.as_ref()
        .and_then(Url::query)
        .unwrap_or_default()
        .to_owned()
}

/// A page's form: where it goes, and its fields with what the agent types.
fn filled_in(html: &str, account: &Account) -> Result<(String, Vec<(String, String)>), Error> {
    let Some(form) = html.split("<form").nth(1) else {
        return failed(format!("a page without a form: {}", html.trim()));
    };
    let fields = form
        .split("<input")
        .skip(1)
        .filter_map(|input| {
            let input = input.split('>').next()?;
            let name = attribute(input, "name")?;
            let value = match name.as_str() {
                "username" => account.username.clone(),
                "password" => account.temporary_password.clone(),
                "new_password" | "confirm_password" => account.password.clone(),
                _ => attribute(input, "value").unwrap_or_default(),
            };
            Some((name, value))
        })
        .collect();
    Ok((attribute(form, "action").unwrap_or_default(), fields))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
    Some(
        value
            .replace("&amp;", "&")
            .replace("&quot;", "\"")
            .replace("&#x27;", "'"),
    )
}
