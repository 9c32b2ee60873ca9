//! The lists of conversations, and what is looked for in them.
//!
//! Nothing is scanned: a search goes through the pages of the list itself, at most [`PAGES`] of
//! them with one call, and the answer says through how many conversations it went. Its cursor goes
//! on from there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use handoff::conversation::{Agent, Author, Conversation, Status};
use handoff::store::Listing;
use handoff::time::Millis;
use lambda_http::{Request, RequestExt as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::api::{ApiError, invalid};
use crate::{Console, view};

/// The most pages of a list, of 100 conversations each, that one call looks through.
const PAGES: usize = 10;
/// As many finds as this end a call.
const ENOUGH: usize = 100;
/// The longest that can be looked for, in characters.
const MAX_SEARCH: usize = 200;

/// What is looked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// Words that all have to be there, in lower case.
    words: Vec<String>,
    bot: Option<String>,
    desk: Option<String>,
    /// For how long the user has been waiting for an answer.
    waiting: Option<Millis>,
    /// Who has it: `Some(None)` is nobody.
    holder: Option<Option<String>>,
}

impl Wanted {
    fn of(request: &Request, agent: &Agent) -> Result<Self, ApiError> {
        let query = request.query_string_parameters();
        let given = |name: &str| query.first(name).filter(|value| !value.is_empty());
        let search = given("q").unwrap_or_default();
        if search.chars().count() > MAX_SEARCH {
            return Err(invalid("q: must be at most 200 characters long"));
        }
        let waiting = given("waiting")
            .map(|seconds| {
                let seconds: u32 = seconds.parse().map_err(|_| invalid(WAITING))?;
                Ok::<_, ApiError>(Millis::from(seconds) * 1000)
            })
            .transpose()?;
        let holder = match given("agent") {
            None => None,
            Some("none") => Some(None),
            Some("me") => Some(Some(agent.id.clone())),
            Some(_) => return Err(invalid("agent: must be me or none")),
        };
        Ok(Self {
            words: search
                .to_lowercase()
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            bot: given("bot").map(str::to_owned),
            desk: given("desk").map(str::to_owned),
            waiting,
            holder,
        })
    }

    fn is_it(&self, known: &Conversation, now: Millis) -> bool {
        let holder = known.agent.as_ref().map(|agent| &agent.id);
        self.bot
            .as_deref()
            .is_none_or(|bot| known.bot.as_deref() == Some(bot))
            && self.desk.as_deref().is_none_or(|desk| known.desk == desk)
            && self
                .holder
                .as_ref()
                .is_none_or(|wanted| holder == wanted.as_ref())
            && self
                .waiting
                .is_none_or(|least| waits_since(known).is_some_and(|since| now - since >= least))
            && self.has_all_words(known)
    }

    /// Whether each word is somewhere in what is searched: the conversation's id, the user's name,
    /// e-mail address (but not GPTBots' placeholder), phone number and ids, and what is kept of the
    /// last line.
    fn has_all_words(&self, known: &Conversation) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let user = &known.user;
        let email = user
            .email
            .as_deref()
            .filter(|_| !user.has_placeholder_email());
        let last = known.last.as_ref().map(|last| last.text.as_str());
        let places = [
            Some(known.id.as_str()),
            user.name.as_deref(),
            email,
            user.phone.as_deref(),
            user.user_id.as_deref(),
            user.anonymous_id.as_deref(),
            last,
        ];
        let places: Vec<String> = places
            .into_iter()
            .flatten()
            .map(str::to_lowercase)
            .collect();
        let is_there = |word: &String| places.iter().any(|place| place.contains(word));
        self.words.iter().all(is_there)
    }
}

/// Since when the user waits for an answer; `None`: the next word is theirs.
fn waits_since(known: &Conversation) -> Option<Millis> {
    match known.status {
        Status::Closed => None,
        Status::Waiting => Some(known.opened_at),
        Status::Connected => known
            .last
            .as_ref()
            .filter(|last| last.author == Author::User)
            .map(|last| last.at),
    }
}

impl Console {
    /// `GET conversations?status=&cursor=`, filtered by `q`, `bot`, `desk`, `waiting` (seconds) and
    /// `agent` (`me`, `none`). With `known`, the `tag` of an answer that the page has: only whether
    /// it still holds.
    pub(crate) async fn list(&self, agent: &Agent, request: &Request) -> Result<Value, ApiError> {
        let query = request.query_string_parameters();
        let wanted = Wanted::of(request, agent)?;
        let closed = match query.first("status").unwrap_or("open") {
            "open" => None,
            "closed" => Some(self.settings.get().await.retention_days),
            _ => return Err(invalid("status: must be open or closed")),
        };
        let cursor = query.first("cursor").filter(|cursor| !cursor.is_empty());
        let cursor = cursor.map(decoded).transpose()?;
        let (listing, searched) = self.look_through(&wanted, closed, cursor).await?;
        let conversations: Vec<_> = listing
            .conversations
            .iter()
            .map(view::conversation)
            .collect();
        let mut answer = json!({
            "conversations": conversations,
            "cursor": listing.cursor.map(|cursor| URL_SAFE_NO_PAD.encode(cursor)),
        });
        if wanted != Wanted::default() {
            answer["searched"] = json!(searched);
        }
        let tag = hex::encode(&Sha256::digest(answer.to_string())[..12]);
        if query.first("known") == Some(tag.as_str()) {
            return Ok(json!({"unchanged": true, "tag": tag}));
        }
        answer["tag"] = json!(tag);
        Ok(answer)
    }

    /// Looks through a list until enough is found, or enough looked through; answers also how many
    /// conversations it went through. `closed`: for how many days back.
    async fn look_through(
        &self,
        wanted: &Wanted,
        closed: Option<u32>,
        mut cursor: Option<String>,
    ) -> Result<(Listing, usize), ApiError> {
        let now = self.clock.now();
        let mut found = Vec::new();
        let mut searched = 0;
        for _ in 0..PAGES {
            let page = match closed {
                None => self.store.open_conversations(cursor.as_deref()).await?,
                Some(days) => {
                    let cursor = cursor.as_deref();
                    self.store.closed_conversations(cursor, days).await?
                }
            };
            searched += page.conversations.len();
            let those = page.conversations.into_iter();
            found.extend(those.filter(|known| wanted.is_it(known, now)));
            cursor = page.cursor;
            if cursor.is_none() || found.len() >= ENOUGH || *wanted == Wanted::default() {
                break;
            }
        }
        let listing = Listing {
            conversations: found,
            cursor,
        };
        Ok((listing, searched))
    }
}

const WAITING: &str = "waiting: must be a number of seconds";

/// Cursors are encoded, so that they can stand in an address as they are.
fn decoded(cursor: &str) -> Result<String, ApiError> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| invalid("cursor: is not a cursor of this list"))
}
