//! The settings as a form: what a supervisor does there, and what nobody loses.

use sandbox::Options;
use serde_json::{Value, json};

use crate::accessibility::{axe, nothing_serious};
use crate::console::Console;
use crate::phone::nothing_spills;
use crate::stage::{Stage, picture, play};
use crate::wait::until;
use crate::window::{DOWN, ENTER, ESCAPE, TAB, Window};

/// What the browser says of a save that comes too late.
const CONFLICT: &str = "status of 409";
/// The arrow to the right.
const RIGHT: &str = "\u{e014}";

/// A console in which the form is open.
struct Form {
    window: Window,
}

fn test(name: &str) -> String {
    format!("[data-test=\"{name}\"]")
}

/// The row or part of a setting.
fn at(path: &str) -> String {
    format!("[data-path=\"{path}\"]")
}

impl Form {
    async fn open(stage: &Stage, agent: &str) -> Self {
        let form = Self {
            window: stage.agent(agent).await.window,
        };
        form.window.click(&test("supervise")).await;
        form.window.click(&test("supervise-settings")).await;
        form.says(&test("settings-found"), "Nothing is wrong.")
            .await;
        form
    }

    /// Waits until an element's text has these words in it.
    async fn says(&self, css: &str, words: &str) {
        until(
            &format!("{css} says {words}"),
            async || self.window.text(css).await,
            |text| text.contains(words),
        )
        .await;
    }

    /// Writes into a box in place of what is there, key by key or at once.
    async fn put(&self, css: &str, text: &str) {
        let css = json!(css);
        let choose = format!("const it = document.querySelector({css}); it.focus(); it.select()");
        self.window.run::<()>(&choose).await;
        let insert = json!({"text": text});
        self.window.devtools("Input.insertText", insert).await;
    }

    async fn value(&self, css: &str) -> String {
        let css = json!(css);
        let script = format!("return document.querySelector({css})?.value ?? '(none)'");
        self.window.run(&script).await
    }

    /// Chooses out of a list, as its keyboard events would.
    async fn choose(&self, css: &str, value: &str) {
        let (css, value) = (json!(css), json!(value));
        let script = format!(
            "const it = document.querySelector({css}); it.value = {value}; \
             it.dispatchEvent(new Event('change'))"
        );
        self.window.run::<()>(&script).await;
    }

    /// Presses one of the buttons that belong to a setting itself, not to what is in it.
    async fn press(&self, path: &str, button: &str) {
        let css = format!("{} > {}", at(path), test(button));
        self.window.click(&css).await;
    }

    /// What is said to be wrong at a setting, and whether its box says so to everybody.
    async fn wrong(&self, path: &str) -> (String, bool) {
        let css = json!(at(path));
        let script = format!(
            "const at = document.querySelector({css});
            const box = at.querySelector('input, select, textarea');
            const named = box.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id));
            const said = at.querySelector(':scope > .wrong');
            return [said.textContent, box.getAttribute('aria-invalid') === 'true' && named.includes(said)]"
        );
        self.window.run(&script).await
    }

    async fn is_wrong(&self, path: &str, words: &str) {
        until(
            &format!("{path} is said to be wrong"),
            async || self.wrong(path).await,
            |(said, marked)| said.contains(words) && *marked,
        )
        .await;
    }

    async fn preview(&self, of: &str, words: &str) {
        let css = format!("{} [data-of=\"{of}\"]", test("settings-preview"));
        self.says(&css, words).await;
    }

    async fn save(&self) {
        self.window.click(&test("settings-save")).await;
    }
}

/// The document in the table, and its version.
async fn stored(stage: &Stage) -> (Value, i64) {
    let stored = stage.sandbox.store.settings().await.unwrap();
    stored.map_or((Value::Null, 0), |stored| {
        let document = serde_json::from_str(&stored.document).unwrap();
        (document, stored.version)
    })
}

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
    form.says(&test("settings-summary"), "retention_days").await;
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
    form.says(&test("settings-found"), "Nothing is wrong.")
        .await;
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
    form.says(&test("settings-found"), "Nothing is wrong.")
        .await;
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
    form.says(&test("settings-found"), "Nothing is wrong.")
        .await;
    form.preview("hours.text", "(Asia/Taipei)").await;
    form.says(&test("preview-opens"), "09:00").await;

    // The wait, a bot that differs, and a mistake in its part that is found from the other.
    form.press("waiting.texts", "setting-set").await;
    form.put(
        &format!("{} input", at("waiting.texts[1].after_seconds")),
        "90",
    )
    .await;
    form.press("waiting.texts", "setting-unset").await;
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
    form.says(&test("settings-found"), "Nothing is wrong.")
        .await;

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
        "language|nothing|ja|nothing",
        "reply_max_chars|nothing|nothing|500",
        "retention_days|nothing|30|60",
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
    assert_eq!(stored(&stage).await, (merged, 2));

    // Without a connection, and by a slip of the finger, nothing is lost either.
    ann.put(&days, "8").await;
    ann.says(&test("settings-found"), "Nothing is wrong.").await;
    let asked = "window.asked = 0; window.confirm = () => { window.asked += 1; return false; }";
    ann.window.run::<()>(asked).await;
    ann.window.type_keys(ESCAPE).await;
    ann.window.type_keys(ESCAPE).await;
    ann.window.click(&test("supervise-close")).await;
    assert_eq!(ann.window.run::<u32>("return window.asked").await, 3);
    assert_eq!(ann.value(&days).await, "8");
}

/// From the head of the page to a saved setting, by keys alone.
#[tokio::test(flavor = "multi_thread")]
async fn all_of_it_can_be_done_by_keyboard() {
    play(
        "settings-keys",
        Options::rough(33),
        &[],
        |stage: Stage| async move {
            let Console { window } = stage.agent("Ann").await;
            let focus = async || {
                let script = "const it = document.activeElement; \
                return it.closest('[data-path]')?.dataset.path ?? it.dataset.test ?? it.id";
                window.run::<String>(script).await
            };
            let tab_to = async |wanted: &str| {
                until(
                    &format!("{wanted} has the keyboard"),
                    async || {
                        window.type_keys(TAB).await;
                        focus().await
                    },
                    |there| there == wanted,
                )
                .await;
            };
            tab_to("supervise").await;
            window.type_keys(ENTER).await;
            tab_to("supervise-figures").await;
            window.type_keys(RIGHT).await;
            window.type_keys(RIGHT).await;
            let form = Form {
                window: window.clone(),
            };
            form.says(&test("settings-found"), "Nothing is wrong.")
                .await;
            // A part is made one's own, and the keyboard is in it.
            tab_to("greeting").await;
            window.type_keys(ENTER).await;
            until(
                "it is in the text",
                async || focus().await,
                |at| at.starts_with("greeting."),
            )
            .await;
            tab_to("greeting.ja").await;
            window.type_keys("!").await;
            // A choice, a number; Enter saves.
            tab_to("waiting.then").await;
            window.type_keys(DOWN).await;
            window.type_keys(DOWN).await;
            tab_to("retention_days").await;
            window.type_keys("12x").await;
            form.is_wrong("retention_days", "must be a number").await;
            window.type_keys(ENTER).await;
            until(
                "it is refused",
                async || focus().await,
                |at| at == "settings-summary",
            )
            .await;
            // Out of the list of mistakes to the place.
            window.type_keys(TAB).await;
            window.type_keys(ENTER).await;
            assert_eq!(focus().await, "retention_days");
            window.type_keys("\u{e010}\u{e003}").await;
            form.says(&test("settings-found"), "Nothing is wrong.")
                .await;
            window.type_keys(ENTER).await;
            form.says(&test("settings-status"), "Saved as version 1")
                .await;
            let (document, _) = stored(&stage).await;
            assert_eq!(document["retention_days"], 12);
            assert_eq!(document["waiting"], json!({"then": "message"}));
            assert!(document["greeting"]["ja"].as_str().unwrap().contains('!'));
        },
    )
    .await;
}

/// Whatever stands in the form that a person reads has words in the language of the page.
const UNNAMED: &str = r"
    const titles = [...document.querySelectorAll('.settings-form :is(label, legend)')].map((one) => one.textContent);
    return [titles.length, titles.filter((title) => /^[a-z_.]+$/.test(title))];
";

#[tokio::test(flavor = "multi_thread")]
async fn everybody_can_use_it() {
    let Some(axe) = axe() else { return };
    play("settings-axe", Options::rough(34), &[CONFLICT], |stage: Stage| async move {
        let form = Form::open(&stage, "Ann").await;
        let window = &form.window;
        window.run::<()>(&format!("{axe}; window.axe = axe;")).await;
        for path in ["greeting", "hours", "waiting.texts", "idle.user.warning"] {
            form.press(path, "setting-set").await;
        }
        form.put(&format!("{} {}", at("desk_hours"), test("setting-name")), "Slack").await;
        window.click(&format!("{} {}", at("desk_hours"), test("setting-add"))).await;
        form.put(&format!("{} input", at("retention_days")), "never").await;
        form.is_wrong("retention_days", "must be a number").await;
        for scheme in ["light", "dark"] {
            window.colours(scheme).await;
            nothing_serious(window, &format!("settings, {scheme}")).await;
            picture(&format!("settings-{scheme}"), window).await;
        }
        let (titles, unnamed): (usize, Vec<String>) = window.run(UNNAMED).await;
        assert!(titles > 60 && unnamed.is_empty(), "{titles}: {unnamed:?}");
        window.size(375, 740, true).await;
        nothing_serious(window, "settings, phone").await;
        nothing_spills(window).await;
        picture("settings-phone", window).await;
        // What two have changed, on a phone in the dark.
        form.put(&format!("{} input", at("retention_days")), "9").await;
        let written = stage.sandbox.store.put_settings(r#"{"language": "ja"}"#, 0).await;
        assert!(written.unwrap());
        form.save().await;
        form.says(&test("settings-conflict"), "Somebody else").await;
        nothing_serious(window, "settings, conflict").await;
        window.size(1280, 900, false).await;
        picture("settings-conflict", window).await;
        window.click(&test("settings-rebase")).await;

        // In the other languages: every label, and what the server says is wrong.
        for (code, wrong) in [
            ("zh-Hant", "須為 1 至 3650 的整數"),
            ("zh-Hans", "须为 1 至 3650 的整数"),
            ("ja", "1 から 3650 までの整数"),
        ] {
            let speak = format!(
                "window.confirm = () => true; document.querySelector('{}').click();
                const {{ speak }} = await import([...document.querySelectorAll('script')].find((one) => one.src).src.replace('app.js', 'text.js'));
                await speak('{code}')",
                test("supervise-close")
            );
            window.run::<()>(&format!("return (async () => {{ {speak} }})()")).await;
            window.click(&test("supervise")).await;
            window.click(&test("supervise-settings")).await;
            until(
                "the form is there",
                async || window.run::<(usize, Vec<String>)>(UNNAMED).await,
                |(titles, unnamed)| *titles > 30 && unnamed.is_empty(),
            )
            .await;
            form.put(&format!("{} input", at("retention_days")), "0").await;
            form.is_wrong("retention_days", wrong).await;
            picture(&format!("settings-{code}"), window).await;
        }
    })
    .await;
}
