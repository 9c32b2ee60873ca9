//! Sending again what was not delivered.

use handoff::conversation::{ConversationId, Side};
use handoff::gptbots::parse_establish;
use handoff::random::Random;
use handoff::settings::Settings;
use handoff::store::{Outcome, Store, schema};
use handoff::time::{Clock as _, ManualClock, SystemClock};
use local_aws::dynamodb::EmbeddedDynamoDb;
use sandbox::TABLE;
use serde_json::{Value, json};

use crate::run::{Said, operator};

/// Three conversations of two bots, in each of which the greeting and the opening were given up:
/// that of `old` three hours ago, the others just now.
struct Table {
    db: EmbeddedDynamoDb,
    store: Store,
}

impl Table {
    async fn start() -> Self {
        let db = EmbeddedDynamoDb::start(None).await.unwrap();
        let clock = ManualClock::at(SystemClock.now() - 3 * 3_600_000);
        let store = Store::new(db.client(), TABLE, clock.shared(), Random::seeded(1));
        schema::create_table(store.client(), TABLE).await.unwrap();
        let table = Self { db, store };
        table.failed("old", "b1").await;
        clock.advance(3 * 3_600_000);
        table.failed("c1", "b1").await;
        table.failed("c2", "b2").await;
        table
    }

    async fn failed(&self, id: &str, bot: &str) {
        let request = json!({
            "conversation_id": id, "timestamp": 1, "bot_id": bot,
            "body": [{"message_type": "QUESTION", "text": "private words"}],
        });
        let establish = parse_establish(&request).unwrap();
        let handoff = Settings::default().handoff(bot);
        self.store.establish(&establish, &handoff).await.unwrap();
        let given_up = Outcome::Failed {
            reason: "refused".to_owned(),
        };
        for side in [Side::Desk, Side::User] {
            let lane = self
                .store
                .lane(&establish.conversation, side)
                .await
                .unwrap();
            for entry in lane.entries {
                self.store.mark(&entry, &given_up, None, 90).await.unwrap();
            }
        }
    }

    async fn replay(&self, arguments: &[&str]) -> Said {
        let arguments = [&["replay", "--table", TABLE], arguments].concat();
        let environment = [("AWS_ENDPOINT_URL_DYNAMODB", self.db.endpoint_url())];
        operator(&arguments, &environment).await
    }

    /// How many entries are found and how many sent again.
    async fn counts(&self, arguments: &[&str]) -> (usize, u64) {
        let said = self.replay(&[&["--json"], arguments].concat()).await;
        assert_eq!(said.code, 0, "{said:?}");
        let json: Value = serde_json::from_str(&said.out).unwrap();
        let found = json["found"].as_array().unwrap().len();
        (found, json["replayed"].as_u64().unwrap())
    }

    async fn waiting(&self, id: &str, side: Side) -> usize {
        let id = ConversationId::new(id).unwrap();
        self.store.lane(&id, side).await.unwrap().entries.len()
    }
}

#[tokio::test]
async fn nothing_is_sent_without_yes_and_everything_once_with_it() {
    let table = Table::start().await;
    let said = table.replay(&["--since", "2h"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("4 failed. Add --yes"), "{said:?}");
    assert!(said.out.contains("c1  ") && !said.out.contains("old  "));
    assert_eq!(table.waiting("c1", Side::User).await, 0);

    let said = table.replay(&["--since", "2h", "--yes"]).await;
    assert!(
        said.out.contains("4 failed: 4 sent again, 0 left"),
        "{said:?}"
    );
    assert!(!said.out.contains("private") && !said.out.contains("Thanks"));
    for id in ["c1", "c2"] {
        assert_eq!(table.waiting(id, Side::User).await, 1);
        assert_eq!(table.waiting(id, Side::Desk).await, 1);
    }
    assert_eq!(table.waiting("old", Side::User).await, 0);
    let said = table.replay(&["--since", "2h", "--yes"]).await;
    assert!(
        said.out.contains("Nothing that failed was found"),
        "{said:?}"
    );
    assert_eq!(table.counts(&["--since", "1d", "--yes"]).await, (2, 2));
}

#[tokio::test]
async fn it_can_be_narrowed_down() {
    let table = Table::start().await;
    assert_eq!(table.counts(&["--since", "1d"]).await, (6, 0));
    assert_eq!(
        table.counts(&["--since", "1d", "--side", "user"]).await,
        (3, 0)
    );
    assert_eq!(
        table.counts(&["--since", "1d", "--bot", "b1"]).await,
        (4, 0)
    );
    assert_eq!(table.counts(&["--conversation", "old"]).await, (2, 0));
    let narrow = ["--conversation", "c1", "--side", "desk", "--yes"];
    assert_eq!(table.counts(&narrow).await, (1, 1));
    assert_eq!(table.waiting("c1", Side::User).await, 0);
    assert_eq!(table.waiting("c1", Side::Desk).await, 1);

    let c2 = ConversationId::new("c2").unwrap();
    let failed = table.store.failed_of(&c2).await.unwrap();
    let one = [
        "--conversation",
        "c2",
        "--entry",
        failed[0].id.as_str(),
        "--yes",
    ];
    assert_eq!(table.counts(&one).await, (1, 1));
    assert_eq!(table.counts(&one).await, (0, 0));
    assert_eq!(table.counts(&["--conversation", "c2"]).await, (1, 0));
    let said = table
        .replay(&["--conversation", "c2", "--entry", "none"])
        .await;
    assert!(
        said.code != 0 && said.err.contains("no such entry"),
        "{said:?}"
    );
}
