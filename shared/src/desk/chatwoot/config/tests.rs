use serde_json::json;

use super::*;
use crate::conversation::{ConversationId, PLACEHOLDER_EMAIL, tests::conversation};
use crate::outbound::Targets;
use crate::time::SystemClock;

pub(in super::super) fn http() -> DeskHttp {
    DeskHttp::new(Targets::Local, SystemClock::shared()).unwrap()
}

pub(in super::super) fn secret() -> Value {
    json!({
        "kind": "chatwoot",
        "inbox_identifier": "qVcpdJKTZqqwmD3a9uyNYQ2m",
        "contact_secret": "a secret of some length",
        "webhook_secret": "test-secret",
    })
}

pub(in super::super) fn with(change: impl FnOnce(&mut Value)) -> Result<Config, String> {
    let mut secret = secret();
    change(&mut secret);
    Config::read(&secret, &http())
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    with(change).err().expect("refused")
}

#[test]
fn members_that_are_missing_wrong_or_unknown_are_named_and_never_quoted() {
    assert_eq!(with(|_| {}).unwrap().base_url, DEFAULT_BASE_URL);
    for name in ["inbox_identifier", "contact_secret"] {
        let error = refused(|secret| drop(secret.as_object_mut().unwrap().remove(name)));
        assert_eq!(error, format!("{name} is missing"));
        assert_eq!(
            refused(|secret| secret[name] = json!(["hush"])),
            format!("{name} must be a text")
        );
    }
    for (member, value, error) in [
        (
            "inbox_identifier",
            json!("a/b"),
            "inbox_identifier must consist of letters, digits, - and _",
        ),
        (
            "contact_secret",
            json!("short"),
            "contact_secret must have at least 16 characters",
        ),
        (
            "api_access_token",
            json!("hush"),
            "api_access_token needs account_id",
        ),
        ("account_id", json!(1), "account_id needs api_access_token"),
        ("account_id", json!("hush"), "account_id must be a number"),
        (
            "hmac_token",
            json!("hush"),
            "hmac_token needs api_access_token and account_id",
        ),
        (
            "webhook_secret",
            json!([]),
            "webhook_secret is missing, or path_token_sha256s where the server cannot sign",
        ),
        (
            "webhook_secret",
            json!([7]),
            "webhook_secret must be a text, or a list of texts",
        ),
        (
            "path_token_sha256s",
            json!("hush"),
            "path_token_sha256s must be one or more SHA-256 hashes of 64 hexadecimal digits, separated by commas",
        ),
        ("base_url", json!("hush"), "base_url is not a URL"),
        ("tokne", json!("hush"), "tokne is unknown"),
    ] {
        assert_eq!(refused(|secret| secret[member] = value), error);
    }
}

#[test]
fn a_server_that_cannot_sign_needs_a_token_in_the_path_and_several_are_taken() {
    let config = with(|secret| {
        secret.as_object_mut().unwrap().remove("webhook_secret");
        secret["path_token_sha256s"] = json!([Tokens::hash("old"), Tokens::hash("new")]);
    })
    .unwrap();
    let tokens = config.path_tokens.unwrap();
    assert!(tokens.accept("old") && tokens.accept("new") && !tokens.accept("other"));
    let config = with(|secret| secret["webhook_secret"] = json!(["a", "b"])).unwrap();
    assert_eq!(config.webhook_secrets.len(), 2);
}

#[test]
fn an_address_depends_on_the_secret_and_on_everything_that_names_an_episode() {
    let config = with(|_| {}).unwrap();
    let first = config.source_id(&conversation());
    assert_eq!(first.len(), 64);
    assert_eq!(first, config.source_id(&conversation()));
    let mut others = vec![conversation(), conversation(), conversation()];
    others[0].episode = 2;
    others[1].bot = Some("b2".into());
    others[2].id = ConversationId::new("c2").unwrap();
    for other in others {
        assert_ne!(first, config.source_id(&other));
    }
    let other = with(|secret| secret["contact_secret"] = json!("another secret of it"));
    assert_ne!(first, other.unwrap().source_id(&conversation()));
}

#[test]
fn strangers_with_the_placeholder_address_are_two_people_and_one_bots_people_not_anothers() {
    let mut one = conversation();
    one.user.email = Some(PLACEHOLDER_EMAIL.into());
    let mut other = one.clone();
    other.id = ConversationId::new("c2").unwrap();
    assert_ne!(Config::identifier(&one), Config::identifier(&other));
    let mut elsewhere = one.clone();
    elsewhere.bot = Some("b2".into());
    assert_ne!(Config::identifier(&one), Config::identifier(&elsewhere));
    one.bot = Some("b".repeat(5_000));
    assert!(Config::identifier(&one).len() < 255);
}

#[test]
fn a_proof_is_the_hmac_of_the_identifier() {
    let config = with(|secret| {
        secret["hmac_token"] = json!("Jefe");
        secret["account_id"] = json!("1");
        secret["api_access_token"] = json!("t");
    })
    .unwrap();
    // RFC 4231, test case 2.
    assert_eq!(
        config
            .identifier_hash("what do ya want for nothing?")
            .unwrap(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    assert!(config.fits_identity_validation(true, Some("Jefe")).is_ok());
    assert!(
        config
            .fits_identity_validation(false, Some("other"))
            .is_err()
    );
    assert!(
        with(|_| {})
            .unwrap()
            .fits_identity_validation(true, None)
            .is_err()
    );
}
