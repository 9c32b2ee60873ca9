//! The timer of a conversation: when the clock looks at it next, by what plan, and how far that
//! has come.
//!
//! An item of its own beside META: META is copied into two indexes with every line, and the plan's
//! texts need not be. It is found through [`DUE_INDEX`] by when it is due, so that looking costs
//! what is due, and it is not moved with every line: when it comes too early it is set anew.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures_util::future::{try_join, try_join_all};

use super::change::{Change, put};
use super::console::End;
use super::item::{Item, Put, Reader, key, n, s};
use super::keys::{
    DUE, DUE_AT, DUE_INDEX, EXPIRES_AT, META, PK, SHARDS, TIMER, conversation_of, conversation_pk,
    shard, timer, waiting_at,
};
use super::transact::Written;
use super::{Ended, Handoff, Store, StoreError};
use crate::conversation::{
    Author, ClosedBy, Conversation, ConversationId, Entry, EntryId, Farewell, Kind, Notice, Plan,
    Progress, Side,
};
use crate::desk::CONSOLE;
use crate::time::Millis;

/// How many of one shard a tick takes: more come with the next.
const A_TICK: i32 = 500;

/// A conversation whose timer is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueTimer {
    /// The conversation.
    pub conversation: ConversationId,
    due_at: String,
}

/// A timer as it stands, with the conversation it is of.
#[derive(Debug, Clone)]
pub struct Timer {
    /// Its conversation, as it is now.
    pub known: Conversation,
    /// The last line of the user or of an agent, and when it was accepted: also one that the desk
    /// does not have yet.
    pub said: Option<(Author, Millis)>,
    /// What is to be done.
    pub plan: Plan,
    /// How far that has come.
    pub progress: Progress,
    retention_days: u32,
    due_at: String,
}

/// What a timer writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// What the user is told.
    pub to_user: Option<String>,
    /// What the agents are told.
    pub to_agents: Option<Notice>,
}

impl Store {
    /// The timer of a conversation that begins; `None` where nothing ever happens by it.
    pub(super) fn begin_timer(
        &self,
        opened: &Conversation,
        handoff: &Handoff,
    ) -> Option<TransactWriteItem> {
        let plan = &handoff.plan;
        let taking = plan.message.as_ref().filter(|_| handoff.takes_message);
        let progress = Progress {
            taking_message: taking.map(|_| opened.opened_at),
            ..Progress::default()
        };
        let first = match taking {
            Some(taking) => Some(taking.first_look(opened.opened_at)),
            None => plan.first_look(opened.opened_at),
        };
        // Of a row of desks the last may fail.
        if first.is_none() && opened.next_desks.is_none() {
            return None;
        }
        let mut item = key(conversation_pk(&opened.id), TIMER);
        item.put("episode", n(opened.episode.into()));
        item.put("plan", s(serde_json::to_string(plan).unwrap_or_default()));
        item.put("steps", n(0));
        item.put("taking_message", progress.taking_message.map(n));
        item.put("retention_days", n(handoff.retention_days.into()));
        if let Some(first) = first {
            item.put(DUE, s(timer(shard(&opened.id))));
            item.put(DUE_AT, s(waiting_at(first)));
        }
        item.put(EXPIRES_AT, n(self.expires_at(handoff.retention_days)));
        Some(
            TransactWriteItem::builder()
                .put(put(&self.table, item))
                .build(),
        )
    }

    /// The conversations whose timer is due at `now`. Costs what is due, however many conversations
    /// are open.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due_timers(&self, now: Millis) -> Result<Vec<DueTimer>, StoreError> {
        let shards = (0..SHARDS).map(|shard| async move {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(DUE_INDEX)
                .key_condition_expression("#due = :due AND #at <= :now")
                .expression_attribute_names("#due", DUE)
                .expression_attribute_names("#at", DUE_AT)
                .expression_attribute_values(":due", s(timer(shard)))
                .expression_attribute_values(":now", s(waiting_at(now)))
                .limit(A_TICK)
                .send()
                .await
                .map_err(|error| StoreError::of("read due timers", &error))?;
            Ok::<_, StoreError>(page.items.unwrap_or_default())
        });
        let mut due = Vec::new();
        for item in try_join_all(shards).await?.into_iter().flatten() {
            let reader = Reader(&item);
            due.extend(conversation_of(reader.s(PK)?).map(|conversation| DueTimer {
                conversation,
                due_at: reader.s(DUE_AT).unwrap_or_default().to_owned(),
            }));
        }
        Ok(due)
    }

    /// Reads a timer that is due, and its conversation. `None`: another tick has it, or it is of an
    /// episode that is over.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn timer(&self, due: &DueTimer) -> Result<Option<Timer>, StoreError> {
        let id = &due.conversation;
        let place = key(conversation_pk(id), TIMER);
        let (item, lane) = try_join(
            self.get("read timer", place.clone()),
            self.lane(id, Side::Desk),
        )
        .await?;
        let Some(item) = item.filter(|item| item.get(DUE_AT) == Some(&s(due.due_at.as_str())))
        else {
            return Ok(None);
        };
        let reader = Reader(&item);
        let number = |name| Ok::<_, StoreError>(reader.opt_n(name)?.unwrap_or(0));
        let episode = number("episode")?;
        let known = lane
            .conversation
            .filter(|known| i64::from(known.episode) == episode && !known.is_closed());
        let Some(known) = known else {
            self.stop_timer(due).await?;
            return Ok(None);
        };
        let undelivered = lane
            .entries
            .iter()
            .filter(|entry| entry.author == Author::User && entry.kind == Kind::Message);
        let newest = undelivered.map(|entry| (entry.author, entry.at));
        let last = known.last.as_ref().map(|last| (last.author, last.at));
        let said = newest.chain(last).max_by_key(|(_, at)| *at);
        let plan =
            serde_json::from_str(reader.s("plan")?).map_err(|_| StoreError::Unreadable("plan"))?;
        let progress = Progress {
            steps: usize::try_from(number("steps")?).unwrap_or(0),
            taking_message: reader.opt_n("taking_message")?,
            take_message: reader.flag("take_message"),
            warned: reader.opt_n("warned_of")?.zip(reader.opt_n("warned_at")?),
        };
        Ok(Some(Timer {
            said,
            plan,
            progress,
            retention_days: u32::try_from(number("retention_days")?).unwrap_or(1),
            due_at: due.due_at.clone(),
            known,
        }))
    }

    /// Sets a timer that has nothing to do now; `None`: it is over.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn rest_timer(&self, timer: &Timer, next: Option<Millis>) -> Result<(), StoreError> {
        let due = DueTimer {
            conversation: timer.known.id.clone(),
            due_at: timer.due_at.clone(),
        };
        match next {
            None => self.stop_timer(&due).await,
            Some(at) => {
                let change = self.setting(timer, Some(at));
                self.change_timer(&timer.known.id, change).await
            }
        }
    }

    async fn stop_timer(&self, due: &DueTimer) -> Result<(), StoreError> {
        let change =
            Change::new()
                .remove(&[DUE, DUE_AT])
                .require(DUE_AT, "=", s(due.due_at.as_str()));
        self.change_timer(&due.conversation, change).await
    }

    async fn change_timer(&self, id: &ConversationId, change: Change) -> Result<(), StoreError> {
        let place = key(conversation_pk(id), TIMER);
        self.update("set timer", place, change).await?;
        Ok(())
    }

    /// The next time of a timer, unless another tick has set it.
    fn setting(&self, timer: &Timer, next: Option<Millis>) -> Change {
        let change = match next {
            Some(at) => Change::new().set(DUE_AT, s(waiting_at(at))),
            None => Change::new().remove(&[DUE, DUE_AT]),
        };
        change
            .set(EXPIRES_AT, n(self.expires_at(timer.retention_days)))
            .require(DUE_AT, "=", s(timer.due_at.as_str()))
            .require("episode", "=", n(timer.known.episode.into()))
    }

    /// Writes what a timer has to say, with how far its plan has come and when it is due again: all
    /// or nothing. `false`: the conversation is not as it was any more, or another tick was faster;
    /// nothing was written.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn say_by_timer(
        &self,
        timer: &Timer,
        said: &Said,
        progress: Progress,
        next: Option<Millis>,
    ) -> Result<bool, StoreError> {
        let known = &timer.known;
        let expires_at = self.expires_at(timer.retention_days);
        let now = self.now();
        let at = known.next_user_lane_at(now);
        let mut meta = Change::new()
            .set(EXPIRES_AT, n(expires_at))
            .require("status", "=", s(known.status.as_str()))
            .require("episode", "=", n(known.episode.into()))
            .require("user_lane_at", "=", n(known.user_lane_at))
            .require_same("last_at", known.last.as_ref().map(|last| n(last.at)));
        if said.to_user.is_some() {
            meta = meta.set("user_lane_at", n(at));
        }
        let place = conversation_pk(&known.id);
        let (warned_of, warned_at) = progress.warned.unzip();
        let moved = self
            .setting(timer, next)
            .set("steps", n(i64::try_from(progress.steps).unwrap_or(0)))
            .set("taking_message", progress.taking_message.map(n))
            .set("warned_of", warned_of.map(n))
            .set("warned_at", warned_at.map(n))
            .remove(&["take_message"])
            .require(
                "steps",
                "=",
                n(i64::try_from(timer.progress.steps).unwrap_or(0)),
            );
        let mut parts = vec![
            self.changing(key(&place, META), meta),
            self.changing(key(&place, TIMER), moved),
        ];
        let (conversation, kind) = (known.id.clone(), Kind::Notice);
        let name = |to: &str| format!("timer:{}:{}:{to}", known.episode, timer.due_at);
        if let Some(text) = &said.to_user {
            let side = Side::User;
            let id = EntryId::of_system_line(at, &name(side.as_str()));
            let (conversation, author) = (conversation.clone(), Author::System);
            let line = Entry::new(conversation, id, kind, author, Some(side), text, at);
            parts.push(self.put_entry(&line, expires_at));
        }
        if let Some(notice) = said.to_agents.clone() {
            // The console shows the log: nothing is to be carried there.
            let side = (known.desk != CONSOLE).then_some(Side::Desk);
            let id = EntryId::of_system_line(now, &name(side.map_or("log", Side::as_str)));
            let line = Entry::of_notice(conversation, id, kind, side, notice, now);
            parts.push(self.put_entry(&line, expires_at));
        }
        let written = self.transact("say by timer", parts).await?;
        Ok(matches!(written, Written::Yes))
    }

    /// Ends a conversation by its timer, unless it is not as it was any more. Answers whether it has
    /// ended.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn end_by_timer(
        &self,
        timer: &Timer,
        farewell: &Farewell,
    ) -> Result<bool, StoreError> {
        let seen = &timer.known;
        let said = |known: &Conversation| known.last.as_ref().map(|last| last.at);
        let same = |known: &Conversation| {
            (known.status, known.episode, known.established, said(known))
                == (seen.status, seen.episode, seen.established, said(seen))
        };
        let tell: &[Side] = match farewell.left_message {
            // What was left for the agents stays open at their desk.
            Some(_) => &[Side::User],
            None => &[Side::User, Side::Desk],
        };
        let end = End {
            by: ClosedBy::Bridge,
            reason: Some(farewell.reason),
            tell,
            notice: farewell.left_message.clone(),
            farewell: farewell.to_user.clone(),
        };
        let ended = self
            .end_if(&seen.id, same, &end, timer.retention_days)
            .await?;
        Ok(match ended {
            Ended::Yes(known) => known.is_closed(),
            Ended::Unknown => true,
        })
    }

    /// The change that has a message taken at the next tick, for a conversation that no desk can
    /// take.
    pub(super) fn taking_message_now(&self, known: &Conversation) -> TransactWriteItem {
        let change = Change::new()
            .set("take_message", AttributeValue::Bool(true))
            .set(DUE, s(timer(shard(&known.id))))
            .set(DUE_AT, s(waiting_at(self.now())))
            .require_present("plan")
            .require("episode", "=", n(known.episode.into()));
        self.changing(timer_key(known), change)
    }
}

fn timer_key(known: &Conversation) -> Item {
    key(conversation_pk(&known.id), TIMER)
}
