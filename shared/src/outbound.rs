//! Which addresses may be called, and when again.
//!
//! Only what the operator's secret names is ever called, and even that only over https, without
//! redirects, and never at a private or link-local address: inside Lambda one of those is the
//! Runtime API itself.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, UNIX_EPOCH};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::time::Millis;

/// What kind of addresses may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// https to public addresses: a deployment.
    Public,
    /// Also http, and loopback and private addresses: one machine, `sam local`.
    Local,
}

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a URL at all.
    #[error("is not a URL")]
    NotAUrl,
    /// Something other than https.
    #[error("must begin with https://")]
    NotHttps,
    /// A user name or password in it.
    #[error("must not contain credentials")]
    Credentials,
    /// Loopback, private, link-local, …
    #[error("must not be a private address")]
    Private,
}

/// Checks every address before it is called and again after its name is resolved.
#[derive(Debug, Clone)]
pub struct Guard {
    targets: Targets,
}

impl Guard {
    /// A guard that lets these through.
    pub fn new(targets: Targets) -> Self {
        Self { targets }
    }

    /// Takes an address that may be called, as far as can be told without resolving it.
    ///
    /// # Errors
    /// When it may not be called; the error says why.
    pub fn check(&self, url: &str) -> Result<Url, Refusal> {
        let url = Url::parse(url).map_err(|_| Refusal::NotAUrl)?;
        let local = self.targets == Targets::Local;
        if url.scheme() != "https" && !(local && url.scheme() == "http") {
            return Err(Refusal::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        // A literal address is never resolved, so it has to be looked at here.
        let literal = url
            .host_str()
            .map(|host| host.trim_start_matches('[').trim_end_matches(']'))
            .and_then(|host| host.parse::<IpAddr>().ok());
        match literal {
            Some(address) if !self.allows(address) => Err(Refusal::Private),
            _ => Ok(url),
        }
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.targets == Targets::Local || is_public(address)
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| guard.allows(address.ip()))
                .collect();
            if found.is_empty() {
                return Err(Refusal::Private.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// What a `Retry-After` asks for: seconds, or a date (RFC 9110, section 10.2.3), which `now` is
/// compared to. `None` where it is neither; nothing to wait for where the date is past.
pub fn retry_after(value: &str, now: Millis) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let now = UNIX_EPOCH + Duration::from_millis(now.max(0).unsigned_abs());
    Some(at.duration_since(now).unwrap_or_default())
}

/// Whether an address can be somebody's on the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_unspecified()
                || v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                // Shared address space (RFC 6598), IETF protocol assignments (RFC 6890) and
                // benchmarks (RFC 2544).
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && v4.octets()[2] == 0)
                // The other end of 6to4 (RFC 7526).
                || (a == 192 && b == 88 && v4.octets()[2] == 99)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = v6.to_ipv4() {
                return is_public(IpAddr::V4(v4));
            }
            let [first, second, ..] = v6.segments();
            // Global unicast is 2000::/3 (RFC 4291), but for 2001::/23 (protocol assignments, Teredo
            // among them), 2001:db8::/32 and 3fff::/20 (documentation) and 2002::/16 (6to4, which
            // can wrap a private IPv4 address, as can NAT64's 64:ff9b::/96).
            first & 0xe000 == 0x2000
                && first != 0x2002
                && !(first == 0x2001 && (second == 0x0db8 || second < 0x0200))
                && !(first == 0x3fff && second < 0x1000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_calls_public_https_only() {
        let guard = Guard::new(Targets::Public);
        for url in [
            "https://api-sg.gptbots.ai/v1",
            "https://altatech.ai",
            "https://8.8.8.8/x",
        ] {
            assert!(guard.check(url).is_ok(), "{url}");
        }
        for (url, refusal) in [
            ("http://api-sg.gptbots.ai", Refusal::NotHttps),
            ("ftp://x", Refusal::NotHttps),
            ("api-sg.gptbots.ai", Refusal::NotAUrl),
            ("https://a:b@api-sg.gptbots.ai", Refusal::Credentials),
            (
                "https://127.0.0.1:9001/2018-06-01/runtime",
                Refusal::Private,
            ),
            ("https://2130706433/", Refusal::Private),
            ("https://169.254.169.254/latest", Refusal::Private),
            ("https://10.0.0.1", Refusal::Private),
            ("https://100.64.0.1", Refusal::Private),
            ("https://0.0.0.0", Refusal::Private),
            ("https://[::1]/", Refusal::Private),
            ("https://[::ffff:10.0.0.1]/", Refusal::Private),
            ("https://[fd00::1]/", Refusal::Private),
            ("https://[fe80::1]/", Refusal::Private),
            ("https://[64:ff9b::a00:1]/", Refusal::Private),
            ("https://[2001:2::1]/", Refusal::Private),
            ("https://[3fff::1]/", Refusal::Private),
            ("https://192.88.99.1", Refusal::Private),
        ] {
            assert_eq!(guard.check(url).unwrap_err(), refusal, "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_refused_once_resolved() {
        let name = || "localhost".parse().unwrap();
        assert!(Guard::new(Targets::Public).resolve(name()).await.is_err());
        assert!(Guard::new(Targets::Local).resolve(name()).await.is_ok());
    }

    #[test]
    fn one_machine_may_call_itself() {
        assert!(
            Guard::new(Targets::Local)
                .check("http://127.0.0.1:8788")
                .is_ok()
        );
        assert!(
            Guard::new(Targets::Local)
                .check("file:///etc/passwd")
                .is_err()
        );
    }
}
