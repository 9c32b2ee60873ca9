//! What the three webhooks write: one round trip each, but two for a close.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::change::{Change, put, put_new};
use super::codec::{self, conversation, entry_item, meta_item, user_json};
use super::item::{Item, Put, key, n, s};
use super::keys::{
    DUE, DUE_AT, EXPIRES_AT, LIST, LIST_AT, META, META_OUT, OUT, closed_list, closed_list_of,
    conversation_pk, history_sk, list_at, of_episode, person_pk, person_sk,
};
use super::transact::Written;
use super::{Store, StoreError};
use crate::conversation::{
    Author, ClosedBy, Conversation, ConversationId, Entry, EntryId, Establish as Meaning, Kind,
    Notice, Plan, Side, Status,
};
use crate::gptbots::{Chat, Close, Establish};
use crate::statistics::Counts;
use crate::time::Millis;

/// How often a decision is made anew because the conversation changed under it.
const DECISIONS: u32 = 24;

/// What the settings say about a new handoff.
#[derive(Debug, Clone, Default)]
pub struct Handoff {
    /// The desk instance it goes to.
    pub desk: String,
    /// The desks to go on to; see [`Conversation::next_desks`].
    pub next_desks: Option<Vec<String>>,
    /// What the user is told at once; nothing where it is `None`.
    pub greeting: Option<String>,
    /// What the clock does for it.
    pub plan: Plan,
    /// Whether a message is taken from the start, since nobody is there.
    pub takes_message: bool,
    /// What the log says of how it came to be as it is: the reason of each step.
    pub notes: Vec<Notice>,
    /// The language of what the bridge tells the user.
    pub language: String,
    /// How long what is written stays.
    pub retention_days: u32,
}

/// What became of an establish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EstablishOutcome {
    /// A new conversation, or a new episode of one that had ended.
    Opened,
    /// It was here before: nothing changed.
    Repeated,
    /// The conversation is open and the user asked once more.
    AskedAgain,
    /// Its close had come first: stored as ended.
    AlreadyEnded,
}

/// What became of a user's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatOutcome {
    /// Stored.
    Stored,
    /// It was here before: nothing changed.
    Repeated,
}

/// What became of a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseOutcome {
    /// Stored: the conversation has ended (or will have, once its establish comes).
    Closed,
    /// It had ended before, or has been opened anew since: nothing changed.
    Repeated,
}

impl Store {
    /// Stores a handoff: the conversation, its history, the opening for the desk and the greeting
    /// for the user, all or nothing.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn establish(
        &self,
        request: &Establish,
        handoff: &Handoff,
    ) -> Result<EstablishOutcome, StoreError> {
        let mut known: Option<Item> = None;
        for decision in 0..DECISIONS {
            self.pause_before(decision).await;
            let (parts, outcome) = match &known {
                None => (
                    self.opening(request, handoff, None),
                    EstablishOutcome::Opened,
                ),
                Some(item) => {
                    let known = conversation(item)?;
                    match known.on_establish(request.timestamp) {
                        Meaning::Repeated => {
                            self.remember_earlier(request, &known).await?;
                            return Ok(EstablishOutcome::Repeated);
                        }
                        Meaning::Reopens => (
                            self.opening(request, handoff, Some(&known)),
                            EstablishOutcome::Opened,
                        ),
                        Meaning::AlreadyEnded => (
                            self.opening_that_ended(request, handoff, &known),
                            EstablishOutcome::AlreadyEnded,
                        ),
                        // Its time is over, and nothing has deleted it yet.
                        Meaning::AskedAgain if self.has_expired(item) => (
                            self.opening(request, handoff, Some(&known)),
                            EstablishOutcome::Opened,
                        ),
                        Meaning::AskedAgain => (
                            self.asking_again(request, handoff, &known),
                            EstablishOutcome::AskedAgain,
                        ),
                    }
                }
            };
            let mut parts = parts;
            parts.push(self.not_erased_since(&request.conversation, request.timestamp));
            match self.transact("establish", parts).await? {
                Written::Yes => return Ok(outcome),
                // META is always the first part, and the only one with a condition that can fail
                // for another reason than a repetition of exactly this, or of something that was
                // erased since.
                Written::No {
                    part: 0,
                    item: Some(item),
                } => known = Some(item),
                // It was there, and has gone meanwhile: its time was over, or it was erased.
                Written::No { part: 0, .. } => known = None,
                Written::No { .. } => return Ok(EstablishOutcome::Repeated),
            }
        }
        Err(StoreError::Contended("establish"))
    }

    /// Remembers that the establish we know was not the first, where an earlier one comes only now: a
    /// close that is older than the one we know may then mean the earlier one.
    async fn remember_earlier(
        &self,
        request: &Establish,
        known: &Conversation,
    ) -> Result<(), StoreError> {
        let Some(established) = known.established.filter(|at| request.timestamp < *at) else {
            return Ok(());
        };
        if known.reestablished {
            return Ok(());
        }
        let change = Change::new()
            .set("reestablished", AttributeValue::Bool(true))
            // Whatever else it is by now, it has been established once more.
            .require("established", "=", n(established));
        let meta = key(conversation_pk(&known.id), META);
        self.update("establish", meta, change).await?;
        Ok(())
    }

    /// Whether this establish opens nothing: it, or a newer one, is stored already, or its
    /// conversation is open and the user asks once more.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn opens_nothing(&self, request: &Establish) -> Result<bool, StoreError> {
        let known = self.conversation(&request.conversation).await?;
        Ok(known.is_some_and(|known| {
            let meaning = known.on_establish(request.timestamp);
            matches!(meaning, Meaning::Repeated | Meaning::AskedAgain)
        }))
    }

    /// The conversation as this establish opens it; `known` is what was there before.
    fn opened(
        &self,
        request: &Establish,
        handoff: &Handoff,
        known: Option<&Conversation>,
    ) -> Conversation {
        let now = self.now();
        Conversation {
            id: request.conversation.clone(),
            bot: Some(request.bot.clone()),
            user: request.user.clone(),
            desk: handoff.desk.clone(),
            next_desks: handoff.next_desks.clone(),
            language: Some(handoff.language.clone()).filter(|language| !language.is_empty()),
            // The end of the last episode may still have to be told there; opening overwrites it.
            desk_ref: known
                .filter(|known| known.desk == handoff.desk)
                .and_then(|known| known.desk_ref.clone()),
            desk_context: known
                .filter(|known| known.desk == handoff.desk)
                .and_then(|known| known.desk_context.clone()),
            status: Status::Waiting,
            episode: known.map_or(0, |known| known.episode) + 1,
            established: Some(request.timestamp),
            reestablished: known.is_some(),
            asked_at: now,
            opened_at: now,
            connected_at: None,
            answered_at: None,
            closed_at: None,
            closed_by: None,
            close_reason: None,
            close_sent_at: None,
            agent: None,
            last: request
                .history
                .last_question()
                .map(|text| codec::last(Author::User, text, now)),
            user_lane_at: known.map_or(0, |known| known.user_lane_at),
        }
    }

    fn opening(
        &self,
        request: &Establish,
        handoff: &Handoff,
        known: Option<&Conversation>,
    ) -> Vec<TransactWriteItem> {
        let mut opened = self.opened(request, handoff, known);
        let greeting = greeting(&mut opened, handoff, self.now());
        let expires_at = self.expires_at(handoff.retention_days);
        let meta = meta_item(&opened, expires_at);
        let meta = match known {
            None => TransactWriteItem::builder()
                .put(put_new(&self.table, meta))
                .build(),
            Some(known) => self.replacing(meta, known),
        };
        let mut parts = vec![meta];
        parts.extend(self.around(request, &opened, handoff));
        parts.extend(greeting.map(|entry| self.put_entry(&entry, expires_at)));
        parts.push(self.counting(&opened, &Counts::handoff()));
        parts.extend(self.begin_timer(&opened, handoff));
        for (n, note) in handoff.notes.iter().enumerate() {
            let note = Entry::of_notice(
                opened.id.clone(),
                EntryId::of_system_line(request.timestamp, &format!("note:{n}")),
                Kind::Notice,
                None,
                note.clone(),
                opened.opened_at,
            );
            parts.push(self.put_entry(&note, expires_at));
        }
        parts
    }

    /// The establish of a conversation, or of an episode, whose close came first.
    fn opening_that_ended(
        &self,
        request: &Establish,
        handoff: &Handoff,
        tombstone: &Conversation,
    ) -> Vec<TransactWriteItem> {
        // That of the end before, where that was no tombstone: whatever has been accepted since is late.
        let opened = Conversation {
            status: Status::Closed,
            closed_at: tombstone.closed_at,
            closed_by: tombstone.closed_by,
            close_reason: tombstone.close_reason.clone(),
            close_sent_at: tombstone.close_sent_at,
            ..self.opened(request, handoff, Some(tombstone))
        };
        let expires_at = self.expires_at(handoff.retention_days);
        let mut parts = vec![self.replacing(meta_item(&opened, expires_at), tombstone)];
        parts.extend(self.around(request, &opened, handoff));
        let by = opened.closed_by.unwrap_or(ClosedBy::User);
        let counts = Counts::handoff().plus(&Counts::end(by, None));
        parts.push(self.counting(&opened, &counts));
        if !tombstone.is_tombstone() {
            // The closing of a tombstone waits in its lane; that of an episode unknown so far was
            // taken for one of the last.
            let mut closing = Entry::of_notice(
                opened.id.clone(),
                of_episode(request.timestamp, Kind::Closing, opened.episode, Side::Desk),
                Kind::Closing,
                Some(Side::Desk),
                closed(by, None),
                opened.opened_at,
            );
            closing.episode = Some(opened.episode);
            parts.push(self.put_entry(&closing, expires_at));
        }
        parts
    }

    /// A newer establish of an open conversation: GPTBots waits for a reply again, and the agents
    /// should know that the user lost patience.
    fn asking_again(
        &self,
        request: &Establish,
        handoff: &Handoff,
        known: &Conversation,
    ) -> Vec<TransactWriteItem> {
        let now = self.now();
        let mut again = Conversation {
            established: Some(request.timestamp),
            ..known.clone()
        };
        let greeting = greeting(&mut again, handoff, now);
        let expires_at = self.expires_at(handoff.retention_days);
        let change = Change::new()
            .set("established", n(request.timestamp))
            .set("reestablished", AttributeValue::Bool(true))
            .set("asked_at", n(now))
            .set("user", s(user_json(&request.user)))
            .set("user_lane_at", n(again.user_lane_at))
            .set(EXPIRES_AT, n(expires_at))
            .require_same("established", known.established.map(n))
            .require("user_lane_at", "=", n(known.user_lane_at))
            .require("status", "<>", s(Status::Closed.as_str()));
        let mut notice = Entry::of_notice(
            known.id.clone(),
            EntryId::of_system_line(request.timestamp, "asked-again"),
            Kind::Notice,
            Some(Side::Desk),
            Notice::AskedAgain,
            now,
        );
        if let Some(question) = request.history.last_question() {
            notice.text = format!("The user asked for a human again: {question}");
        }
        notice.sent_at = Some(request.timestamp);
        let mut parts = vec![
            self.changing(key(conversation_pk(&known.id), META), change),
            self.put_entry(&notice, expires_at),
        ];
        parts.extend(greeting.map(|entry| self.put_entry(&entry, expires_at)));
        parts
    }

    /// META anew in place of what was decided from.
    fn replacing(&self, meta: Item, known: &Conversation) -> TransactWriteItem {
        let mut change = Change::new()
            .require_same("established", known.established.map(n))
            // A close that came meanwhile may be that of this establish.
            .require_same("close_sent_at", known.close_sent_at.map(n))
            .require("status", "=", s(known.status.as_str()))
            .require("episode", "=", n(known.episode.into()));
        let old = meta_item(known, 0);
        for name in old.keys().filter(|name| !meta.contains_key(*name)) {
            change = change.remove(&[name]);
        }
        let id = key(conversation_pk(&known.id), META);
        for (name, value) in meta {
            if !id.contains_key(&name) {
                change = change.set(&name, value);
            }
        }
        self.changing(id, change)
    }

    /// What goes with every opening: the history, the entry that opens it at the desk, and its
    /// place among the person's conversations.
    fn around(
        &self,
        request: &Establish,
        opened: &Conversation,
        handoff: &Handoff,
    ) -> Vec<TransactWriteItem> {
        let id = &opened.id;
        let expires_at = self.expires_at(handoff.retention_days);
        let person_pk = person_pk(&request.bot, &request.user.person_key(id));
        let person_sk = person_sk(opened.opened_at, id);
        let mut history = key(conversation_pk(id), history_sk(opened.episode));
        history.put(
            "turns",
            s(serde_json::to_string(&request.history).unwrap_or_default()),
        );
        // By which the person's item is found when the conversation is erased: who they are can
        // change from one episode to the next.
        history.put("person_pk", s(person_pk.as_str()));
        history.put("person_sk", s(person_sk.as_str()));
        history.put(EXPIRES_AT, n(expires_at));

        let mut entry = Entry::new(
            id.clone(),
            of_episode(request.timestamp, Kind::Opening, opened.episode, Side::Desk),
            Kind::Opening,
            Author::System,
            Some(Side::Desk),
            "",
            opened.opened_at,
        );
        entry.episode = Some(opened.episode);
        entry.sent_at = Some(request.timestamp);

        let mut person = key(person_pk, person_sk);
        person.put("conversation_id", s(id.as_str()));
        // It is not written again with every line of the conversation, and has to outlive it.
        person.put(EXPIRES_AT, n(self.reference_until(handoff.retention_days)));

        vec![
            TransactWriteItem::builder()
                .put(put(&self.table, history))
                .build(),
            self.put_entry(&entry, expires_at),
            TransactWriteItem::builder()
                .put(put(&self.table, person))
                .build(),
        ]
    }

    pub(super) fn put_entry(&self, entry: &Entry, expires_at: i64) -> TransactWriteItem {
        TransactWriteItem::builder()
            .put(put_new(
                &self.table,
                entry_item(entry, self.stray_after, expires_at),
            ))
            .build()
    }

    /// Stores a user's line. Needs nothing else to be there, so that a line which overtakes its
    /// establish is kept like any other.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn chat(&self, chat: &Chat, retention_days: u32) -> Result<ChatOutcome, StoreError> {
        let mut entry = Entry::new(
            chat.conversation.clone(),
            chat.entry.clone(),
            Kind::Message,
            Author::User,
            Some(Side::Desk),
            chat.text.as_str(),
            self.now(),
        );
        entry.sent_at = Some(chat.timestamp);
        let item = entry_item(&entry, self.stray_after, self.expires_at(retention_days));
        Ok(match self.put_if_new("chat", item).await? {
            Written::Yes => ChatOutcome::Stored,
            Written::No { .. } => ChatOutcome::Repeated,
        })
    }

    /// Stores the end of a conversation at GPTBots' side. A close that comes before its establish
    /// leaves a tombstone for it.
    ///
    /// Two round trips: what is counted of the end needs to be read first.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn close(
        &self,
        close: &Close,
        retention_days: u32,
    ) -> Result<CloseOutcome, StoreError> {
        let id = &close.conversation;
        let meta = key(conversation_pk(id), META);
        let found = self.get_any("read conversation", meta.clone()).await?;
        let mut seen = found.as_ref().map(conversation).transpose()?;
        for decision in 0..DECISIONS {
            self.pause_before(decision).await;
            let now = self.now();
            let expires_at = self.expires_at(retention_days);
            let as_seen = |known: &Conversation| (known.established, known.connected_at);
            let (established, connected_at) = seen.as_ref().map(as_seen).unwrap_or_default();
            // Once it has been established anew, a close that is older than that meant what was
            // before. Until then no such doubt exists, whatever the timestamps are.
            let change = ended(Change::new(), id, close.by, None, now)
                .set("close_sent_at", n(close.timestamp))
                .set_once("episode", n(0))
                .set(OUT, s(META_OUT))
                .set(EXPIRES_AT, n(expires_at))
                .require_absent_or(("status", "<>", s(Status::Closed.as_str())))
                .require_missing_or("reestablished", ("established", "<=", n(close.timestamp)))
                .require_same("established", established.map(n))
                .require_same("connected_at", connected_at.map(n));
            let mut entry = Entry::of_notice(
                id.clone(),
                EntryId::of_system_line(close.timestamp, &format!("closing:{}", close.by)),
                Kind::Closing,
                Some(Side::Desk),
                closed(close.by, None),
                now,
            );
            entry.sent_at = Some(close.timestamp);
            let mut parts = vec![
                self.changing(meta.clone(), change),
                self.put_entry(&entry, expires_at),
                self.not_erased_since(id, close.timestamp),
            ];
            // That of a tombstone is counted when its establish comes.
            if let Some(known) = seen.as_ref().filter(|known| !known.is_tombstone()) {
                let handling = known.connected_at.map(|at| now - at);
                parts.push(self.counting(known, &Counts::end(close.by, handling)));
            }
            match self.transact("close", parts).await? {
                Written::Yes => return Ok(CloseOutcome::Closed),
                Written::No { part: 0, item } => {
                    let now_there = item.as_ref().map(conversation).transpose()?;
                    let changed = now_there.as_ref().map(as_seen).unwrap_or_default()
                        != (established, connected_at);
                    seen = now_there;
                    if changed {
                        continue;
                    }
                    seen = self.remember_close(close, &entry, expires_at).await?;
                    let open = seen.as_ref().filter(|known| {
                        // Unless this is older than the establish that opened it.
                        !known.reestablished || known.established <= Some(close.timestamp)
                    });
                    if open.is_none() {
                        return Ok(CloseOutcome::Repeated);
                    }
                }
                // It came before, or is of something that was erased since.
                Written::No { .. } => return Ok(CloseOutcome::Repeated),
            }
        }
        Err(StoreError::Contended("close"))
    }

    /// Keeps the newest close of a conversation that has ended: it may be that of an establish
    /// which is still on its way. Where none has come at all, the desk is to be told of this end, too:
    /// the one before may have been that of an earlier establish. Says what there is where that has
    /// been opened anew meanwhile.
    async fn remember_close(
        &self,
        close: &Close,
        closing: &Entry,
        expires_at: i64,
    ) -> Result<Option<Conversation>, StoreError> {
        let meta = key(conversation_pk(&close.conversation), META);
        let newer = Change::new()
            .set("close_sent_at", n(close.timestamp))
            .require("status", "=", s(Status::Closed.as_str()))
            .require_missing_or("close_sent_at", ("close_sent_at", "<", n(close.timestamp)));
        let of_a_tombstone = newer.clone().require_same("established", None);
        let parts = vec![
            self.changing(meta.clone(), of_a_tombstone),
            self.put_entry(closing, expires_at),
        ];
        if let Written::Yes = self.transact("close", parts).await? {
            return Ok(None);
        }
        let Written::No {
            item: Some(item), ..
        } = self.update("close", meta, newer).await?
        else {
            return Ok(None);
        };
        Ok(Some(conversation(&item)?).filter(|known| !known.is_closed()))
    }
}

/// Marks META as ended: status, times, who and why, and its place among the closed ones.
pub(super) fn ended(
    change: Change,
    id: &ConversationId,
    by: ClosedBy,
    reason: Option<&str>,
    now: Millis,
) -> Change {
    change
        .set("status", s(Status::Closed.as_str()))
        .set("closed_at", n(now))
        .set("closed_by", s(by.as_str()))
        .set("close_reason", reason.map(s))
        .set(LIST, s(closed_list(closed_list_of(now))))
        .set(LIST_AT, s(list_at(now, id)))
        .remove(&[DUE, DUE_AT])
}

/// What the log says about an end.
pub(super) fn closed(by: ClosedBy, reason: Option<&str>) -> Notice {
    let reason = reason.map(str::to_owned);
    Notice::Closed { by, reason }
}

/// The first reply: it keeps the conversation open at GPTBots, which ends it by itself where none
/// comes inside its waiting timeout (contract, section 3).
fn greeting(opened: &mut Conversation, handoff: &Handoff, now: Millis) -> Option<Entry> {
    let text = handoff.greeting.as_deref()?;
    let at = opened.next_user_lane_at(now);
    opened.user_lane_at = at;
    Some(Entry::new(
        opened.id.clone(),
        EntryId::of_system_line(opened.established.unwrap_or(at), "greeting"),
        Kind::Notice,
        Author::System,
        Some(Side::User),
        text,
        at,
    ))
}
