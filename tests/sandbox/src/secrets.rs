//! The keys of the sandbox's bots, for both ends of the line.

use gptbots_stand_in::Bot;
use handoff::secrets::{ANY_BOT, Secrets};
use serde_json::{Map, Value, json};

use crate::desks::StandIns;
use crate::{Error, Options, options};

/// The bot that the stand-in has where the secret names none.
const BOT: &str = "sandbox-bot";

/// The secret as the relay gets it, and the bots that the stand-in has with the same keys.
///
/// Replies go to `gptbots_url`, but for a bot that names a place of its own and no `--gptbots-url`
/// that overrides it.
/// The desks' stand-ins are put in with their own credentials.
pub(crate) fn read(
    options: &Options,
    gptbots_url: &str,
    desks: &StandIns,
) -> Result<(Secrets, Vec<Bot>), Error> {
    let given = options.secrets_json.as_deref();
    let mut secret: Value = match given {
        // Checked as it is first, so that the message is about what was given.
        Some(given) => {
            Secrets::parse(given)?;
            serde_json::from_str(given).unwrap_or_default()
        }
        None => json!({ "bots": { ANY_BOT: { "api_key": options::made_up() } } }),
    };
    let mut bots = Vec::new();
    let secrets = secret
        .get_mut("bots")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(Map::iter_mut);
    for (id, bot) in secrets {
        let Some(bot) = bot.as_object_mut() else {
            continue;
        };
        if options.gptbots_url.is_some() || !bot.get("base_url").is_some_and(Value::is_string) {
            bot.insert("base_url".to_owned(), json!(gptbots_url));
        }
        let key = bot
            .get("api_key")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let (id, name) = if id == ANY_BOT {
            (BOT, "Sandbox bot")
        } else {
            (id.as_str(), id.as_str())
        };
        bots.push(Bot::new(id, name, key));
    }
    for (name, credentials) in desks.secrets() {
        secret["desks"][name] = credentials;
    }
    Ok((Secrets::parse(&secret.to_string())?, bots))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_url(secrets_json: &str, gptbots_url: Option<&str>) -> String {
        let options = Options {
            secrets_json: Some(secrets_json.to_owned()),
            gptbots_url: gptbots_url.map(str::to_owned),
            ..Options::default()
        };
        let (secrets, _) = read(
            &options,
            gptbots_url.unwrap_or("http://stand-in"),
            &StandIns::default(),
        )
        .unwrap();
        secrets.bot("b").unwrap().base_url
    }

    #[test]
    fn replies_go_to_the_stand_in_unless_something_else_is_asked_for() {
        let plain = r#"{"bots":{"b":{"api_key":"k"}}}"#;
        let own = r#"{"bots":{"b":{"api_key":"k","base_url":"http://own"}}}"#;
        assert_eq!(base_url(plain, None), "http://stand-in");
        assert_eq!(base_url(own, None), "http://own");
        assert_eq!(base_url(plain, Some("http://other")), "http://other");
        assert_eq!(base_url(own, Some("http://other")), "http://other");
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_said() {
        let options = Options {
            secrets_json: Some(r#"{"bots":{"b":{}}}"#.to_owned()),
            ..Options::default()
        };
        let error = read(&options, "", &StandIns::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("--secrets-json: the secret is not valid"),
            "{error}"
        );
    }
}
