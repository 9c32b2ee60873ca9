//! Finding a person's conversations, and erasing them.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use handoff::conversation::{Agent, Conversation, ConversationId, PersonBy};
use handoff::erasure::{Eraser, ErasureError, Progress};
use handoff::store::{Asked, Person};
use handoff::time::Millis;
use lambda_http::{Request, RequestExt as _};
use serde_json::{Map, Value, json};

use crate::api::{ApiError, invalid};
use crate::{Console, view};

/// How long one call goes on to the next conversation: the page waits for 10 s, and goes on with the next
/// call.
const A_CALL: Millis = 5_000;
/// How many conversations are looked at side by side.
const AT_ONCE: usize = 16;
/// The longest id of a person, in characters.
const MAX_ID: usize = 500;

const WHOM: &str = "one of conversation, user_id, anonymous_id and phone has to be given";

/// Whose conversations are meant.
enum Whom {
    /// The person who had this one.
    Conversation(ConversationId),
    /// The person of a bot with this id.
    Known {
        bot: String,
        by: PersonBy,
        value: String,
    },
}

impl Whom {
    /// Reads it out of named values.
    fn read<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<Self, ApiError> {
        let given = |name: &str| value(name).map(str::trim).filter(|text| !text.is_empty());
        let ids = [PersonBy::UserId, PersonBy::AnonymousId, PersonBy::Phone];
        let mut ids = ids
            .into_iter()
            .filter_map(|by| Some((by, given(by.as_str())?)));
        match (given("conversation"), ids.next(), ids.next()) {
            (Some(id), None, _) => ConversationId::new(id)
                .map(Self::Conversation)
                .map_err(|error| invalid(format!("conversation: {error}"))),
            (None, Some((by, value)), None) => {
                if value.chars().count() > MAX_ID {
                    return Err(invalid(format!(
                        "{by}: must be at most {MAX_ID} characters long"
                    )));
                }
                let bot = given("bot").ok_or_else(|| invalid("bot: is missing"))?;
                Ok(Self::Known {
                    bot: bot.to_owned(),
                    by,
                    value: value.to_owned(),
                })
            }
            _ => Err(invalid(WHOM)),
        }
    }
}

impl Console {
    /// `GET people?conversation=` or `?bot=&user_id=` (`anonymous_id`, `phone`): the person, their
    /// conversations, and other ids under which there may be more.
    pub(crate) async fn people(&self, request: &Request) -> Result<Value, ApiError> {
        let query = request.query_string_parameters();
        let whom = Whom::read(|name| query.first(name))?;
        let (person, named) = match whom {
            Whom::Known { bot, by, value } => {
                let person = Person::known_by(bot.as_str(), by, &value);
                (Some(person), named(&bot, by, &value))
            }
            Whom::Conversation(id) => {
                let known = self.store.conversation(&id).await?;
                let known = known.ok_or(ApiError::NoSuchConversation)?;
                let named = match (&known.bot, known.user.known_by()) {
                    (Some(bot), Some((by, value))) => named(bot, by, value),
                    _ => json!({"conversation": id.as_str()}),
                };
                (Person::of(&known), named)
            }
        };
        let ids = match &person {
            Some(person) => self.store.conversations_of(person).await?,
            None => Vec::new(),
        };
        let known: Vec<Option<Conversation>> = stream::iter(ids)
            .map(|id| async move { self.store.conversation(&id).await })
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let known: Vec<Conversation> = known.into_iter().flatten().collect();
        let linked: Vec<Value> = self
            .store
            .linked(&known)
            .await?
            .iter()
            .map(|linked| {
                json!({"by": linked.by.as_str(), "value": linked.value, "conversations": linked.conversations})
            })
            .collect();
        Ok(json!({
            "person": named,
            "conversations": known.iter().map(view::conversation).collect::<Vec<_>>(),
            "linked": linked,
        }))
    }

    /// `POST erasures` `{"conversation": …}` or `{"person": {…}}`: erases, or goes on erasing.
    pub(crate) async fn erase(&self, by: &Agent, body: &Value) -> Result<Value, ApiError> {
        let at_once = match body.get("at_once") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(at_once)) => *at_once,
            Some(_) => return Err(invalid("at_once: must be true or false")),
        };
        let eraser = Eraser {
            store: &self.store,
            files: self.files.as_ref(),
            clock: &self.clock,
            retention_days: self.settings.get().await.retention_days,
            at_once,
        };
        let whom = match (body.get("person"), body.get("conversation")) {
            (Some(Value::Object(person)), None) => of_members(person)?,
            (None, Some(Value::String(id))) => {
                Whom::read(|name| (name == "conversation").then_some(id.as_str()))?
            }
            _ => {
                return Err(invalid(
                    "either conversation (a string) or person (an object) has to be given",
                ));
            }
        };
        let (erased, ending, more) = match whom {
            Whom::Conversation(id) => {
                let asked = Asked {
                    by,
                    of_person: body.get("person").is_some(),
                };
                match eraser.conversation(&id, &asked).await.map_err(failed)? {
                    Progress::Done => (1, 0, false),
                    Progress::Nothing => (0, 0, false),
                    Progress::Ending => (0, 1, false),
                    Progress::OpenedAnew => (0, 0, true),
                }
            }
            Whom::Known { bot, by: id, value } => {
                let person = Person::known_by(bot, id, &value);
                let stop_at = self.clock.now() + A_CALL;
                let done = eraser.person(&person, by, stop_at).await.map_err(failed)?;
                (done.erased, done.ending.len(), done.more)
            }
        };
        Ok(json!({
            "done": ending == 0 && !more, "erased": erased, "ending": ending, "more": more,
        }))
    }

    /// `GET erasures`: what was erased, the last first.
    pub(crate) async fn erasures(&self) -> Result<Value, ApiError> {
        let records: Vec<Value> = self
            .store
            .erasures()
            .await?
            .iter()
            .map(|record| {
                json!({
                    "at": record.at,
                    "by": record.by,
                    "of_person": record.of_person,
                    "items": record.items,
                    "files": record.files,
                    "fingerprint": record.fingerprint,
                })
            })
            .collect();
        Ok(json!({"erasures": records}))
    }
}

/// A person as the answer and the next request name them.
fn named(bot: &str, by: PersonBy, value: &str) -> Value {
    let mut named = Map::new();
    named.insert("bot".to_owned(), json!(bot));
    named.insert(by.as_str().to_owned(), json!(value));
    Value::Object(named)
}

fn of_members(person: &Map<String, Value>) -> Result<Whom, ApiError> {
    let known = ["conversation", "bot", "user_id", "anonymous_id", "phone"];
    for (name, value) in person {
        if !known.contains(&name.as_str()) {
            return Err(invalid(format!(
                "person: has no {}",
                handoff::text::head(name, 40)
            )));
        }
        if !value.is_string() {
            return Err(invalid(format!("{name}: must be a string")));
        }
    }
    Whom::read(|name| person.get(name).and_then(Value::as_str))
}

fn failed(error: ErasureError) -> ApiError {
    match error {
        ErasureError::Store(error) => error.into(),
        ErasureError::Files(error) => error.into(),
    }
}
