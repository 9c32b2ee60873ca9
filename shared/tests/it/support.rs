//! A table in an embedded DynamoDB, in virtual time.

use handoff::conversation::{
    Agent, Conversation, ConversationId, Entry, History, Side, Speaker, Turn, User,
};
use handoff::gptbots::{Chat, Close, Establish};
use handoff::store::{Client, EstablishOutcome, Handoff, Lane, Outcome, Posted, Store};
use handoff::time::{Clock as _, ManualClock, Millis};
use serde_json::json;
use test_support::TestTable;

/// When the tests begin.
pub(crate) const START: Millis = 1_742_265_090_895;

pub(crate) struct Table {
    pub(crate) store: Store,
    pub(crate) clock: ManualClock,
    inner: TestTable,
}

impl Table {
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::at(START);
        let inner = TestTable::with_clock(clock.shared()).await;
        Self {
            store: inner.store.clone(),
            clock,
            inner,
        }
    }

    /// The same table through another client.
    pub(crate) fn through(&self, client: Client) -> Store {
        self.inner.through(client)
    }

    pub(crate) async fn establish(&self, timestamp: Millis) -> EstablishOutcome {
        self.clock.advance(1);
        self.store
            .establish(&establish(timestamp), &handoff())
            .await
            .unwrap()
    }

    pub(crate) async fn chat(&self, timestamp: Millis, text: &str) {
        self.clock.advance(1);
        self.store.chat(&chat(timestamp, text), 90).await.unwrap();
    }

    pub(crate) async fn post(&self, key: &str, text: &str) -> Posted {
        self.clock.advance(1);
        self.store.post(&id(), &ann(), key, text, 90).await.unwrap()
    }

    pub(crate) async fn conversation(&self) -> Conversation {
        self.store.conversation(&id()).await.unwrap().unwrap()
    }

    pub(crate) async fn lane(&self, side: Side) -> Lane {
        self.store.lane(&id(), side).await.unwrap()
    }

    /// The texts of a lane, in order of delivery.
    pub(crate) async fn texts(&self, side: Side) -> Vec<String> {
        let lane = self.lane(side).await;
        lane.entries.into_iter().map(|entry| entry.text).collect()
    }

    /// Carries a lane to its end, as the relay would, and says what it carried.
    pub(crate) async fn deliver(&self, side: Side) -> Vec<String> {
        let lane = self.lane(side).await;
        let mut texts = Vec::new();
        for entry in lane.entries {
            let claimed = self.claim(&entry).await.unwrap();
            let outcome = Outcome::Delivered {
                remote_id: None,
                late: false,
            };
            self.store
                .mark(&claimed, &outcome, lane.conversation.as_ref(), 90)
                .await
                .unwrap();
            texts.push(entry.text);
        }
        texts
    }

    pub(crate) async fn claim(&self, entry: &Entry) -> Option<Entry> {
        self.store
            .claim(entry, self.clock.now() + 1_000)
            .await
            .unwrap()
    }
}

pub(crate) fn id() -> ConversationId {
    ConversationId::new("67d8db020fa31d1ef64f53dg").unwrap()
}

pub(crate) fn ann() -> Agent {
    Agent {
        id: "ann".into(),
        name: "Ann".into(),
    }
}

pub(crate) fn bob() -> Agent {
    Agent {
        id: "bob".into(),
        name: "Bob".into(),
    }
}

pub(crate) fn handoff() -> Handoff {
    Handoff {
        desk: "console".into(),
        greeting: Some("hello".into()),
        retention_days: 90,
        ..Handoff::default()
    }
}

pub(crate) fn establish(timestamp: Millis) -> Establish {
    Establish {
        conversation: id(),
        timestamp,
        bot: "bot".into(),
        user: User {
            user_id: Some("u1".into()),
            ..User::default()
        },
        history: History::new(
            1,
            [Turn {
                speaker: Speaker::User,
                kind: Some("QUESTION".into()),
                text: format!("question of {timestamp}"),
                files: Vec::new(),
            }],
        ),
    }
}

pub(crate) fn chat(timestamp: Millis, text: &str) -> Chat {
    handoff::gptbots::parse_chat(&json!({
        "conversation_id": id().as_str(), "timestamp": timestamp, "body": text,
    }))
    .unwrap()
}

pub(crate) fn close(timestamp: Millis) -> Close {
    handoff::gptbots::parse_close(&json!({
        "conversation_id": id().as_str(), "timestamp": timestamp, "type": "USER_CLOSED",
    }))
    .unwrap()
}

/// Every item of the table, as text.
pub(crate) async fn everything(store: &Store) -> Vec<String> {
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let page = store
            .client()
            .scan()
            .table_name(store.table())
            .set_exclusive_start_key(from.take())
            .send()
            .await
            .unwrap();
        items.extend(page.items().iter().map(|item| format!("{item:?}")));
        from = page.last_evaluated_key;
        if from.is_none() {
            return items;
        }
    }
}
