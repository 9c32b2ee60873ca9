//! What the relay asks a desk for: names, files, and what happened there.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use handoff::bells::Bell;
use handoff::conversation::{
    Agent, ClosedBy, Conversation, ConversationId, Delivery, Entry, EntryId, Side,
};
use handoff::desk::{
    AgentLine, Capabilities, Desk, DeskError, DeskEvent, DeskFile, Desks, Opened, Opening, What,
};
use handoff::files::{FileError, Files};
use handoff::inbound::Taken;

use crate::fake::{Bridge, id};

/// A desk whose events have ids instead of names, and whose files only it can open.
#[derive(Default)]
struct Asked {
    told: Mutex<Vec<String>>,
    /// It does not answer questions now.
    silent: Mutex<bool>,
    /// What it remembers.
    remembers: Mutex<Vec<DeskEvent>>,
    reconciles: bool,
}

impl Asked {
    fn answers(&self) -> Result<(), DeskError> {
        if *self.silent.lock().unwrap() {
            return Err(DeskError::Unavailable {
                reason: "silent".into(),
                retry_after: None,
            });
        }
        Ok(())
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

#[async_trait]
impl Desk for Asked {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reconciles: self.reconciles,
            ..Capabilities::default()
        }
    }

    async fn open(&self, _: Opening<'_>) -> Result<Opened, DeskError> {
        Ok(Opened {
            reference: "t1".into(),
            context: None,
        })
    }

    async fn post(&self, _: &Conversation, lines: &[Entry]) -> Result<Option<String>, DeskError> {
        let texts = lines.iter().map(|line| line.text.clone());
        self.told.lock().unwrap().extend(texts);
        Ok(None)
    }

    async fn close(&self, _: &Conversation, _: ClosedBy, _: &str) -> Result<(), DeskError> {
        Ok(())
    }

    async fn complete(&self, mut line: AgentLine) -> Result<AgentLine, DeskError> {
        self.answers()?;
        line.agent.name = format!("Ann ({})", line.agent.id);
        line.text = line.text.replace("<@U2>", "@Bob");
        Ok(line)
    }

    async fn fetch(&self, file: &DeskFile, limit: u64) -> Result<Vec<u8>, DeskError> {
        self.answers()?;
        assert!(limit > 0);
        match file.name.as_str() {
            "gone.pdf" => Err(DeskError::Gone("deleted".into())),
            name => Ok(name.as_bytes().to_vec()),
        }
    }

    async fn reconcile(&self, known: &Conversation) -> Result<Vec<DeskEvent>, DeskError> {
        self.answers()?;
        assert_eq!(known.desk_ref.as_deref(), Some("t1"));
        Ok(self.remembers.lock().unwrap().clone())
    }
}

/// Keeps files nowhere, and answers a link all the same.
struct Shelf;

#[async_trait]
impl Files for Shelf {
    async fn keep(
        &self,
        _: &ConversationId,
        _: &EntryId,
        n: usize,
        file: &DeskFile,
        bytes: Vec<u8>,
    ) -> Result<String, FileError> {
        assert_eq!(bytes, file.name.as_bytes());
        Ok(format!("https://files.example/{n}"))
    }

    async fn remove(&self, _: &ConversationId, _: &EntryId, _: usize) -> Result<(), FileError> {
        Ok(())
    }
}

async fn at_desk_that(desk: Asked) -> (Bridge, Arc<Asked>) {
    let mut bridge = Bridge::new().await;
    let desk = Arc::new(desk);
    bridge.relay.desks = Desks::new().with("served", desk.clone()).into();
    bridge.establish_at("served", 100).await;
    bridge.ring(Side::User).await;
    bridge.ring(Side::Desk).await;
    bridge.clock.advance(60_000);
    bridge.told();
    (bridge, desk)
}

fn file(name: &str, public: bool) -> DeskFile {
    DeskFile {
        name: name.into(),
        content_type: None,
        bytes: None,
        url: format!("https://desk.example/{name}"),
        public,
    }
}

fn line(event: &str, text: &str, files: Vec<DeskFile>, incomplete: bool) -> DeskEvent {
    DeskEvent {
        reference: "t1".into(),
        id: event.into(),
        at: None,
        what: What::Message(AgentLine {
            agent: Agent {
                id: "U1".into(),
                name: String::new(),
            },
            text: text.into(),
            files,
            incomplete,
        }),
    }
}

#[tokio::test]
async fn names_are_found_out_before_the_user_reads_a_line() {
    let (bridge, _) = at_desk_that(Asked::default()).await;
    let event = line("e1", "ask <@U2>", Vec::new(), true);
    assert_eq!(bridge.told_by_desk(event).await, Taken::Stored);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["ask @Bob"]);
    let entry = bridge.entries("ask @Bob").await.remove(0);
    assert_eq!(entry.author_name.as_deref(), Some("Ann (U1)"));
    assert_eq!(bridge.conversation().await.agent.unwrap().name, "Ann (U1)");
}

#[tokio::test]
async fn a_desk_that_does_not_tell_names_holds_no_line_up_for_long() {
    let (bridge, desk) = at_desk_that(Asked::default()).await;
    *desk.silent.lock().unwrap() = true;
    bridge
        .told_by_desk(line("e1", "ask <@U2>", Vec::new(), true))
        .await;
    bridge.ring(Side::User).await;
    assert!(bridge.told().is_empty());
    // Not an attempt of its own: nothing was sent.
    let waiting = bridge.entries("ask <@U2>").await.remove(0);
    assert_eq!(
        (waiting.delivery, waiting.attempts),
        (Delivery::Retrying, 0)
    );
    bridge.clock.advance(11_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["ask <@U2>"]);
}

#[tokio::test]
async fn files_reach_the_user_as_links() {
    let (mut bridge, desk) = at_desk_that(Asked::default()).await;
    bridge.relay.files = Arc::new(Shelf);
    let files = vec![
        file("open.png", true),
        file("inner.png", false),
        file("gone.pdf", false),
    ];
    bridge.told_by_desk(line("e1", "see", files, false)).await;
    // Until then the log has what can be said of them.
    let waiting = bridge.entries("see").await.remove(0);
    assert_eq!(
        waiting.text_and_files(),
        "see\nopen.png: https://desk.example/open.png\ninner.png\ngone.pdf"
    );
    desk.told();
    bridge.ring(Side::User).await;
    assert_eq!(
        bridge.told(),
        ["see\nopen.png: https://desk.example/open.png\ninner.png: https://files.example/1"]
    );
    bridge.ring(Side::Desk).await;
    assert_eq!(
        desk.told().last().unwrap(),
        "The file could not be read from its desk: gone.pdf was not sent to the user."
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_had_now_is_waited_for_but_not_for_ever() {
    let (mut bridge, desk) = at_desk_that(Asked::default()).await;
    bridge.relay.files = Arc::new(Shelf);
    *desk.silent.lock().unwrap() = true;
    let one = || vec![file("a.png", false)];
    bridge.told_by_desk(line("e1", "see", one(), false)).await;
    bridge.ring(Side::User).await;
    assert!(bridge.told().is_empty());
    *desk.silent.lock().unwrap() = false;
    bridge.clock.advance(5_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["see\na.png: https://files.example/0"]);
    *desk.silent.lock().unwrap() = true;
    bridge.told_by_desk(line("e2", "and", one(), false)).await;
    bridge.ring(Side::User).await;
    bridge.clock.advance(61_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["and"]);
}

#[tokio::test]
async fn files_keep_their_places_while_one_is_waited_for() {
    let (mut bridge, desk) = at_desk_that(Asked::default()).await;
    bridge.relay.files = Arc::new(Shelf);
    let refused = || DeskFile {
        content_type: Some("text/html".into()),
        ..file("page.html", false)
    };
    let files = || vec![refused(), file("b.png", false), file("c.png", false)];
    *desk.silent.lock().unwrap() = true;
    bridge.told_by_desk(line("e1", "see", files(), false)).await;
    bridge.ring(Side::User).await;
    *desk.silent.lock().unwrap() = false;
    bridge.clock.advance(5_000);
    bridge.ring(Side::User).await;
    assert_eq!(
        bridge.told(),
        ["see\nb.png: https://files.example/1\nc.png: https://files.example/2"]
    );
    // One after the other is given up, and the line is sent all the same.
    *desk.silent.lock().unwrap() = true;
    bridge.told_by_desk(line("e2", "and", files(), false)).await;
    bridge.ring(Side::User).await;
    bridge.clock.advance(61_000);
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["and"]);
}

#[tokio::test]
async fn without_a_place_for_files_the_agents_are_told() {
    let (bridge, desk) = at_desk_that(Asked::default()).await;
    let files = vec![file("a.png", false)];
    bridge
        .told_by_desk(line("e1", "see", files.clone(), false))
        .await;
    bridge.told_by_desk(line("e2", "", files, false)).await;
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["see"]);
    bridge.ring(Side::Desk).await;
    let said = "Files are switched off: a.png was not sent to the user.";
    assert_eq!(desk.told(), ["An agent took the conversation.", said, said]);
    // Nothing was left of the second: visibly so.
    let empty = bridge.entries("").await;
    let failed = empty.iter().filter(|e| e.delivery == Delivery::Failed);
    assert_eq!(failed.count(), 1);
}

#[tokio::test]
async fn what_agents_do_before_the_opening_is_marked_is_taken_in_then() {
    let mut bridge = Bridge::new().await;
    bridge.relay.desks = Desks::new()
        .with("served", Arc::new(Asked::default()))
        .into();
    bridge.establish_at("served", 100).await;
    let early = line("e1", "quick", Vec::new(), false);
    assert_eq!(bridge.told_by_desk(early).await, Taken::Early);
    bridge.ring(Side::Desk).await;
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["hello", "quick"]);
}

#[tokio::test]
async fn what_a_desks_lost_calls_would_have_told_is_made_good_for_once() {
    let (bridge, desk) = at_desk_that(Asked {
        reconciles: true,
        ..Asked::default()
    })
    .await;
    bridge
        .told_by_desk(line("e1", "one", Vec::new(), false))
        .await;
    let end = DeskEvent {
        what: What::Closed { agent: None },
        ..line("e3", "", Vec::new(), false)
    };
    *desk.remembers.lock().unwrap() = vec![
        line("e1", "one", Vec::new(), false),
        line("e2", "two", Vec::new(), false),
        end,
    ];
    // The clock finds it, a minute after the opening, and rings no more often than it has to.
    let now = bridge.clock.shared().now();
    let due = bridge.store.due_to_reconcile(now).await.unwrap();
    assert_eq!(due.len(), 1);
    let next = now + 180_000;
    assert!(bridge.store.take_to_reconcile(&due[0], next).await.unwrap());
    assert!(!bridge.store.take_to_reconcile(&due[0], next).await.unwrap());
    let bell = Bell::to_reconcile(id());
    bridge.ring_with(&bell).await;
    bridge.ring_with(&bell).await;
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["one", "two", "CLOSE"]);
    // Some time after the end nobody is asked any more.
    bridge.clock.advance(700_000);
    bridge.ring_with(&bell).await;
    let later = bridge.clock.shared().now() + 86_400_000;
    assert!(
        bridge
            .store
            .due_to_reconcile(later)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_user_is_told_who_writes_where_that_is_wanted() {
    let (bridge, _) = at_desk_that(Asked::default()).await;
    let document = r#"{"bots":{"b":{"agent_names":true}}}"#;
    bridge.store.put_settings(document, 0).await.unwrap();
    bridge.clock.advance(61_000);
    bridge
        .told_by_desk(line("e1", "hi", Vec::new(), true))
        .await;
    bridge.ring(Side::User).await;
    assert_eq!(bridge.told(), ["Ann (U1): hi"]);
    // The log keeps what was written.
    assert_eq!(bridge.delivery("hi").await, Delivery::Delivered);
}
