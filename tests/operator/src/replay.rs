//! `replay`: sends again what was not delivered.
//!
//! It puts failed entries back into their lanes; the relay carries them, as it does any other. So
//! it can be pressed twice, or be broken off and pressed again: what is back in its lane, or was
//! delivered since, is passed over.

use std::fmt::Write as _;

use clap::{ArgGroup, Args};
use futures_util::{StreamExt as _, stream};
use handoff::conversation::{ConversationId, Delivery, EntryId, Side};
use handoff::random::Random;
use handoff::store::{Client, Failed, Store};
use handoff::time::{Millis, SystemClock};
use serde_json::json;

use crate::Error;
use crate::aws::{self, Deployment};
use crate::since::{self, Since};

/// How many conversations are worked on side by side.
const AT_ONCE: usize = 16;

/// What to send again.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["since", "conversation"])))]
pub struct Options {
    #[command(flatten)]
    deployment: Deployment,
    /// All that was given up since then: a time (2026-03-01T08:00:00Z) or a while (90s, 30m, 2h, 3d).
    #[arg(long, value_parser = since::parse)]
    since: Option<Since>,
    /// All failed entries of this conversation.
    #[arg(long, value_name = "ID", value_parser = conversation_id)]
    conversation: Option<ConversationId>,
    /// This entry alone.
    #[arg(long, value_name = "ID", requires = "conversation", conflicts_with = "since", value_parser = entry_id)]
    entry: Option<EntryId>,
    /// Only what is for this side.
    #[arg(long, value_name = "user|desk", value_parser = side)]
    side: Option<Side>,
    /// Only conversations of this bot.
    #[arg(long, value_name = "ID")]
    bot: Option<String>,
    /// Do it, instead of only saying what would be done.
    #[arg(long)]
    yes: bool,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

fn conversation_id(text: &str) -> Result<ConversationId, String> {
    ConversationId::new(text).map_err(|error| error.to_string())
}

fn entry_id(text: &str) -> Result<EntryId, String> {
    EntryId::parse(text).map_err(|error| error.to_string())
}

fn side(text: &str) -> Result<Side, String> {
    Side::parse(text).ok_or_else(|| "must be user or desk".to_owned())
}

/// What was found, and what was done about it.
#[derive(Debug, Default)]
pub struct Done {
    /// What had failed and is asked for.
    pub found: Vec<Failed>,
    /// How many are back in their lanes by this call.
    pub replayed: usize,
    /// How many were left as they are: the user they are for has left.
    pub left: usize,
    /// What went wrong, conversation by conversation.
    pub errors: Vec<String>,
}

/// Finds what is asked for and, with `--yes`, sends it again.
///
/// # Errors
/// When the table cannot be found or read.
pub async fn run(options: &Options) -> Result<Done, Error> {
    let table = options.deployment.resolve()?.table.ok_or_else(|| {
        Error::Usage("which table? Give --table, --stack or --outputs".to_owned())
    })?;
    let client = Client::new(&aws::sdk_config().await);
    let store = Store::new(client, table, SystemClock::shared(), Random::from_entropy());
    replay(&store, options, handoff::time::Clock::now(&SystemClock)).await
}

/// As [`run`], over a table.
///
/// # Errors
/// When it cannot be read.
pub async fn replay(store: &Store, options: &Options, now: Millis) -> Result<Done, Error> {
    let mut done = Done::default();
    let mut work: Vec<(ConversationId, Vec<EntryId>)> = Vec::new();
    for (id, mut failed) in find(store, options, now).await? {
        failed.retain(|one| options.side.is_none_or(|side| one.side == side));
        if failed.is_empty() || !is_of_bot(store, &id, options.bot.as_deref()).await? {
            continue;
        }
        work.push((id, failed.iter().map(|one| one.entry.clone()).collect()));
        done.found.append(&mut failed);
    }
    if !options.yes {
        return Ok(done);
    }
    let mut pieces = stream::iter(work)
        .map(|(id, entries)| async move { (store.replay_several(&id, &entries).await, id) })
        .buffer_unordered(AT_ONCE);
    while let Some((result, id)) = pieces.next().await {
        match result {
            Ok(piece) => {
                done.replayed += piece.replayed.len();
                done.left += piece.left;
            }
            // The others go on; pressing again takes this one up.
            Err(error) => done.errors.push(format!("{id}: {error}")),
        }
    }
    Ok(done)
}

async fn find(
    store: &Store,
    options: &Options,
    now: Millis,
) -> Result<Vec<(ConversationId, Vec<Failed>)>, Error> {
    if let Some(since) = options.since {
        return Ok(store
            .failed_since(since.at(now))
            .await?
            .into_iter()
            .collect());
    }
    let Some(id) = &options.conversation else {
        return Err(Error::Usage("give --since or --conversation".to_owned()));
    };
    let entries = match &options.entry {
        Some(entry) => {
            let found = store
                .entry(id, entry)
                .await?
                .ok_or_else(|| Error::Usage("this conversation has no such entry".to_owned()))?;
            vec![found]
        }
        None => store.failed_of(id).await?,
    };
    let failed = entries
        .into_iter()
        .filter(|entry| entry.delivery == Delivery::Failed)
        .filter_map(|entry| {
            Some(Failed {
                side: entry.to?,
                conversation: entry.conversation,
                entry: entry.id,
                at: entry.at,
            })
        })
        .collect();
    Ok(vec![(id.clone(), failed)])
}

async fn is_of_bot(store: &Store, id: &ConversationId, bot: Option<&str>) -> Result<bool, Error> {
    let Some(bot) = bot else {
        return Ok(true);
    };
    let known = store.conversation(id).await?;
    Ok(known.is_some_and(|known| known.bot.as_deref() == Some(bot)))
}

impl Done {
    /// The outcome, for people or as JSON.
    pub fn show(&self, options: &Options) -> String {
        if options.json {
            let found: Vec<_> = self
                .found
                .iter()
                .map(|one| {
                    json!({
                        "conversation_id": one.conversation.as_str(),
                        "entry_id": one.entry.as_str(),
                        "to": one.side.as_str(),
                    })
                })
                .collect();
            let json = json!({
                "found": found, "sent": options.yes, "replayed": self.replayed,
                "left": self.left, "errors": self.errors,
            });
            return format!("{json}\n");
        }
        let mut text = String::new();
        for one in &self.found {
            let _ = writeln!(
                text,
                "{}  {}  to the {}",
                one.conversation, one.entry, one.side
            );
        }
        let _ = match (self.found.len(), options.yes) {
            (0, _) => writeln!(text, "Nothing that failed was found."),
            (found, false) => writeln!(
                text,
                "{found} failed. Add --yes to send them again; those whose user has left stay as they are."
            ),
            (found, true) => writeln!(
                text,
                "{found} failed: {} sent again, {} left as they are, since the user has left.",
                self.replayed, self.left
            ),
        };
        for error in &self.errors {
            let _ = writeln!(text, "not done: {error}");
        }
        if !self.errors.is_empty() {
            text.push_str("Run it again: what is done is not done twice.\n");
        }
        text
    }
}
