//! From noon on: the operator changes the settings while conversations are under way.

use handoff::conversation::ConversationId;
use handoff::settings::Settings;
use handoff::time::{Clock as _, Millis, SystemClock};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Cast, has};
use crate::stage::picture;

/// What users are greeted with from noon on.
const GREETING: &str = "Good afternoon! Somebody will be with you soon.";

impl Cast {
    /// Puts settings in the place of those there are, as `operator settings put` does.
    async fn put(&self, settings: Value) {
        let document = settings.to_string();
        Settings::parse(&document).unwrap();
        let store = &self.stage.sandbox.store;
        let version = store
            .settings()
            .await
            .unwrap()
            .map_or(0, |stored| stored.version);
        assert!(store.put_settings(&document, version).await.unwrap());
    }

    /// What counts at once does so in the midst of a conversation; its plan stays as it was, as
    /// [`Cast::a_user_falls_silent`] sees.
    pub(super) async fn the_settings_change(&self) {
        self.put(json!({
            "greeting": GREETING,
            "agent_names": true,
            "idle": {"user": {
                "warn_after_seconds": 2, "warning": "Are you still with us?",
                "end_after_seconds": 5, "farewell": "We close this chat now.",
            }},
        }))
        .await;
        self.bob.answer("Anything else?").await;
        self.mei
            .until("it is there, with his name", |view| {
                view.says("human", "Bob: Anything else?")
            })
            .await;
    }

    pub(super) async fn a_user_falls_silent(&self) {
        // Hers has been waiting since the morning.
        self.ann.tab("queue").await;
        self.ann.open("Cara Cruz").await;
        self.ann.close().await;
        self.cara
            .until("it has ended", |view| view.status == "ended")
            .await;
        self.cara.ask_for_human().await;
        self.cara
            .until("she is greeted anew", |view| view.says("human", GREETING))
            .await;
        let id = self.ann.open("Cara Cruz").await;
        self.ann.claim().await;
        self.ann.until("it is Ann's", has("with you")).await;
        self.ann.answer("How can I help you?").await;
        self.cara
            .until("it is there", |view| {
                view.says("human", "Ann: How can I help you?")
            })
            .await;
        let seen = self
            .cara
            .until("it has ended", |view| view.status == "ended")
            .await;
        let told = seen.texts("human");
        assert_eq!(
            told[told.len() - 3..],
            [
                "Ann: How can I help you?",
                "Are you still with us?",
                "We close this chat now."
            ]
        );
        let seen = self
            .ann
            .until("the log says why", |view| {
                view.status == "Closed automatically"
                    && view.entry("We close this chat now.").is_some()
            })
            .await;
        assert_eq!(
            seen.entry("Are you still with us?").unwrap().form,
            "automatic"
        );
        picture("day-idle", &self.ann.window).await;
        let log = self.log(&id).await;
        log.at_least(("How can I help", "Are you still"), 2_000);
        log.at_least(("How can I help", "We close this"), 5_000);
        // Mei has been silent for longer, but her conversation began before.
        let seen = self.mei.look().await;
        assert_eq!(seen.status, "connected");
        assert_eq!(
            seen.texts("human").last(),
            Some(&"Bob: Anything else?"),
            "{seen:?}"
        );
    }

    pub(super) async fn nobody_answers(&self) {
        self.put(json!({
            "greeting": GREETING,
            "waiting": {
                "texts": [
                    {"after_seconds": 2, "text": "You are number {position}."},
                    {"after_seconds": 6, "text": "Still number {position}, sorry."},
                ],
                "then": "end", "then_after_seconds": 10, "farewell": "Nobody is free. Please try again later.",
                "alarm_after_seconds": 3,
            },
        }))
        .await;
        self.ann.tab("queue").await;
        self.bo.ask_for_human().await;
        let id = self.ann.open("Bo Berg").await;
        let seen = self
            .bo
            .until("he is told that nobody is free", |view| {
                view.says("human", "Nobody is free") && view.status == "ended"
            })
            .await;
        let told = seen.texts("human");
        assert_eq!(
            told[told.len() - 4..],
            [
                GREETING,
                "You are number 1.",
                "Still number 1, sorry.",
                "Nobody is free. Please try again later."
            ]
        );
        self.ann
            .until("the log says so", |view| {
                view.status == "Closed automatically"
                    && view
                        .entries
                        .iter()
                        .any(|line| line.form == "note" && line.text.contains("Nobody has taken"))
            })
            .await;
        picture("day-nobody", &self.ann.window).await;
        let log = self.log(&id).await;
        for (text, after) in [
            ("You are number", 2_000),
            ("Still number", 6_000),
            ("Nobody is free", 10_000),
        ] {
            log.at_least((GREETING, text), after);
        }
        // Nobody has to do anything about him any more.
        self.ann
            .until("he is out of the queue", |view| {
                !view.names().contains(&"Bo Berg")
            })
            .await;
    }

    /// Out of hours, and the operator wants to be left alone.
    pub(super) async fn closed_and_busy(&self) {
        self.put(hours("refuse")).await;
        let before = self.ann.look().await.names().len();
        self.cara.ask_for_human().await;
        let seen = self
            .cara
            .until("all are busy", |view| view.status == "busy")
            .await;
        assert!(!seen.says("human", GREETING), "{seen:?}");
        picture("day-busy", &self.cara.window).await;
        assert_eq!(self.ann.look().await.names().len(), before);
    }

    /// Out of hours, and what users write is kept: they are told when somebody is there again.
    pub(super) async fn closed_and_a_message(&self) {
        self.put(hours("message")).await;
        self.cara.ask_for_human().await;
        let opens = opening().strftime("%A, %-d %B, 09:30").to_string();
        self.cara
            .until("she is told when it opens", |view| {
                view.says("human", &format!("Back on {opens} (Asia/Taipei)."))
            })
            .await;
        self.cara.say("Please call me about order 4711").await;
        picture("day-message-user", &self.cara.window).await;
        self.ann.open("Cara Cruz").await;
        let seen = self
            .ann
            .until("her message is there", |view| {
                view.texts("user") == ["Please call me about order 4711"]
            })
            .await;
        let note = "It came outside the opening hours: the user may leave a message.";
        assert_eq!(seen.entry(note).unwrap().form, "note");
        picture("day-message", &self.ann.window).await;
        // Whoever is there all the same may answer.
        self.ann.claim().await;
        self.ann.answer("I am still here.").await;
        self.cara
            .until("it is there", |view| view.says("human", "I am still here."))
            .await;
        self.ann.close().await;
        self.cara
            .until("it has ended", |view| view.status == "ended")
            .await;
    }

    async fn log(&self, id: &str) -> Log {
        let id = ConversationId::new(id).unwrap();
        let page = self.stage.sandbox.store.log(&id, None).await.unwrap();
        let entries = page.unwrap().entries.into_iter();
        Log(entries.map(|entry| (entry.text, entry.at)).collect())
    }
}

/// What was said when.
struct Log(Vec<(String, Millis)>);

impl Log {
    fn at(&self, text: &str) -> Millis {
        let found = self.0.iter().rfind(|(said, _)| said.starts_with(text));
        found.unwrap_or_else(|| panic!("{text}: {:?}", self.0)).1
    }

    /// The second was said at least so long after the first, in milliseconds.
    fn at_least(&self, (first, second): (&str, &str), apart: Millis) {
        let really = self.at(second) - self.at(first);
        assert!(really >= apart, "{first} → {second}: {really} ms");
    }
}

/// When it opens next: in the morning, two days from now.
fn opening() -> Date {
    let now = Timestamp::from_millisecond(SystemClock.now()).unwrap();
    let zone = TimeZone::get("Asia/Taipei").unwrap();
    let today = zone.to_datetime(now).date();
    today.tomorrow().unwrap().tomorrow().unwrap()
}

/// Hours in which nobody is there now.
fn hours(outside: &str) -> Value {
    json!({"hours": {
        "time_zone": "Asia/Taipei",
        "weekly": {},
        "exceptions": {opening().to_string(): ["09:30-12:00"]},
        "outside": outside,
        "text": "Back on {opens} ({zone}). Write your message here.",
    }})
}
