//! Who calls: the claims that API Gateway's authorizer has verified.

use std::collections::HashMap;

use handoff::conversation::Agent;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};

/// The longest id and name taken from a claim, in bytes.
const MAX_BYTES: usize = 200;

/// The agent who calls; `None` without verified claims.
pub(crate) fn of(request: &Request) -> Option<Agent> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else {
        return None;
    };
    let claims = &context.authorizer.as_ref()?.jwt.as_ref()?.claims;
    let id = claim(claims, "sub")?;
    let name = ["name", "preferred_username", "email", "cognito:username"]
        .iter()
        .find_map(|name| claim(claims, name))
        .unwrap_or_else(|| id.clone());
    Some(Agent { id, name })
}

fn claim(claims: &HashMap<String, String>, name: &str) -> Option<String> {
    let value = claims.get(name)?.trim();
    (!value.is_empty()).then(|| handoff::text::head(value, MAX_BYTES).to_owned())
}
