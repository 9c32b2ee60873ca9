//! Who gets in, and what the functions themselves may do.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

use super::scene::Scene;
use crate::agent::Agent;
use crate::aws::{as_function, aws, processes_of};
use crate::error::{Error, ensure, failed};
use crate::report::Report;

/// Makes them.
pub(crate) async fn checks(report: &mut Report, scene: &Scene) {
    report
        .check(
            "access: a webhook with a wrong token is refused",
            "our functions' own comparison: the routes have no authorizer, here as on AWS",
            wrong_token(scene),
        )
        .await;
    report
        .check(
            "access: the agent signed in on the hosted page, with PKCE",
            "the emulator's Cognito: its pages and tokens look like AWS', their security is AWS' own",
            signed_in(scene),
        )
        .await;
    report
        .check(
            "access: the console's page is open and its API is shut without a token",
            "the emulator's JWT authorizer, which verifies signature (RS256, key set of the pool), \
             issuer, audience and times; the bare 401 is the authorizer's, the function's has a code",
            console_shut(scene),
        )
        .await;
    report
        .check(
            "access: the console's function refuses a call that no authorizer has verified",
            "our function alone: it is invoked directly, past the API",
            function_refuses(scene),
        )
        .await;
    report
        .check(
            "access: a desk's call is believed with its signature alone",
            "our functions' own comparison: the routes have no authorizer, here as on AWS; the secret \
             comes from the emulator's Secrets Manager",
            desk_signed(scene),
        )
        .await;
    report
        .check(
            "access: a function may do with AWS what its role allows and no more",
            "the emulator's IAM (AUTH=true) on the sessions that the running functions have: it \
             looks at actions and resources, not at DynamoDB's leading keys or every condition; \
             whether API Gateway, Scheduler and the mappings may call is not enforced here",
            least_privilege(scene),
        )
        .await;
}

async fn wrong_token(scene: &Scene) -> Result<String, Error> {
    let http = Client::new();
    let wrong = scene.webhooks(&format!("{}x", scene.token))?;
    for path in ["/conversation/establish", "/chat", "/conversation/close"] {
        let answer = http
            .post(format!("{wrong}{path}"))
            .json(&json!({}))
            .send()
            .await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        ensure(
            status == StatusCode::UNAUTHORIZED && body["code"] == 401,
            || format!("{path}: {status} {body}"),
        )?;
    }
    Ok("401 on all three".to_owned())
}

async fn desk_signed(scene: &Scene) -> Result<String, Error> {
    let console = scene.stack.output("ConsoleUrl")?;
    let api = console.trim_end_matches("/console");
    let challenge = scene.mark("challenge of a desk");
    let body = json!({"type": "url_verification", "challenge": challenge}).to_string();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_secs());
    let call = async |desk: &str, secret: &str, at: u64| -> Result<(StatusCode, String), Error> {
        let answer = Client::new()
            .post(format!("{api}/desks/{desk}/events"))
            .header("content-type", "application/json")
            .header("x-slack-request-timestamp", at.to_string())
            .header("x-slack-signature", slack_signature(secret, at, &body))
            .body(body.clone())
            .send()
            .await?;
        Ok((answer.status(), answer.text().await?))
    };
    let secret = scene.keys[0].as_str();
    for (desk, secret, at, expected) in [
        ("nowhere", secret, now, StatusCode::NOT_FOUND),
        ("slack", "another", now, StatusCode::UNAUTHORIZED),
        ("slack", secret, now - 3_600, StatusCode::UNAUTHORIZED),
    ] {
        let (status, body) = call(desk, secret, at).await?;
        ensure(status == expected, || format!("{desk}: {status} {body}"))?;
    }
    let (status, told) = call("slack", secret, now).await?;
    ensure(
        status == StatusCode::OK && told.contains(&challenge),
        || format!("rightly signed: {status}"),
    )?;
    Ok("unknown 404, wrong and old 401, right 200 with the challenge".to_owned())
}

/// As Slack signs (<https://docs.slack.dev/authentication/verifying-requests-from-slack>).
fn slack_signature(secret: &str, at: u64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        unreachable!("HMAC takes keys of any length");
    };
    mac.update(format!("v0:{at}:{body}").as_bytes());
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

async fn signed_in(scene: &Scene) -> Result<String, Error> {
    let me = scene.agent.me().await?;
    ensure(me["name"] == scene.agent_name.as_str(), || {
        "not under the name of the account".into()
    })?;
    Ok("the name in the console is that of the account".to_owned())
}

async fn console_shut(scene: &Scene) -> Result<String, Error> {
    let console = scene.stack.output("ConsoleUrl")?;
    let http = Client::new();
    let page = http.get(&console).send().await?;
    ensure(page.status() == StatusCode::OK, || {
        format!("the page: {}", page.status())
    })?;

    // A token whose claims are changed does not fit its signature any more.
    let token = scene.agent.token();
    let forged = match token.split('.').collect::<Vec<_>>().as_slice() {
        [head, claims, signature] => format!("{head}.{}.{signature}", altered(claims)),
        _ => return failed("the ID token is not a JWT"),
    };
    let mut tried = 0;
    for token in ["", "x.y.z", &forged] {
        let nobody = Agent::new(&console, token)?;
        for (method, path) in [
            (Method::GET, "/me"),
            (Method::GET, "/conversations"),
            (Method::GET, "/conversations/YzE"),
            (Method::POST, "/conversations/YzE/messages"),
            (Method::POST, "/conversations/YzE/claim"),
            (Method::POST, "/conversations/YzE/close"),
            (Method::POST, "/conversations/YzE/entries/e/replay"),
        ] {
            let (status, body) = nobody.call(method, path, None).await?;
            let by_authorizer = body.get("code").is_none();
            ensure(status == StatusCode::UNAUTHORIZED && by_authorizer, || {
                format!("{path}: {status} {body}")
            })?;
            tried += 1;
        }
    }
    // Paths that only the page's greedy route fits reach the function: it must decide by itself.
    let sneaky = http
        .get(format!("{console}/api/conversations/"))
        .send()
        .await?;
    let status = sneaky.status();
    ensure(status == StatusCode::UNAUTHORIZED, || {
        format!("/api/conversations/: {status}")
    })?;
    Ok(format!(
        "{tried} calls without, with a false and with a forged token: 401"
    ))
}

/// The claims with one character changed.
fn altered(claims: &str) -> String {
    let (last, rest) = (claims.chars().last(), &claims[..claims.len() - 1]);
    format!("{rest}{}", if last == Some('A') { 'Q' } else { 'A' })
}

async fn function_refuses(scene: &Scene) -> Result<String, Error> {
    let sample = fs::read_to_string("events/console-list.json")?;
    let mut event: Value = serde_json::from_str(&sample)?;
    let asked = invoke(scene, &event).await?;
    ensure(asked["statusCode"] != 500, || asked.to_string())?;
    if let Some(context) = event["requestContext"].as_object_mut() {
        context.remove("authorizer");
    }
    let refused = invoke(scene, &event).await?;
    ensure(refused["statusCode"] == 401, || refused.to_string())?;
    Ok("401".to_owned())
}

async fn invoke(scene: &Scene, event: &Value) -> Result<Value, Error> {
    let (to, from) = (
        scene.folder.join("event.json"),
        scene.folder.join("answer.json"),
    );
    fs::write(&to, event.to_string())?;
    let payload = format!("file://{}", to.display());
    let function = scene.stack.physical("ConsoleFunction")?;
    let from_path = from.to_string_lossy();
    aws(&[
        "lambda",
        "invoke",
        "--function-name",
        &function,
        "--payload",
        &payload,
        &from_path,
    ])
    .await?;
    Ok(serde_json::from_str(&fs::read_to_string(from)?)?)
}

async fn least_privilege(scene: &Scene) -> Result<String, Error> {
    // One call of each, so that each runs.
    let chat = scene.begin_greeted().await?;
    scene.gptbots.say(&chat.user, "hello").await;
    scene.agent.list("open").await?;
    scene.gptbots.leave(&chat.user).await;
    let table = scene.stack.output("TableName")?;
    let secret = scene.stack.output("SecretsArn")?;
    let settings = r#"{"pk":{"S":"SETTINGS"},"sk":{"S":"SETTINGS"}}"#;
    let mut denied = 0;
    for name in [
        "EstablishFunction",
        "ChatFunction",
        "ConsoleFunction",
        "DeskFunction",
        "RelayFunction",
    ] {
        let processes = processes_of(&scene.stack.physical(name)?)?;
        let Some(session) = processes.first() else {
            return failed(format!("{name} does not run"));
        };
        // What it needs goes, so a refusal below is one of its policies.
        let get = [
            "dynamodb",
            "get-item",
            "--table-name",
            &table,
            "--key",
            settings,
        ];
        as_function(session, &get).await?;
        let mut forbidden: Vec<Vec<&str>> = vec![
            vec!["dynamodb", "scan", "--table-name", &table],
            vec!["dynamodb", "list-tables"],
            vec!["s3api", "list-buckets"],
            vec!["iam", "list-roles"],
        ];
        // The console erases what a person asks to have erased.
        if name != "ConsoleFunction" {
            forbidden.push(vec![
                "dynamodb",
                "delete-item",
                "--table-name",
                &table,
                "--key",
                settings,
            ]);
        }
        if !["DeskFunction", "RelayFunction"].contains(&name) {
            forbidden.push(vec![
                "secretsmanager",
                "get-secret-value",
                "--secret-id",
                &secret,
            ]);
        }
        for call in &forbidden {
            match as_function(session, call).await {
                Ok(_) => return failed(format!("{name} may {}", call[..2].join(" "))),
                Err(error) if error.to_string().contains("AccessDenied") => denied += 1,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(format!(
        "{denied} calls with the sessions of 5 functions were denied"
    ))
}
