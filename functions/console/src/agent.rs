//! Who calls: the claims that API Gateway's authorizer has verified.
//!
//! They come from `requestContext.authorizer.jwt.claims` and nowhere else: no header, cookie or
//! body can put anything there. API Gateway has checked signature, issuer, audience and expiry; the
//! function looks at them once more, so that a route without an authorizer, one with another
//! authorizer, or a token of another kind lets nobody in.

use std::collections::HashMap;

use handoff::conversation::Agent;
use handoff::time::Millis;
use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt as _};

use crate::SignIn;

/// The longest id and name taken from a claim, in bytes.
const MAX_BYTES: usize = 200;
/// The most groups taken from a claim.
const MAX_GROUPS: usize = 100;
/// The group of those who may change what all agents share.
const SUPERVISORS: &str = "supervisors";
/// How long after its expiry a token still counts, in milliseconds: API Gateway let it through a
/// moment ago, by a clock of its own.
const GRACE: Millis = 60_000;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) agent: Agent,
    /// What the provider counts them among.
    pub(crate) groups: Vec<String>,
}

impl Caller {
    /// Whether they may change what all agents share.
    pub(crate) fn is_supervisor(&self) -> bool {
        self.groups.iter().any(|group| group == SUPERVISORS)
    }
}

/// Why a request is nobody's. Names the claim and never what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("there are no verified claims")]
    NoClaims,
    #[error("claim {0} is missing")]
    Missing(&'static str),
    #[error("claim {0} is not what this deployment expects")]
    Other(&'static str),
    #[error("the token has expired")]
    Expired,
}

type Claims = HashMap<String, String>;

/// The agent who calls, by the claims of the request.
pub(crate) fn of(
    request: &Request,
    sign_in: Option<&SignIn>,
    now: Millis,
) -> Result<Caller, Refusal> {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
        return Err(Refusal::NoClaims);
    };
    let authorizer = context.authorizer.as_ref().ok_or(Refusal::NoClaims)?;
    let jwt = authorizer.jwt.as_ref().ok_or(Refusal::NoClaims)?;
    caller(&jwt.claims, sign_in, now)
}

fn caller(claims: &Claims, sign_in: Option<&SignIn>, now: Millis) -> Result<Caller, Refusal> {
    let id = claim(claims, "sub").ok_or(Refusal::Missing("sub"))?;
    // Cognito's access tokens pass API Gateway's check of the audience, too.
    if claim(claims, "token_use").is_some_and(|kind| kind != "id") {
        return Err(Refusal::Other("token_use"));
    }
    if let Some(sign_in) = sign_in {
        let issuer = claim(claims, "iss").ok_or(Refusal::Missing("iss"))?;
        if issuer != sign_in.issuer() {
            return Err(Refusal::Other("iss"));
        }
        let audience = claim(claims, "aud").ok_or(Refusal::Missing("aud"))?;
        if !list(audience).any(|one| one == sign_in.client_id()) {
            return Err(Refusal::Other("aud"));
        }
        claim(claims, "exp").ok_or(Refusal::Missing("exp"))?;
    }
    if let Some(expiry) = claim(claims, "exp") {
        // Whole seconds, as a rule; JSON knows only one kind of number.
        let expiry: f64 = expiry.parse().map_err(|_| Refusal::Other("exp"))?;
        let expired = expiry.is_nan() || expiry * 1000.0 <= (now - GRACE) as f64;
        if expired {
            return Err(Refusal::Expired);
        }
    }
    let groups = ["cognito:groups", "groups"]
        .iter()
        .filter_map(|name| claim(claims, name))
        .flat_map(list)
        .take(MAX_GROUPS)
        .map(short)
        .collect();
    let name = name(claims).unwrap_or_else(|| short(id));
    Ok(Caller {
        agent: Agent {
            id: short(id),
            name,
        },
        groups,
    })
}

/// What to call an agent: `name`, else `given_name` and `family_name`, else `preferred_username`,
/// else `email`, else `cognito:username`. Of an e-mail address only what stands before the @.
fn name(claims: &Claims) -> Option<String> {
    if let Some(name) = claim(claims, "name") {
        return Some(short(name));
    }
    let parts = ["given_name", "family_name"].map(|part| claim(claims, part));
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        return Some(short(&parts.join(" ")));
    }
    ["preferred_username", "email", "cognito:username"]
        .iter()
        .filter_map(|name| claim(claims, name))
        .map(|name| name.split('@').next().unwrap_or_default().trim())
        .find(|name| !name.is_empty())
        .map(short)
}

fn claim<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    let value = claims.get(name)?.trim();
    (!value.is_empty()).then_some(value)
}

/// A claim that is a list. API Gateway makes strings of all claims, and of a list `[a b]`.
fn list(value: &str) -> impl Iterator<Item = &str> {
    let inner = value
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(value).split_ascii_whitespace()
}

fn short(text: &str) -> String {
    handoff::text::head(text, MAX_BYTES).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_742_265_101_250;
    const ISSUER: &str = "https://id.example/pool";

    fn sign_in() -> SignIn {
        SignIn::parse(ISSUER, "client", "").unwrap().unwrap()
    }

    fn claims(changes: &[(&str, &str)]) -> Claims {
        let mut claims: Claims = [
            ("sub", "b9ea9c2c"),
            ("iss", ISSUER),
            ("aud", "client"),
            ("exp", "1742268700"),
            ("token_use", "id"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        for (name, value) in changes {
            claims.insert((*name).to_owned(), (*value).to_owned());
        }
        claims
    }

    fn refused(changes: &[(&str, &str)]) -> Option<Refusal> {
        caller(&claims(changes), Some(&sign_in()), NOW).err()
    }

    #[test]
    fn claims_of_another_provider_client_or_kind_are_nobodys() {
        assert_eq!(refused(&[]), None);
        for (changes, expected) in [
            ([("sub", "")], Refusal::Missing("sub")),
            ([("iss", "")], Refusal::Missing("iss")),
            ([("aud", "")], Refusal::Missing("aud")),
            ([("exp", "")], Refusal::Missing("exp")),
            ([("iss", "https://id.example/pool/")], Refusal::Other("iss")),
            ([("aud", "client2")], Refusal::Other("aud")),
            ([("aud", "[other client2]")], Refusal::Other("aud")),
            ([("exp", "tomorrow")], Refusal::Other("exp")),
            ([("exp", "NaN")], Refusal::Expired),
            ([("token_use", "access")], Refusal::Other("token_use")),
        ] {
            assert_eq!(refused(&changes), Some(expected), "{changes:?}");
        }
        assert_eq!(refused(&[("aud", "[other client]")]), None);
    }

    #[test]
    fn a_token_counts_until_a_minute_after_its_expiry() {
        let at = |millis: Millis| (millis / 1000).to_string();
        assert_eq!(refused(&[("exp", &at(NOW - 59_000))]), None);
        assert_eq!(
            refused(&[("exp", &at(NOW - 61_000))]),
            Some(Refusal::Expired)
        );
        assert_eq!(refused(&[("exp", "1.742268700E9")]), None);
        // Without a provider in the environment the authorizer's word stands, but not for ever.
        let mut claims = claims(&[("exp", &at(NOW - 61_000)), ("iss", "another")]);
        assert_eq!(caller(&claims, None, NOW), Err(Refusal::Expired));
        claims.remove("exp");
        assert!(caller(&claims, None, NOW).is_ok());
    }

    #[test]
    fn an_agent_goes_by_the_best_name_there_is() {
        let name = |changes: &[(&str, &str)]| {
            let caller = caller(&claims(changes), Some(&sign_in()), NOW).unwrap();
            assert_eq!(caller.agent.id, "b9ea9c2c");
            caller.agent.name
        };
        let mut all = vec![
            ("name", "Alice Wong"),
            ("given_name", "Alice"),
            ("family_name", "W."),
            ("preferred_username", "alice.w"),
            ("email", "alice@example.com"),
            ("cognito:username", "a-1"),
        ];
        assert_eq!(name(&all), "Alice Wong");
        all.remove(0);
        assert_eq!(name(&all), "Alice W.");
        all.remove(0);
        assert_eq!(name(&all), "W.");
        all.remove(0);
        assert_eq!(name(&all), "alice.w");
        all.remove(0);
        assert_eq!(name(&all), "alice");
        all.remove(0);
        assert_eq!(name(&all), "a-1");
        assert_eq!(name(&[("name", "  "), ("email", "@")]), "b9ea9c2c");
        assert_eq!(name(&[("name", &"x".repeat(300))]).len(), MAX_BYTES);
    }

    #[test]
    fn groups_are_read_as_api_gateway_writes_lists() {
        let groups =
            |name: &str, value: &str| caller(&claims(&[(name, value)]), None, NOW).unwrap().groups;
        assert_eq!(
            groups("cognito:groups", "[agents supervisors]"),
            ["agents", "supervisors"]
        );
        assert_eq!(groups("groups", "supervisors"), ["supervisors"]);
        assert!(groups("groups", "[]").is_empty());
        let is_supervisor = |value: &str| {
            caller(&claims(&[("groups", value)]), None, NOW)
                .unwrap()
                .is_supervisor()
        };
        assert!(is_supervisor("[agents supervisors]"));
        assert!(!is_supervisor("[agents supervisor]") && !is_supervisor("Supervisors"));
    }
}
