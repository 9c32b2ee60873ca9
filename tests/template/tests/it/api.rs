//! The API: who may call what, and what its log holds.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use template::Template;

/// Routes without an authorizer: GPTBots' by their token, the desks' by signature or token, and what
/// holds no data.
const OPEN: [&str; 9] = [
    "GET /console",
    "GET /console/{file+}",
    "POST /desks/{desk}/events",
    "POST /desks/{desk}/interactions",
    "POST /desks/{desk}/{token}/events",
    "POST /desks/{desk}/{token}/interactions",
    "POST /{token}/chat",
    "POST /{token}/conversation/close",
    "POST /{token}/conversation/establish",
];

/// The function that answers a route.
fn function_of(template: &Template, route: &Value) -> Option<String> {
    let target = Template::text(&route["Target"]);
    let integration = template.properties(target.strip_prefix("integrations/")?);
    let arn = Template::text(&integration["IntegrationUri"]);
    Some(arn.strip_suffix(".Arn")?.to_owned())
}

/// Whether a permission's pattern ("…/*/GET/console/*") covers a route.
fn covers(pattern: &str, route_key: &str) -> bool {
    let path = route_key.replacen(' ', "", 1);
    let example: String = path
        .split('/')
        .map(|segment| {
            if segment.starts_with('{') {
                "x"
            } else {
                segment
            }
        })
        .collect::<Vec<_>>()
        .join("/");
    let Some(pattern) = pattern.split_once("Api/*/").map(|(_, pattern)| pattern) else {
        return false;
    };
    // '*' stands for anything, slashes too.
    let mut rest = example.as_str();
    let mut parts = pattern.split('*');
    let Some(after) = parts.next().and_then(|first| rest.strip_prefix(first)) else {
        return false;
    };
    rest = after;
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last == Some("")
}

/// What is wrong with the API of a template.
fn wrong(template: &Template) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut open = BTreeSet::new();
    for (id, route) in template.of_type("AWS::ApiGatewayV2::Route") {
        let key = route["RouteKey"].as_str().unwrap();
        if route["AuthorizationType"] == "NONE" && route.get("AuthorizerId").is_none() {
            open.insert(key);
        } else if route["AuthorizationType"] != "JWT"
            || route["AuthorizerId"] != json!({"Ref": "ConsoleAuthorizer"})
        {
            wrong.push(format!("{id}: nobody checks who calls"));
        }
        let Some(function) = function_of(template, route) else {
            wrong.push(format!("{id}: no function"));
            continue;
        };
        let expected = match key {
            key if key.ends_with("/establish") => "EstablishFunction",
            key if key.starts_with("POST /desks/") => "DeskFunction",
            "POST /{token}/chat" => "ChatFunction",
            "POST /{token}/conversation/close" => "CloseFunction",
            _ => "ConsoleFunction",
        };
        if function != expected {
            wrong.push(format!("{id} goes to {function}"));
        }
        let may_call = template
            .of_type("AWS::Lambda::Permission")
            .filter(|(_, permission)| Template::text(&permission["FunctionName"]) == function)
            .any(|(_, permission)| covers(&Template::text(&permission["SourceArn"]), key));
        if !may_call {
            wrong.push(format!("{id}: the API may not call {function} for {key}"));
        }
    }
    if open != OPEN.into() {
        wrong.push(format!("open to everybody: {open:?}"));
    }
    let stage = template.properties("ApiStage");
    for limit in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        if !stage["DefaultRouteSettings"][limit].is_object() {
            wrong.push(format!("no {limit}"));
        }
    }
    let format = Template::text(&stage["AccessLogSettings"]["Format"]);
    let allowed = [
        "$context.requestId",
        "$context.requestTimeEpoch",
        "$context.routeKey",
        "$context.status",
        "$context.responseLatency",
        "$context.integrationLatency",
        "$context.integrationStatus",
        "$context.responseLength",
        "$context.error.responseType",
    ];
    let logged: Vec<_> = format
        .split('"')
        .filter(|part| part.starts_with('$'))
        .collect();
    if !logged.contains(&"$context.routeKey") {
        wrong.push("the access log does not name the route".to_owned());
    }
    for variable in logged {
        if !allowed.contains(&variable) {
            wrong.push(format!("the access log holds {variable}"));
        }
    }
    wrong
}

#[test]
fn nobody_gets_past_the_sign_in() {
    let wrong = wrong(&Template::of_the_project());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_open_door_is_found() {
    let format = "/Resources/ApiStage/Properties/AccessLogSettings/Format";
    let route = |name: &str| format!("/Resources/{name}/Properties");
    for (pointer, value) in [
        (
            route("ConsoleListRoute") + "/AuthorizationType",
            json!("NONE"),
        ),
        (
            "/Resources/ConsoleListRoute".to_owned(),
            json!({"Type": "AWS::ApiGatewayV2::Route", "Properties": {
                "RouteKey": "GET /console/api/conversations", "AuthorizationType": "NONE",
                "Target": {"Fn::Sub": "integrations/${ConsoleIntegration}"}}}),
        ),
        (route("ChatRoute") + "/RouteKey", json!("ANY /{token}/chat")),
        (
            route("ConsolePermission") + "/SourceArn",
            json!("arn:Api/*/GET/console/*"),
        ),
        (
            format.to_owned(),
            json!(r#"{"path":"$context.path","route":"$context.routeKey"}"#),
        ),
        (
            format.to_owned(),
            json!(r#"{"ip":"$context.identity.sourceIp","route":"$context.routeKey"}"#),
        ),
        (
            "/Resources/ApiStage/Properties/DefaultRouteSettings".to_owned(),
            json!({}),
        ),
    ] {
        let broken = Template::of_the_project().with(&pointer, value);
        assert!(!wrong(&broken).is_empty(), "{pointer}");
    }
}

#[test]
fn permissions_fit_their_routes_and_no_others() {
    let arn = "arn:x:execute-api:y:z:Api/*/POST/*/chat";
    assert!(covers(arn, "POST /{token}/chat"));
    assert!(!covers(arn, "GET /{token}/chat"));
    assert!(!covers(arn, "POST /{token}/conversation/close"));
    assert!(covers("Api/*/GET/console", "GET /console"));
    assert!(!covers("Api/*/GET/console", "GET /console/{file+}"));
    assert!(covers(
        "Api/*/*/console/*",
        "POST /console/api/conversations/{id}/close"
    ));
}

#[test]
fn tokens_are_of_the_sign_in_that_the_page_uses() {
    let template = Template::of_the_project();
    let jwt = &template.properties("ConsoleAuthorizer")["JwtConfiguration"];
    let variables = &template.properties("ConsoleFunction")["Environment"]["Variables"];
    // "sam local" has no sign-in.
    let deployed = |name: &str| {
        let text = Template::text(&variables[name]);
        text.strip_prefix("IF Local: - ELSE ").unwrap().to_owned()
    };
    assert_eq!(deployed("SIGN_IN_ISSUER"), Template::text(&jwt["Issuer"]));
    assert_eq!(
        deployed("SIGN_IN_CLIENT_ID"),
        Template::text(&jwt["Audience"])
    );
    assert_eq!(
        deployed("SIGN_IN_ISSUER"),
        "IF CognitoSignIn: https://UserPool.ProviderName ELSE SignInIssuer"
    );
    assert_eq!(
        deployed("SIGN_IN_CLIENT_ID"),
        "IF CognitoSignIn: UserPoolClient ELSE SignInAudience"
    );
}

#[test]
fn the_page_signs_in_without_a_secret_and_nobody_signs_up() {
    let template = Template::of_the_project();
    let client = template.properties("UserPoolClient");
    assert_eq!(client["GenerateSecret"], false);
    assert_eq!(client["AllowedOAuthFlows"], json!(["code"]));
    // No sign-in but that of the hosted page.
    assert_eq!(
        client["ExplicitAuthFlows"],
        json!(["ALLOW_REFRESH_TOKEN_AUTH"])
    );
    let console = Template::text(&template.section("Outputs")["ConsoleUrl"]["Value"]);
    assert_eq!(Template::text(&client["CallbackURLs"]), console);
    assert_eq!(Template::text(&client["LogoutURLs"]), console);
    let pool = template.properties("UserPool");
    assert_eq!(
        pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"],
        true
    );
    for id in [
        "UserPool",
        "UserPoolClient",
        "UserPoolDomain",
        "SupervisorsGroup",
    ] {
        assert_eq!(
            template.section("Resources")[id]["Condition"],
            "CognitoSignIn"
        );
    }
}
