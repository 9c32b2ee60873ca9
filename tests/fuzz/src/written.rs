//! What the operator writes: the secret, the settings, the list of token hashes, addresses.

use std::net::{IpAddr, Ipv6Addr};

use handoff::outbound::{Guard, Targets};
use handoff::secrets::Secrets;
use handoff::settings::Settings;
use handoff::token::Tokens;
use secrecy::ExposeSecret as _;
use serde_json::Value;

/// First byte: which reader. Rest: what it reads.
pub fn written(input: &[u8]) {
    let mut input = input;
    let which = crate::choice(&mut input, 4);
    let text = String::from_utf8_lossy(input);
    match which {
        0 => secret(&text),
        1 => settings(&text),
        2 => tokens(&text),
        _ => address(text.trim_end_matches('\n')),
    }
}

/// Neither an error nor what is printed for a developer shows a key.
fn secret(json: &str) {
    match Secrets::parse(json) {
        Err(error) => {
            let text = error.to_string();
            let problem = text.rsplit(": ").next().unwrap_or_default();
            assert!(
                problem == "not JSON"
                    || problem == "a member is missing, unknown or of the wrong type",
                "{text}"
            );
        }
        Ok(secrets) => {
            let shown = format!("{secrets:?} {:?}", secrets.bot("b"));
            let plain: Value = serde_json::from_str(json).unwrap_or_default();
            let ids = plain.to_string().matches("api_key").count();
            if let Some(bot) = secrets.bot("b") {
                let key = bot.api_key.expose_secret();
                // Unless it is also the name of something.
                let alone = ids == 1 && key.len() > 8 && json.matches(key).count() == 1;
                assert!(!(alone && shown.contains(key)), "a key is shown");
                assert!(!bot.base_url.is_empty() || json.contains("base_url"));
            }
        }
    }
}

/// What is taken is in range and survives being written again.
fn settings(document: &str) {
    let Ok(settings) = Settings::parse(document) else {
        return;
    };
    let again = serde_json::to_string(&settings).expect("settings are JSON");
    assert_eq!(Settings::parse(&again).expect("as before"), settings);
    for bot in settings.bots.keys().map(String::as_str).chain(["nobody"]) {
        let handoff = settings.handoff(bot);
        assert!(!handoff.desk.is_empty());
        assert!((1..=3_650).contains(&handoff.retention_days));
        if let Some(greeting) = handoff.greeting {
            assert!(!greeting.trim().is_empty() && greeting.chars().count() <= 30_000);
        }
    }
    assert!((1_000..=86_400_000).contains(&settings.retry_age()));
    assert!((1..=30_000).contains(&settings.reply_max_chars));
}

/// A list is taken where every part is a hash, and lets exactly the tokens of those hashes in.
fn tokens(list: &str) {
    let parts: Vec<_> = list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    let hash = |part: &&str| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let fine = !parts.is_empty() && parts.iter().all(hash);
    let tokens = Tokens::parse(list);
    assert_eq!(tokens.is_ok(), fine);
    if let Ok(tokens) = tokens {
        for token in ["", "local-token", list, parts[0]] {
            let known = parts
                .iter()
                .any(|part| part.eq_ignore_ascii_case(&Tokens::hash(token)));
            assert_eq!(tokens.accept(token), known);
        }
    }
}

/// What a deployment would call is https, without credentials, and no special address.
fn address(url: &str) {
    let local = Guard::new(Targets::Local).check(url);
    let Ok(url) = Guard::new(Targets::Public).check(url) else {
        return;
    };
    assert!(local.is_ok(), "what a deployment may call, one machine may");
    assert_eq!(url.scheme(), "https");
    assert!(url.username().is_empty() && url.password().is_none());
    let host = url.host_str().expect("https has a host");
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = literal.parse::<IpAddr>() {
        assert!(!is_special(address), "{address}");
    }
    // What the guard read is what is called: nothing changes on a second reading.
    assert_eq!(
        Guard::new(Targets::Public).check(url.as_str()).as_ref(),
        Ok(&url)
    );
}

/// IANA's registries of special-purpose addresses, IPv4 as `::ffff:a.b.c.d`: prefix and length.
const SPECIAL: [(&str, u32); 29] = [
    ("::ffff:0.0.0.0", 8),
    ("::ffff:10.0.0.0", 8),
    ("::ffff:100.64.0.0", 10),
    ("::ffff:127.0.0.0", 8),
    ("::ffff:169.254.0.0", 16),
    ("::ffff:172.16.0.0", 12),
    ("::ffff:192.0.0.0", 24),
    ("::ffff:192.0.2.0", 24),
    ("::ffff:192.168.0.0", 16),
    ("::ffff:198.18.0.0", 15),
    ("::ffff:198.51.100.0", 24),
    ("::ffff:203.0.113.0", 24),
    ("::ffff:224.0.0.0", 4),
    ("::ffff:240.0.0.0", 4),
    ("::ffff:192.88.99.0", 24),
    ("::1", 128),
    ("::", 128),
    ("64:ff9b::", 96),
    ("64:ff9b:1::", 48),
    ("100::", 64),
    ("2001::", 32),
    ("2001:2::", 48),
    ("2001:db8::", 32),
    ("2002::", 16),
    ("3fff::", 20),
    ("5f00::", 16),
    ("fc00::", 7),
    ("fe80::", 10),
    ("ff00::", 8),
];

fn is_special(address: IpAddr) -> bool {
    let (address, v4) = match address {
        IpAddr::V4(v4) => (v4.to_ipv6_mapped(), true),
        IpAddr::V6(v6) => (v6, v6.to_ipv4_mapped().is_some()),
    };
    SPECIAL.iter().any(|(prefix, length)| {
        let of_v4 = prefix.starts_with("::ffff:");
        let prefix: Ipv6Addr = prefix.parse().expect("a prefix");
        let length = if of_v4 { length + 96 } else { *length };
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        of_v4 == v4 && address.to_bits() & mask == prefix.to_bits() & mask
    })
}
