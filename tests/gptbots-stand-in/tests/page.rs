//! The user's page: its files, its API, its events.

mod common;

use common::{LONG, Setup, finish};
use gptbots_stand_in::{Author, Status};
use serde_json::{Value, json};

async fn open(setup: &Setup, wish: Value) -> (u16, Value) {
    finish(setup.http.post(setup.url("/page/api/users")).json(&wish)).await
}

/// Reads events off a stream.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(setup: &Setup, user: &str, last: Option<&str>) -> Self {
        let url = setup.url(&format!("/page/api/users/{user}/events"));
        let mut request = setup.http.get(url);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event's id and data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = event.lines();
                    lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
                };
                let found = field("id: ").zip(field("data: "));
                self.text = rest.to_owned();
                if let Some((id, data)) = found {
                    return (id, serde_json::from_str(&data).expect("JSON"));
                }
                continue;
            }
            let more = tokio::time::timeout(LONG, self.response.chunk()).await;
            let more = more.expect("in time").expect("read").expect("goes on");
            self.text
                .push_str(std::str::from_utf8(&more).expect("text"));
        }
    }
}

fn texts(event: &Value) -> Vec<&str> {
    let lines = event["lines"].as_array().expect("lines").iter();
    lines
        .map(|line| line["text"].as_str().expect("a text"))
        .collect()
}

#[tokio::test]
async fn files_come_with_a_policy_and_can_be_framed() {
    let setup = Setup::start().await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/?user=ann", "text/html; charset=utf-8"),
        ("/page/style.css", "text/css; charset=utf-8"),
        ("/page/app.js", "text/javascript; charset=utf-8"),
        ("/page/api.js", "text/javascript; charset=utf-8"),
        ("/page/lines.js", "text/javascript; charset=utf-8"),
    ] {
        let answer = setup
            .http
            .get(setup.url(path))
            .send()
            .await
            .expect("answer");
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["content-type"], kind);
        let policy = headers["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:"
        ));
        assert!(!policy.contains("frame-ancestors"));
        assert!(!headers.contains_key("x-frame-options"));
        assert_eq!(headers["x-content-type-options"], "nosniff");
    }
}

#[tokio::test]
async fn foreign_pages_cannot_drive_it() {
    let setup = Setup::start().await;
    let post = || setup.http.post(setup.url("/page/api/users"));
    for host in [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "[::2]:80",
    ] {
        let request = post().header("host", host).json(&json!({}));
        assert_eq!(finish(request).await.0, 403, "{host}");
    }
    for host in ["localhost", "127.0.0.1:1", "[::1]:8788"] {
        let request = post().header("host", host).json(&json!({}));
        assert_eq!(finish(request).await.0, 200, "{host}");
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "text/json",
    ] {
        let request = post().header("content-type", kind).body("{}");
        assert_eq!(finish(request).await.0, 415, "{kind}");
    }
    let (_, opened) = open(&setup, json!({})).await;
    let user = opened["user"].as_str().expect("a key");
    for act in ["human", "leave", "messages", "profile"] {
        let url = setup.url(&format!("/page/api/users/{user}/{act}"));
        assert_eq!(finish(setup.http.post(url)).await.0, 415, "{act}");
    }
    assert_eq!(setup.bridge.hooks().len(), 0);
}

#[tokio::test]
async fn a_key_keeps_its_user() {
    let setup = Setup::start().await;
    let (_, one) = open(&setup, json!({})).await;
    let (_, two) = open(&setup, json!({})).await;
    assert_ne!(one["user"], two["user"]);
    let (_, ann) = open(&setup, json!({"user": "ann"})).await;
    assert_eq!(ann["user"], "ann");
    assert_eq!(ann["bot"]["name"], "One");
    let user = setup.stand_in.find_user("ann").expect("made");
    setup.stand_in.say(&user, "hello").await;
    // Known: another bot is not taken.
    let (_, again) = open(&setup, json!({"user": "ann", "bot": "other-bot"})).await;
    assert_eq!(again, ann);
    assert_eq!(setup.stand_in.view(&user).texts(Author::User), ["hello"]);
    for wrong in [
        json!({"user": "a b"}),
        json!({"user": ""}),
        json!({"bot": "none"}),
    ] {
        assert_eq!(open(&setup, wrong).await.0, 400);
    }
}

#[tokio::test]
async fn the_page_does_what_a_user_does() {
    let setup = Setup::start().await;
    open(&setup, json!({"user": "ann"})).await;
    let user = setup.stand_in.find_user("ann").expect("made");
    let act = async |name: &str, body: Value| {
        let url = setup.url(&format!("/page/api/users/ann/{name}"));
        finish(setup.http.post(url).json(&body)).await.0
    };
    let profile = json!({"user_name": "Ann", "email": "ann@example.com", "user_id": null});
    assert_eq!(act("profile", profile).await, 204);
    assert_eq!(act("messages", json!({"text": " "})).await, 400);
    assert_eq!(act("messages", json!({"text": "human"})).await, 202);
    setup.status(&user, Status::Connecting).await;
    assert_eq!(act("messages", json!({"text": "a line"})).await, 202);
    let hooks = setup.bridge.wait_for(2).await;
    assert_eq!(hooks[0].body["email"], "ann@example.com");
    assert_eq!(
        hooks[0].body["user_info"],
        json!({
            "phone": null,
            "email": "ann@example.com",
            "user_id": null,
            "anonymous_id": "ann",
            "user_name": "Ann",
        })
    );
    assert_eq!(hooks[1].body["body"], "a line");
    assert_eq!(act("leave", json!({})).await, 202);
    setup.bridge.wait_for(3).await;
    assert_eq!(
        act("profile", json!({"conversation_type": "API"})).await,
        204
    );
    assert_eq!(act("human", json!({})).await, 202);
    let hooks = setup.bridge.wait_for(4).await;
    assert_eq!(hooks[3].body["user_info"]["anonymous_id"], json!(null));
    let url = setup.url("/page/api/users/nobody/human");
    assert_eq!(finish(setup.http.post(url).json(&json!({}))).await.0, 404);
}

#[tokio::test]
async fn events_tell_changes_and_what_was_missed() {
    let setup = Setup::start().await;
    open(&setup, json!({"user": "ann"})).await;
    let user = setup.stand_in.find_user("ann").expect("made");
    let mut events = Events::open(&setup, "ann", None).await;
    let (_, first) = events.next().await;
    assert_eq!(first["reset"], true);
    assert_eq!(first["head"]["status"]["is"], "bot");
    assert_eq!(first["lines"].as_array().map(Vec::len), Some(1));

    setup.stand_in.say(&user, "hello").await;
    let (seen, event) = events.next().await;
    assert_eq!(event["reset"], false);
    assert_eq!(texts(&event)[0], "hello");
    assert_eq!(event["lines"].as_array().map(Vec::len), Some(2));
    drop(events);

    // The connection is lost while a person replies.
    let id = setup.stand_in.ask_for_human(&user).await.expect("taken");
    setup.reply(&id, "missed").await;
    let mut events = Events::open(&setup, "ann", Some(&seen)).await;
    let (_, event) = events.next().await;
    assert_eq!(event["reset"], false);
    assert!(!texts(&event).contains(&"hello"), "{event}");
    assert!(texts(&event).contains(&"missed"), "{event}");
    assert_eq!(event["head"]["status"]["is"], "connected");
    setup.close(&id).await;
    let (_, event) = events.next().await;
    assert_eq!(
        event["head"]["status"],
        json!({"is": "ended", "by": "bridge"})
    );

    // An id of a stand-in that was there before: everything anew.
    let mut events = Events::open(&setup, "ann", Some("1-99999")).await;
    let (_, event) = events.next().await;
    assert_eq!(event["reset"], true);
    assert!(texts(&event).contains(&"hello"));

    // Open streams do not hold up a shutdown.
    setup.stand_in.clone().shutdown().await;
}

#[tokio::test]
async fn texts_stay_as_they_are() {
    let setup = Setup::start().await;
    open(&setup, json!({"user": "ann"})).await;
    let user = setup.stand_in.find_user("ann").expect("made");
    let (text, reply) = (
        "<b>é\n人工\u{202e}&amp;</b>",
        "<img src=x onerror=alert(1)>",
    );
    let id = setup.stand_in.ask_for_human(&user).await.expect("taken");
    setup.chat(&user, text).await;
    setup.reply(&id, reply).await;
    setup.bridge.wait_for(2).await;
    assert_eq!(setup.bridge.bodies("/chat")[0]["body"], text);
    let (_, event) = Events::open(&setup, "ann", None).await.next().await;
    assert!(texts(&event).contains(&text) && texts(&event).contains(&reply));
}
