//! Reading, checking and writing the settings.

use handoff::random::Random;
use handoff::store::{Store, schema};
use handoff::time::SystemClock;
use local_aws::dynamodb::EmbeddedDynamoDb;
use sandbox::TABLE;
use serde_json::{Value, json};

use crate::run::{Said, operator};

struct Table {
    db: EmbeddedDynamoDb,
    store: Store,
    files: tempfile::TempDir,
}

impl Table {
    async fn start() -> Self {
        let db = EmbeddedDynamoDb::start(None).await.unwrap();
        let clock = SystemClock::shared();
        let store = Store::new(db.client(), TABLE, clock, Random::seeded(1));
        schema::create_table(store.client(), TABLE).await.unwrap();
        Self {
            db,
            store,
            files: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, text: &str) -> String {
        let path = self.files.path().join("settings.json");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn settings(&self, arguments: &[&str]) -> Said {
        let (command, rest) = arguments.split_first().unwrap();
        let table: &[&str] = if *command == "check" {
            &[]
        } else {
            &["--table", TABLE]
        };
        let arguments = [&["settings", command], table, rest].concat();
        let environment = [("AWS_ENDPOINT_URL_DYNAMODB", self.db.endpoint_url())];
        operator(&arguments, &environment).await
    }

    async fn got(&self, arguments: &[&str]) -> Value {
        let said = self.settings(&[&["get"], arguments].concat()).await;
        assert_eq!(said.code, 0, "{said:?}");
        serde_json::from_str(&said.out).unwrap()
    }
}

#[tokio::test]
async fn what_was_got_is_changed_and_put_back() {
    let table = Table::start().await;
    assert_eq!(table.got(&[]).await, json!({"version": 0, "settings": {}}));
    let all = table.got(&["--all"]).await;
    assert_eq!(all["settings"]["desk"], "console");

    let first = table.file(r#"{"version": 0, "settings": {"desk": "slack"}}"#);
    let said = table.settings(&["put", &first]).await;
    assert!(said.code == 0 && said.out.contains("version 1"), "{said:?}");
    assert_eq!(
        table.got(&[]).await,
        json!({"version": 1, "settings": {"desk": "slack"}})
    );

    // Somebody else started from the same version: they are told, and nothing is lost.
    let said = table.settings(&["put", &first]).await;
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("made from version 0, and version 1"),
        "{said:?}"
    );
    let stored = table.store.settings().await.unwrap().unwrap();
    assert_eq!(
        (stored.version, stored.document.as_str()),
        (1, r#"{"desk":"slack"}"#)
    );

    let alone = table.file(r#"{"desk": "console"}"#);
    let said = table.settings(&["put", &alone]).await;
    assert!(
        said.code != 0 && said.err.contains("which version"),
        "{said:?}"
    );
    let said = table.settings(&["put", &alone, "--version", "1"]).await;
    assert!(said.out.contains("version 2"), "{said:?}");
}

#[tokio::test]
async fn every_mistake_is_named_and_nothing_is_written() {
    let table = Table::start().await;
    let document =
        r#"{"greting": "x", "bots": {"b": {"waiting": {"texts": [{"after_seconds": 0}]}}}}"#;
    let wrong = table.file(&format!(r#"{{"version": 0, "settings": {document}}}"#));
    for command in ["check", "put"] {
        let said = table.settings(&[command, &wrong]).await;
        assert_eq!(said.code, 1, "{said:?}");
        for mistake in [
            "greting: is not known: did you mean greeting?",
            "bots.b.waiting.texts[0]: must have text",
            "3 wrong",
        ] {
            assert!(said.out.contains(mistake), "{mistake}: {said:?}");
        }
    }
    assert_eq!(table.store.settings().await.unwrap(), None);
    let fine = table.file(r#"{"hours": {"time_zone": "Asia/Tokyo"}}"#);
    let said = table.settings(&["check", &fine]).await;
    assert!(
        said.code == 0 && said.out.contains("Nothing is wrong"),
        "{said:?}"
    );
    let said = table.settings(&["check", &table.file("{")]).await;
    assert!(said.out.contains("is not JSON (line 1"), "{said:?}");
}
