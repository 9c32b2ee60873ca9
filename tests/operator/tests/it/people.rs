//! Handing out and erasing what is kept of people.

use handoff::conversation::ConversationId;
use handoff::gptbots::parse_establish;
use handoff::random::Random;
use handoff::settings::Settings;
use handoff::store::{Store, schema};
use handoff::time::SystemClock;
use local_aws::dynamodb::EmbeddedDynamoDb;
use sandbox::TABLE;
use serde_json::{Value, json};

use crate::run::{Said, operator};

struct Table {
    db: EmbeddedDynamoDb,
    store: Store,
}

impl Table {
    /// Two conversations of one person, and one of another.
    async fn start() -> Self {
        let db = EmbeddedDynamoDb::start(None).await.unwrap();
        let store = Store::new(db.client(), TABLE, SystemClock::shared(), Random::seeded(1));
        schema::create_table(store.client(), TABLE).await.unwrap();
        for (id, user) in [("c1", "u1"), ("c2", "u1"), ("c3", "u2")] {
            let request = json!({
                "conversation_id": id, "timestamp": 1, "bot_id": "b",
                "user_info": {"user_id": user, "user_name": format!("name of {user}")},
                "body": [{"message_type": "QUESTION", "text": "private words"}],
            });
            let establish = parse_establish(&request).unwrap();
            let handoff = Settings::default().handoff("b");
            store.establish(&establish, &handoff).await.unwrap();
        }
        Self { db, store }
    }

    async fn say(&self, arguments: &[&str]) -> Said {
        let arguments = [arguments, &["--table", TABLE]].concat();
        let environment = [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.db.endpoint_url()),
            ("USER", "eve"),
        ];
        operator(&arguments, &environment).await
    }

    async fn is_there(&self, id: &str) -> bool {
        let id = ConversationId::new(id).unwrap();
        !self.store.traces(&id).await.unwrap().is_empty()
    }
}

#[tokio::test]
async fn a_person_is_handed_out_as_json_and_as_text() {
    let table = Table::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.json");
    let path = file.to_str().unwrap();
    let whom = ["export", "--bot", "b", "--user-id", "u1"];
    let said = table.say(&[&whom[..], &["--out", path]].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("2 conversations written to"), "{said:?}");
    assert!(!said.out.contains("private words"));
    let export: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let conversations = export["conversations"].as_array().unwrap();
    assert_eq!(conversations.len(), 2);
    for conversation in conversations {
        assert_eq!(conversation["user"]["name"], "name of u1");
        assert_eq!(
            conversation["before_the_handoffs"][0]["turns"][0]["text"],
            "private words"
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "nobody else's to read");
    }
    let again = table.say(&[&whom[..], &["--out", path]].concat()).await;
    assert_eq!(again.code, 1, "a file that is there stays: {again:?}");

    let said = table
        .say(&[
            "export",
            "--conversation",
            "c3",
            "--format",
            "text",
            "--out",
            "-",
        ])
        .await;
    assert!(said.out.contains("Conversation c3") && said.out.contains("User: private words"));
    assert!(!said.out.contains("name of u1"));
    let said = table
        .say(&["export", "--conversation", "nothing", "--out", "-"])
        .await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("nothing is kept"), "{said:?}");
}

#[tokio::test]
async fn nothing_is_erased_without_yes_and_a_person_with_it() {
    let table = Table::start().await;
    let whom = ["erase", "--conversation", "c1", "--person"];
    let said = table.say(&whom).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("c1\nc2\n") && said.out.contains("2 conversations. Add --yes"),
        "{said:?}"
    );
    assert!(table.is_there("c1").await);

    // Nobody carries the ends here, so it does not get further than that.
    let said = table
        .say(&[&whom[..], &["--yes", "--wait-seconds", "0"]].concat())
        .await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("c1 is being ended") && said.out.contains("c2 is being ended"));
    assert!(table.is_there("c1").await);

    let said = table
        .say(&[&whom[..], &["--yes", "--at-once", "--by", "Eve"]].concat())
        .await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("2 conversations: 2 erased."), "{said:?}");
    assert!(!table.is_there("c1").await && !table.is_there("c2").await);
    assert!(table.is_there("c3").await);
    let records = table.store.erasures().await.unwrap();
    assert_eq!(records.len(), 2);
    assert!(
        records
            .iter()
            .all(|record| record.by.name == "Eve" && record.of_person)
    );

    let again = ["erase", "--bot", "b", "--user-id", "u1", "--yes", "--json"];
    let said = table.say(&again).await;
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        json,
        json!({"found": [], "erased": 0, "ending": [], "also": []})
    );
}

#[tokio::test]
async fn whom_is_meant_has_to_be_clear() {
    let table = Table::start().await;
    for arguments in [
        &["erase"][..],
        &["erase", "--user-id", "u1"],
        &["erase", "--bot", "b"],
        &["erase", "--bot", "b", "--user-id", "u1", "--phone", "1"],
        &["erase", "--person", "--bot", "b"],
        &["export", "--conversation", "c1"],
    ] {
        let said = table.say(arguments).await;
        assert_eq!(said.code, 2, "{arguments:?}: {said:?}");
    }
    let said = table
        .say(&["erase", "--conversation", "unknown", "--person"])
        .await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("is not known"), "{said:?}");
}
