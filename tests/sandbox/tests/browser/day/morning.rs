//! Until noon: who takes whom, what goes wrong on the way, and who comes again.

use std::time::Duration;

use gptbots_stand_in::{CallKind, Fault, Outage};

use super::{Cast, SECRET, has};
use crate::stage::picture;
use crate::story::greeted;
use crate::wait::until;
use crate::window::ENTER;

impl Cast {
    pub(super) async fn three_ask(&self) {
        for (user, name) in [
            (&self.mei, "Mei Lin"),
            (&self.bo, "Bo Berg"),
            (&self.cara, "Cara Cruz"),
        ] {
            user.introduce(name).await;
            user.say("Where is my order 4711?").await;
            user.ask_for_human().await;
            user.until("a person is there", greeted).await;
        }
        for agent in [&self.ann, &self.bob] {
            agent.tab("queue").await;
            agent
                .until("three wait", |view| {
                    view.names() == ["Mei Lin", "Bo Berg", "Cara Cruz"]
                })
                .await;
        }
        picture("day-queue", &self.ann.window).await;
    }

    /// One gets it, the other is told who; then it goes to the other one.
    pub(super) async fn both_want_the_same(&self) -> String {
        let id = self.ann.open("Mei Lin").await;
        self.bob.open("Mei Lin").await;
        // Both press before either sees what the other did.
        let press = "document.querySelector('[data-test=\"claim\"]').click()";
        tokio::join!(
            self.ann.window.run::<()>(press),
            self.bob.window.run::<()>(press)
        );
        let seen = self
            .ann
            .until("somebody has it", |view| !view.holder.is_empty())
            .await;
        let (first, second, name) = if seen.holder == "with you" {
            (&self.ann, &self.bob, "Ann")
        } else {
            (&self.bob, &self.ann, "Bob")
        };
        let said = format!("Not taken over: {name} has this conversation.");
        second
            .until("the second is told", |view| view.alert == said)
            .await;
        picture("day-second", &second.window).await;
        // On to Ann, whoever had it.
        if name == "Bob" {
            first.hand_to("ann").await;
        }
        self.ann.until("it is Ann's", has("with you")).await;
        self.bob.until("Ann has it", has("with Ann")).await;
        id
    }

    pub(super) async fn a_note_and_a_canned_reply(&self) {
        let window = &self.bob.window;
        window.click(r#"[data-test="canned-open"]"#).await;
        window.click(r#"[data-test="canned-add"]"#).await;
        window
            .write(r#"[data-test="canned-row"] input"#, "hello")
            .await;
        window
            .write(
                r#"[data-test="canned-row"] textarea"#,
                "Hello {name|there}, this is {agent}. How can I help?",
            )
            .await;
        window.click(r#"[data-test="canned-save"]"#).await;
        until(
            "it is saved",
            async || window.text(r#"[data-test="canned-result"]"#).await,
            |said| said == "Saved.",
        )
        .await;
        picture("day-canned-dialog", window).await;
        window.click(r#"[data-test="canned-close"]"#).await;

        self.bob.note(SECRET).await;
        self.ann
            .until("Ann sees the note", |view| {
                view.entry(SECRET)
                    .is_some_and(|line| line.form == "private")
            })
            .await;
        // Ann's page learns of the canned replies when it comes again.
        self.ann.window.run::<()>("location.reload()").await;
        self.ann.until("it is shown again", has("with you")).await;
        let answer = r#"[data-test="answer"]"#;
        self.ann.window.click(answer).await;
        until(
            "it is offered",
            async || {
                self.ann.window.run::<()>("const box = document.querySelector('#answer'); box.value = ''; box.dispatchEvent(new Event('input'))").await;
                self.ann.window.press(answer, "/he").await;
                self.ann.window.run::<bool>("return !document.querySelector('[data-test=\"canned-list\"]').hidden").await
            },
            |offered| *offered,
        )
        .await;
        picture("day-canned", &self.ann.window).await;
        self.ann.window.press(answer, ENTER).await;
        self.ann.window.press(answer, ENTER).await;
        self.mei
            .until("it is there, with both names", |view| {
                view.says("human", "Hello Mei Lin, this is Ann. How can I help?")
            })
            .await;
    }

    pub(super) async fn a_line_fails(&self) {
        let refusal = Fault::Code {
            status: 400,
            code: 40_000,
            retry_after: None,
        };
        let outage = Outage::new(refusal).only(CallKind::Reply);
        self.stage.gptbots().set_outage(Some(outage));
        self.ann.answer("It is on its way.").await;
        self.ann
            .until("it failed", |view| view.is("It is on its way.", "failed"))
            .await;
        picture("day-failed", &self.ann.window).await;
        self.ann.tab("failed").await;
        let failed = "return document.querySelectorAll('[data-test=\"failed\"]').length";
        until(
            "it is listed",
            async || self.ann.window.run::<u32>(failed).await,
            |n| *n == 1,
        )
        .await;
        picture("day-failed-list", &self.ann.window).await;
        self.ann.tab("mine").await;
        self.stage.gptbots().set_outage(None);
        self.ann.window.click(r#"[data-test="replay"]"#).await;
        self.mei
            .until("it is there after all", |view| {
                view.says("human", "It is on its way.")
            })
            .await;
    }

    /// Twenty seconds without a network. Nothing is lost, doubled or out of order, half a sentence
    /// in the box included.
    pub(super) async fn the_network_is_cut(&self, mei: &str) {
        self.ann.show(mei).await;
        self.ann.window.network(false).await;
        self.ann
            .until("it says so", |view| {
                view.banner.starts_with("Connection lost")
            })
            .await;
        for line in ["one", "two"] {
            self.ann.answer(line).await;
        }
        self.ann.note("written in the dark").await;
        for line in ["Hello?", "Are you there?"] {
            self.mei.say(line).await;
        }
        self.ann
            .until("they wait", |view| view.is("one", "unsent"))
            .await;
        self.ann
            .window
            .write(r#"[data-test="answer"]"#, "half a sen")
            .await;
        picture("day-cut", &self.ann.window).await;
        // As long as a lift or a tunnel takes; it is no wait for anything.
        tokio::time::sleep(Duration::from_secs(20)).await;
        let still = self.ann.look().await;
        assert!(still.banner.starts_with("Connection lost"), "{still:?}");
        assert!(still.is("one", "unsent") && still.is("two", "unsent"));
        self.ann.window.network(true).await;
        let seen = self
            .ann
            .until("all is there", |view| {
                ["one", "two"].iter().all(|line| view.is(line, "delivered"))
                    && view.texts("user").contains(&"Are you there?")
                    && view.is("written in the dark", "delivered")
            })
            .await;
        once_and_in_order(&seen.texts("user"), ["Hello?", "Are you there?"]);
        once_and_in_order(&seen.texts("agent"), ["one", "two"]);
        let seen = self
            .mei
            .until("both are there", |view| view.says("human", "two"))
            .await;
        once_and_in_order(&seen.texts("human"), ["one", "two"]);
        once_and_in_order(&seen.texts("user"), ["Hello?", "Are you there?"]);
        self.ann
            .until("the banner is gone", |view| view.banner.is_empty())
            .await;
        // The rest of the sentence; and it goes out whole.
        self.ann
            .window
            .press(r#"[data-test="answer"]"#, &format!("tence{ENTER}"))
            .await;
        self.mei
            .until("it is whole", |view| view.says("human", "half a sentence"))
            .await;
    }

    pub(super) async fn given_back_and_taken(&self) {
        self.bob.tab("queue").await;
        self.bob.open("Bo Berg").await;
        self.bob.claim().await;
        self.bob.answer("Hello Bo.").await;
        self.bo
            .until("it is there", |view| view.says("human", "Hello Bo."))
            .await;
        self.bob.window.click(r#"[data-test="release"]"#).await;
        self.bob
            .until("nobody has it", |view| view.holder.is_empty())
            .await;
        self.ann.tab("queue").await;
        let seen = self
            .ann
            .until("it is in the queue again", |view| {
                view.names().contains(&"Bo Berg")
            })
            .await;
        let id = seen
            .list
            .iter()
            .find(|one| one.who == "Bo Berg")
            .unwrap()
            .id
            .clone();
        self.ann.show(&id).await;
        self.ann.claim().await;
        self.ann.until("it is Ann's", has("with you")).await;
        self.ann.answer("Ann here now.").await;
        self.bo
            .until("it is there", |view| view.says("human", "Ann here now."))
            .await;
        self.bo.say("Thanks, that was all").await;
        self.bo.leave().await;
        self.ann
            .until("he has left", |view| view.status == "Closed by the user")
            .await;
        picture("day-left", &self.ann.window).await;
    }

    pub(super) async fn the_second_handoff(&self, mei: &str) {
        self.ann.tab("mine").await;
        self.ann.show(mei).await;
        self.ann.until("hers is shown", has("with you")).await;
        self.ann.close().await;
        self.mei
            .until("it has ended", |view| view.status == "ended")
            .await;
        self.mei.ask_for_human().await;
        self.mei.until("a person is there again", greeted).await;
        self.bob.tab("queue").await;
        let second = self.bob.open("Mei Lin").await;
        assert_ne!(second, mei);
        let seen = self
            .bob
            .until("the first one is listed", |view| !view.earlier.is_empty())
            .await;
        assert_eq!(seen.earlier.len(), 1);
        self.bob.claim().await;
        self.bob.answer("Welcome back!").await;
        self.mei
            .until("it is there", |view| view.says("human", "Welcome back!"))
            .await;
        self.bob.tab("mine").await;
        for (scheme, size) in [
            ("light", None),
            ("dark", None),
            ("light", Some((390, 844))),
            ("dark", Some((390, 844))),
        ] {
            let window = &self.bob.window;
            window.colours(scheme).await;
            if let Some((width, height)) = size {
                window.size(width, height, true).await;
            }
            let form = if size.is_some() { "phone" } else { "desktop" };
            picture(&format!("day-end-{form}-{scheme}"), window).await;
            if size.is_some() {
                window.click(r#"[data-test="back"]"#).await;
                picture(&format!("day-list-{form}-{scheme}"), window).await;
                self.bob.show(&second).await;
            }
        }
    }
}

fn once_and_in_order(lines: &[&str], wanted: [&str; 2]) {
    let those: Vec<_> = lines.iter().filter(|line| wanted.contains(line)).collect();
    assert_eq!(those, wanted.iter().collect::<Vec<_>>());
}
