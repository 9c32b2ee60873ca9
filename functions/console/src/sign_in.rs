//! How agents sign in: what the page is told, where it may connect to, and whose claims count.
//!
//! Signing in is the page's business (OpenID Connect, authorization code with PKCE) and verifying
//! the token is API Gateway's. The function knows the provider to tell the page, and to look once
//! more at the claims it is handed.

use std::collections::BTreeSet;

use serde::Serialize;
use url::{Host, Url};

/// The longest issuer and client id, in bytes.
const MAX_BYTES: usize = 512;

/// The OpenID Connect provider that agents sign in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignIn {
    /// Exactly as it stands in `iss`.
    issuer: String,
    client_id: String,
    /// All origins of the provider, the issuer's included.
    hosts: BTreeSet<String>,
}

/// What is wrong with the environment. Names the variable.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// One of the two that belong together is missing.
    #[error("environment variable {missing} is not set, but {set} is")]
    Half {
        /// The one without a value.
        missing: &'static str,
        /// The one with a value.
        set: &'static str,
    },
    /// One has a value that cannot be used.
    #[error("environment variable {name}: {problem}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
}

// By hand: what `main` returns is printed by its Debug, and an operator reads that.
impl std::fmt::Debug for SignInError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

const ISSUER: &str = "SIGN_IN_ISSUER";
const CLIENT_ID: &str = "SIGN_IN_CLIENT_ID";
const HOSTS: &str = "SIGN_IN_HOSTS";

impl SignIn {
    /// The provider that the environment names: `SIGN_IN_ISSUER`, `SIGN_IN_CLIENT_ID` and
    /// `SIGN_IN_HOSTS`. `None` where none of them has a value.
    ///
    /// # Errors
    /// When one is missing or cannot be used; the error names it.
    pub fn from_env() -> Result<Option<Self>, SignInError> {
        let value = |name| std::env::var(name).unwrap_or_default();
        Self::parse(&value(ISSUER), &value(CLIENT_ID), &value(HOSTS))
    }

    /// A provider by its issuer (an https address), the client id that the console has there, and
    /// further origins that the page may connect to, separated by spaces. Plain http is allowed on
    /// loopback only. `None` where all three are empty.
    ///
    /// # Errors
    /// When one is missing or cannot be used; the error names the environment variable.
    pub fn parse(issuer: &str, client_id: &str, hosts: &str) -> Result<Option<Self>, SignInError> {
        let half = |missing, set| Err(SignInError::Half { missing, set });
        match (issuer.is_empty(), client_id.is_empty(), hosts.is_empty()) {
            (true, true, true) => return Ok(None),
            (true, false, _) => return half(ISSUER, CLIENT_ID),
            (true, true, false) => return half(ISSUER, HOSTS),
            (false, true, _) => return half(CLIENT_ID, ISSUER),
            (false, false, _) => {}
        }
        let address = address(ISSUER, issuer)?;
        if address.query().is_some() || address.fragment().is_some() {
            return invalid(ISSUER, "must be an address without ? and #");
        }
        if client_id.len() > MAX_BYTES || !client_id.bytes().all(|b| b.is_ascii_graphic()) {
            return invalid(
                CLIENT_ID,
                "must be at most 512 printable characters without spaces",
            );
        }
        let mut origins = BTreeSet::from([origin(&address)]);
        for host in hosts.split_ascii_whitespace() {
            let address = self::address(HOSTS, host)?;
            let origin = origin(&address);
            if host.trim_end_matches('/') != origin {
                return invalid(
                    HOSTS,
                    format!("must list origins only: {origin} instead of {host}"),
                );
            }
            origins.insert(origin);
        }
        Ok(Some(Self {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            hosts: origins,
        }))
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }
}

/// The content security policy of the page: nothing but our own files, nothing inline, and
/// connections to ourselves and to the provider's origins only.
///
/// Where nobody signs in, which is the sandbox, its start page may show the console in a frame;
/// where people do, no page may.
pub(crate) fn policy(sign_in: Option<&SignIn>) -> String {
    let mut connect = "'self'".to_owned();
    for host in sign_in.iter().flat_map(|sign_in| &sign_in.hosts) {
        connect.push(' ');
        connect.push_str(host);
    }
    let ancestors = if sign_in.is_some() {
        "'none'"
    } else {
        "'self'"
    };
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src {connect}; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )
}

/// An https address, or an http one on this machine, that is safe to stand in a policy.
fn address(name: &'static str, text: &str) -> Result<Url, SignInError> {
    let Ok(url) = Url::parse(text) else {
        return invalid(name, "must be an address that begins with https://");
    };
    let loopback = match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return invalid(name, "must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return invalid(name, "must not contain a user name or password");
    }
    // A policy's own signs (* ; , ') have no place in a host name, though a URL allows them.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b);
    if text.len() > MAX_BYTES || !url.host_str().unwrap_or_default().bytes().all(plain) {
        return invalid(name, "must name a host by letters, digits, dots and dashes");
    }
    Ok(url)
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn invalid<T>(name: &'static str, problem: impl Into<String>) -> Result<T, SignInError> {
    let problem = problem.into();
    Err(SignInError::Invalid { name, problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COGNITO: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool";

    #[test]
    fn the_page_may_connect_to_the_provider_and_nowhere_else() {
        let login = "https://agents.auth.eu-west-1.amazoncognito.com";
        let sign_in = SignIn::parse(COGNITO, "client", login).unwrap().unwrap();
        let policy = policy(Some(&sign_in));
        let connect = policy
            .split("; ")
            .find(|part| part.starts_with("connect-src"));
        assert_eq!(
            connect.unwrap(),
            format!("connect-src 'self' {login} https://cognito-idp.eu-west-1.amazonaws.com")
        );
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"));
        assert!(policy.ends_with("form-action 'none'; frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
    }

    #[test]
    fn without_a_provider_the_page_connects_to_itself_only() {
        assert_eq!(SignIn::parse("", "", ""), Ok(None));
        let policy = policy(None);
        assert!(policy.contains("connect-src 'self';"));
        assert!(policy.ends_with("frame-ancestors 'self'"));
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for issuer in [
            "http://127.0.0.1:8789",
            "http://localhost:8789",
            "http://[::1]:1",
        ] {
            assert!(
                SignIn::parse(issuer, "c", "").unwrap().is_some(),
                "{issuer}"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_the_name_of_its_variable() {
        for (issuer, client_id, hosts, expected) in [
            (
                "",
                "c",
                "",
                "SIGN_IN_ISSUER is not set, but SIGN_IN_CLIENT_ID is",
            ),
            (
                "",
                "",
                "https://h",
                "SIGN_IN_ISSUER is not set, but SIGN_IN_HOSTS is",
            ),
            (
                COGNITO,
                "",
                "",
                "SIGN_IN_CLIENT_ID is not set, but SIGN_IN_ISSUER is",
            ),
            ("no address", "c", "", "SIGN_IN_ISSUER: must be an address"),
            (
                "http://id.example",
                "c",
                "",
                "SIGN_IN_ISSUER: must begin with https://",
            ),
            (
                "http://127.0.0.1.example",
                "c",
                "",
                "SIGN_IN_ISSUER: must begin",
            ),
            (
                "https://u:p@id.example",
                "c",
                "",
                "SIGN_IN_ISSUER: must not contain",
            ),
            (
                "https://id.example/?a",
                "c",
                "",
                "SIGN_IN_ISSUER: must be an address without",
            ),
            (
                "https://*.example",
                "c",
                "",
                "SIGN_IN_ISSUER: must name a host",
            ),
            (COGNITO, "c d", "", "SIGN_IN_CLIENT_ID: must be at most"),
            (
                COGNITO,
                "c",
                "login.example",
                "SIGN_IN_HOSTS: must be an address",
            ),
            (
                COGNITO,
                "c",
                "https://a.example https://b.example/login",
                "SIGN_IN_HOSTS: must list origins only: https://b.example instead",
            ),
            (COGNITO, "c", "https://*", "SIGN_IN_HOSTS: must name a host"),
            (
                COGNITO,
                "c",
                "https://a.example;script-src",
                "SIGN_IN_HOSTS: must name a host",
            ),
            (
                COGNITO,
                "c",
                "https://a.example,https://b.example",
                "SIGN_IN_HOSTS: must",
            ),
            (
                COGNITO,
                "c",
                "'unsafe-inline'",
                "SIGN_IN_HOSTS: must be an address",
            ),
            (COGNITO, "c", "https:", "SIGN_IN_HOSTS: must be an address"),
        ] {
            let error = SignIn::parse(issuer, client_id, hosts).unwrap_err();
            let said = error.to_string();
            assert!(said.contains(expected), "{said} instead of {expected}");
            assert_eq!(said, format!("{error:?}"));
        }
    }
}
