//! The names of people: Slack's events have only their ids.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::api::Api;
use super::config::is_id;
use crate::desk::{AgentLine, DeskError};
use crate::text::head;
use crate::time::Millis;

/// How long a name is used before it is asked for again.
const FRESH_FOR: Millis = 3_600_000;
/// How long nobody is asked after a refusal that says nothing of that.
const PAUSE: Duration = Duration::from_secs(30);
/// How many names are kept.
const MOST: usize = 2_000;
/// How many people one line may have asked for.
const PER_LINE: usize = 10;
/// How long all questions for one line may take.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// What to call an agent whose name cannot be found out.
const AGENT: &str = "Agent";
/// What to call anybody else.
const SOMEONE: &str = "someone";

/// The names that were asked for.
#[derive(Default)]
pub(super) struct Names {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Name and when it was asked for, by id. `None`: Slack does not tell.
    names: HashMap<String, (Option<String>, Millis)>,
    /// Until then nobody is asked.
    paused_until: Millis,
}

#[derive(Deserialize)]
struct Answer {
    user: User,
}

#[derive(Deserialize)]
struct User {
    name: Option<String>,
    real_name: Option<String>,
    #[serde(default)]
    profile: Profile,
}

#[derive(Default, Deserialize)]
struct Profile {
    display_name: Option<String>,
    real_name: Option<String>,
}

impl Names {
    /// Puts the names in: of who wrote the line, and of whom it mentions. Never fails: a name that
    /// cannot be had now is not worth holding a line up.
    pub(super) async fn complete(&self, api: &Api, mut line: AgentLine) -> AgentLine {
        let mut ids = mentioned(&line.text);
        if line.agent.name.is_empty() {
            ids.insert(0, line.agent.id.clone());
        }
        ids.truncate(PER_LINE);
        let asking = async {
            for id in &ids {
                self.ask(api, id).await;
            }
        };
        if tokio::time::timeout(PATIENCE, asking).await.is_err() {
            self.pause(api.now(), None);
        }
        if line.agent.name.is_empty() {
            let name = self.name(&line.agent.id);
            line.agent.name = name.unwrap_or_else(|| AGENT.to_owned());
        }
        line.text = with_names(&line.text, |id| self.name(id));
        line.incomplete = false;
        line
    }

    fn name(&self, id: &str) -> Option<String> {
        self.lock().names.get(id)?.0.clone()
    }

    fn pause(&self, now: Millis, wait: Option<Duration>) {
        let wait = wait.unwrap_or(PAUSE).as_millis();
        self.lock().paused_until = now.saturating_add(wait.try_into().unwrap_or(Millis::MAX));
    }

    /// Asks for a name, unless it is known or nobody is to be asked now.
    async fn ask(&self, api: &Api, id: &str) {
        let now = api.now();
        {
            let known = self.lock();
            let fresh = known
                .names
                .get(id)
                .is_some_and(|(_, at)| now - at < FRESH_FOR);
            if fresh || now < known.paused_until {
                return;
            }
        }
        let answer: Result<Answer, _> = api.get("users.info", &[("user", id)]).await;
        let name = match answer {
            Ok(answer) => name_of(answer.user),
            // This person is not to be had.
            Err(DeskError::Rejected(_)) => None,
            Err(refused) => {
                tracing::warn!(%refused, "the names of agents cannot be asked for");
                let wait = match refused {
                    DeskError::Unavailable { retry_after, .. } => retry_after,
                    _ => None,
                };
                return self.pause(now, wait);
            }
        };
        let mut known = self.lock();
        if known.names.len() >= MOST {
            known.names.clear();
        }
        known.names.insert(id.to_owned(), (name, now));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody is called at Slack: the name they chose to be shown by, else their full name.
fn name_of(user: User) -> Option<String> {
    let names = [
        user.profile.display_name,
        user.profile.real_name,
        user.real_name,
        user.name,
    ];
    let mut names = names.into_iter().flatten();
    let name = names.find(|name| !name.trim().is_empty())?;
    Some(name.trim().to_owned())
}

/// The ids in a text's marks for people, each once.
fn mentioned(text: &str) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    with_names(text, |id| {
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
        None
    });
    ids
}

/// The text with the marks for people (`<@U…>`) replaced.
fn with_names(text: &str, mut name: impl FnMut(&str) -> Option<String>) -> String {
    let mut named = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("<@") {
        named.push_str(&rest[..start]);
        let inside = &rest[start + 2..];
        // No id is longer.
        let end = head(inside, 40).find('>');
        match end.map(|end| inside.split_at(end)) {
            Some((id, left)) if is_id(id, &['U', 'W']) => {
                named.push('@');
                named.push_str(&name(id).unwrap_or_else(|| SOMEONE.to_owned()));
                rest = &left[1..];
            }
            _ => {
                named.push_str("<@");
                rest = inside;
            }
        }
    }
    named.push_str(rest);
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_are_named_and_strangers_stay_readable() {
        let text = "ask <@U1> or <@W2>, not <@ann> or <@U1";
        assert_eq!(mentioned(text), ["U1", "W2"]);
        let named = with_names(text, |id| (id == "U1").then(|| "Ann Agent".to_owned()));
        assert_eq!(named, "ask @Ann Agent or @someone, not <@ann> or <@U1");
    }

    #[test]
    fn the_chosen_name_goes_first() {
        let user = |json: &str| name_of(serde_json::from_str(json).unwrap());
        assert_eq!(
            user(r#"{"name":"k","profile":{"display_name":"Ken ","real_name":"Kenneth"}}"#),
            Some("Ken".into())
        );
        assert_eq!(
            user(r#"{"name":"k","real_name":"Kenneth","profile":{"display_name":""}}"#),
            Some("Kenneth".into())
        );
        assert_eq!(user(r#"{"name":"k"}"#), Some("k".into()));
        assert_eq!(user("{}"), None);
    }

    proptest! {
        #[test]
        fn a_text_without_marks_is_left_alone(text in "[<@>a-z é]{0,40}") {
            prop_assert_eq!(with_names(&text, |_| None), text);
        }
    }
}
