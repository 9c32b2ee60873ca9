//! The settings as a form: what a supervisor does there, and what nobody loses.

use sandbox::Options;
use serde_json::{Value, json};

use crate::form::{Form, at, stored, test};
use crate::stage::{Stage, play};
use crate::wait::until;
use crate::window::ESCAPE;

/// What the browser says of a save that comes too late.
pub(crate) const CONFLICT: &str = "status of 409";

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_edits_the_settings() {
    play("settings", Options::rough(31), &[], edit).await;
}

async fn edit(stage: Stage) {
    let form = Form::open(&stage, "Ann").await;
    // What is wrong is said while one types, at its place, and it cannot be saved.
    let days = format!("{} input", at("retention_days"));
    form.put(&days, "0").await;
    form.is_wrong("retention_days", "must be a whole number from 1 to 3650")
        .await;
    form.says(&test("settings-summary"), "How long conversations are kept")
        .await;
    form.save().await;
    until(
        "the summary has the keyboard",
        async || {
            let summary = test("settings-summary");
            let script = format!("return document.activeElement.matches('{summary}')");
            form.window.run::<bool>(&script).await
        },
        |there| *there,
    )
    .await;
    assert_eq!(stored(&stage).await, (Value::Null, 0));
    assert_eq!(form.value(&days).await, "0");
    form.put(&days, "30").await;
    form.is_fine().await;
    assert_eq!(form.wrong("retention_days").await, (String::new(), false));

    // A text in its languages, one more and one less, and what users are told.
    form.preview("greeting", "Thanks for waiting!").await;
    form.press("greeting", "setting-set").await;
    form.put(
        &format!("{} textarea", at("greeting.en")),
        "Hello from the form!",
    )
    .await;
    form.preview("greeting", "Hello from the form!").await;
    form.preview("greeting", "at once").await;
    let in_greeting = |name: &str| format!("{} {}", at("greeting"), test(name));
    form.put(&in_greeting("setting-name"), "de").await;
    form.window.click(&in_greeting("setting-add")).await;
    form.put(&format!("{} textarea", at("greeting.de")), "Grüß Gott!")
        .await;
    form.window
        .click(&format!(
            "{} {}",
            at("greeting.zh-CN"),
            test("setting-remove")
        ))
        .await;
    form.is_fine().await;
    let language = test("preview-language");
    until(
        "the new language can be seen",
        async || {
            form.choose(&language, "de").await;
            form.window.text(&test("settings-preview")).await
        },
        |text| text.contains("Grüß Gott!"),
    )
    .await;
    form.choose(&language, "ja").await;
    form.preview("waiting.texts", "3 番目").await;
    form.choose(&language, "en").await;

    // Opening hours: several spans a day, a day of its own, and the next opening in the text.
    form.press("hours", "setting-set").await;
    form.put(&format!("{} input", at("hours.time_zone")), "Asia/Taipei")
        .await;
    let monday = format!("{} input", at("hours.weekly.mon"));
    form.put(&monday, "09:00-12:00, 13-18").await;
    form.is_wrong("hours.weekly.mon", "must be like 09:00-18:00")
        .await;
    form.put(&monday, "09:00-12:00, 13:00-18:00").await;
    let date = format!("{} {}", at("hours.exceptions"), test("setting-name"));
    form.window
        .run::<()>(&format!(
            "document.querySelector('{date}').value = '2030-12-25'"
        ))
        .await;
    form.window
        .click(&format!(
            "{} {}",
            at("hours.exceptions"),
            test("setting-add")
        ))
        .await;
    form.is_fine().await;
    form.preview("hours.text", "(Asia/Taipei)").await;
    form.says(&test("preview-opens"), "09:00").await;

    // The wait, a bot that differs, and a mistake in its part that is found from the other.
    form.press("waiting.texts", "setting-set").await;
    form.put(
        &format!("{} input", at("waiting.texts[1].after_seconds")),
        "90",
    )
    .await;
    form.window
        .click(&format!(
            "{} > div > {}",
            at("waiting.texts"),
            test("setting-add")
        ))
        .await;
    form.put(
        &format!("{} input", at("waiting.texts[2].after_seconds")),
        "x",
    )
    .await;
    form.is_wrong("waiting.texts[2].after_seconds", "must be a number")
        .await;
    form.put(
        &format!("{} input", at("waiting.texts[2].after_seconds")),
        "",
    )
    .await;
    form.says(
        &format!("{} > .wrong", at("waiting.texts[2]")),
        "must have after_seconds",
    )
    .await;
    form.window
        .click(&format!(
            "{} > {}",
            at("waiting.texts[2]"),
            test("setting-remove")
        ))
        .await;
    form.choose(&format!("{} select", at("waiting.then")), "end")
        .await;
    form.preview("waiting.farewell", "after 20:00").await;
    form.put(&test("settings-new-bot"), "b.1").await;
    form.window.click(&test("settings-add-bot")).await;
    let of_bot = |path: &str| format!("bots[\\\"b.1\\\"].{path}");
    form.says(&at(&of_bot("waiting")), "As for all bots").await;
    form.press(&of_bot("greeting"), "setting-set").await;
    form.put(
        &format!("{} textarea", at(&of_bot("greeting.en"))),
        "Only for this bot.",
    )
    .await;
    form.preview("greeting", "Only for this bot.").await;
    form.put(&format!("{} input", at(&of_bot("language"))), "klingon-")
        .await;
    form.is_wrong(&of_bot("language"), "is no language").await;
    form.choose(&test("settings-bot"), "").await;
    form.window
        .click(&format!("{} li button", test("settings-summary")))
        .await;
    form.is_wrong(&of_bot("language"), "is no language").await;
    form.put(&format!("{} input", at(&of_bot("language"))), "")
        .await;
    form.is_fine().await;

    form.save().await;
    form.says(&test("settings-status"), "Saved as version 1")
        .await;
    let (document, version) = stored(&stage).await;
    assert_eq!(version, 1);
    assert_eq!(document["retention_days"], 30);
    let greeting = &document["greeting"];
    assert_eq!(greeting["en"], "Hello from the form!");
    assert_eq!(greeting["de"], "Grüß Gott!");
    assert_eq!(greeting.get("zh-CN"), None);
    let hours = &document["hours"];
    assert_eq!(hours["time_zone"], "Asia/Taipei");
    let spans = json!(["09:00-12:00", "13:00-18:00"]);
    assert_eq!(hours["weekly"]["mon"], spans);
    assert_eq!(hours["exceptions"], json!({"2030-12-25": []}));
    assert_eq!(document["waiting"]["texts"][1]["after_seconds"], 90);
    assert_eq!(document["waiting"]["then"], "end");
    let bot = &document["bots"]["b.1"];
    assert_eq!(bot["greeting"]["en"], "Only for this bot.");
    assert_eq!(bot.as_object().unwrap().len(), 1, "{bot}");

    // Always open again, so that the greeting is what is told: in force for whoever asks now.
    form.choose(&test("settings-bot"), "").await;
    form.press("hours", "setting-unset").await;
    form.save().await;
    form.says(&test("settings-status"), "Saved as version 2")
        .await;
    let user = stage.user("mei").await;
    user.ask_for_human().await;
    user.until("it is told the new text", |view| {
        view.says("human", "Hello from the form!")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_supervisors_overwrite_nothing_unseen() {
    play("settings-two", Options::rough(32), &[CONFLICT], both).await;
}

async fn both(stage: Stage) {
    let ann = Form::open(&stage, "Ann").await;
    let bob = Form::open(&stage, "Bob").await;
    let input = |path: &str| format!("{} input", at(path));
    let days = input("retention_days");
    ann.put(&days, "30").await;
    ann.put(&input("language"), "ja").await;
    ann.save().await;
    ann.says(&test("settings-status"), "Saved as version 1")
        .await;

    bob.put(&days, "60").await;
    bob.put(&input("reply_max_chars"), "500").await;
    bob.save().await;
    let conflict = test("settings-conflict");
    bob.says(&conflict, "Somebody else has saved version 1")
        .await;
    let rows = "return [...document.querySelectorAll('[data-test=\"settings-conflict\"] tbody tr')]\
        .map((row) => [...row.children].map((cell) => cell.textContent).join('|')).sort()";
    let seen: Vec<String> = bob.window.run(rows).await;
    let expected = [
        "language|–|ja|–",
        "reply_max_chars|–|–|500",
        "retention_days|–|30|60",
    ];
    assert_eq!(seen, expected);
    // Nothing was overwritten, and nothing that was typed is lost: what one goes on typing counts, too.
    let ja = json!({"retention_days": 30, "language": "ja"});
    assert_eq!(stored(&stage).await, (ja, 1));
    assert_eq!(bob.value(&days).await, "60");
    bob.put(&days, "61").await;
    bob.window.click(&test("settings-rebase")).await;
    bob.says(&test("settings-status"), "Your changes stand on version 1")
        .await;
    assert_eq!(bob.value(&days).await, "61");
    assert_eq!(bob.value(&input("language")).await, "ja");
    bob.save().await;
    bob.says(&test("settings-status"), "Saved as version 2")
        .await;
    let merged = json!({"retention_days": 61, "language": "ja", "reply_max_chars": 500});
    assert_eq!(stored(&stage).await, (merged.clone(), 2));

    // Or one starts anew with what is in force.
    ann.put(&days, "7").await;
    ann.save().await;
    ann.says(&conflict, "Somebody else has saved version 2")
        .await;
    ann.window.click(&test("settings-anew")).await;
    until(
        "the other one's is there",
        async || ann.value(&days).await,
        |days| days == "61",
    )
    .await;
    assert_eq!(stored(&stage).await, (merged.clone(), 2));

    // By a slip of the finger nothing is lost either.
    ann.put(&days, "8").await;
    ann.is_fine().await;
    let asked = "window.asked = 0; window.confirm = () => { window.asked += 1; return false; }";
    ann.window.run::<()>(asked).await;
    ann.window.type_keys(ESCAPE).await;
    ann.window.type_keys(ESCAPE).await;
    ann.window.click(&test("supervise-close")).await;
    assert_eq!(ann.window.run::<u32>("return window.asked").await, 3);
    assert_eq!(ann.value(&days).await, "8");
    // What is in force already, since the answer to the first try got lost, is saved.
    let mut sent = merged;
    sent["retention_days"] = json!(8);
    let store = &stage.sandbox.store;
    assert!(store.put_settings(&sent.to_string(), 2).await.unwrap());
    ann.save().await;
    ann.says(&test("settings-status"), "Saved as version 3")
        .await;
}

/// What was written past the tools can be mended here, and nothing but that is changed.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_can_be_taken_out() {
    play("settings-unknown", Options::rough(35), &[], |stage: Stage| async move {
        let written = r#"{"retention_days": 20, "x.y": 1, "waiting": {"foo": {"a": 2}, "then": "end"},
            "bots": {"b": {"retention_days": 3}}}"#;
        let store = &stage.sandbox.store;
        assert!(store.put_settings(written, 0).await.unwrap());
        let form = Form::begin(&stage, "Ann").await;
        let found = test("settings-found");
        for left in [3, 2, 1] {
            form.says(&found, &format!("before it can be saved: {left}")).await;
            let first = format!("{} li button", test("settings-summary"));
            form.window.click(&first).await;
        }
        form.is_fine().await;
        form.save().await;
        form.says(&test("settings-status"), "Saved as version 2").await;
        let mended = json!({"retention_days": 20, "waiting": {"then": "end"}, "bots": {"b": {}}});
        assert_eq!(stored(&stage).await, (mended, 2));
    })
    .await;
}
