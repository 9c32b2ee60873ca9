//! The settings' form for everybody: by keys alone, to axe-core, on a phone, in every language.

use sandbox::Options;
use serde_json::json;

use crate::accessibility::{axe, nothing_found};
use crate::console::Console;
use crate::form::{Form, at, stored, test};
use crate::phone::nothing_spills;
use crate::settings::CONFLICT;
use crate::stage::{Stage, picture, play};
use crate::wait::until;
use crate::window::{DOWN, ENTER, TAB};

/// The arrow to the right.
const RIGHT: &str = "\u{e014}";

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
            nothing_found(window, &format!("settings, {scheme}")).await;
            picture(&format!("settings-{scheme}"), window).await;
            window.run::<()>("document.querySelector('.settings-scroll').scrollTop = 0").await;
            picture(&format!("settings-{scheme}-top"), window).await;
        }
        let (titles, unnamed): (usize, Vec<String>) = window.run(UNNAMED).await;
        assert!(titles > 60 && unnamed.is_empty(), "{titles}: {unnamed:?}");
        window.size(375, 740, true).await;
        nothing_found(window, "settings, phone").await;
        nothing_spills(window).await;
        picture("settings-phone", window).await;
        // What two have changed, on a phone in the dark.
        form.put(&format!("{} input", at("retention_days")), "9").await;
        let written = stage.sandbox.store.put_settings(r#"{"language": "ja"}"#, 0).await;
        assert!(written.unwrap());
        form.save().await;
        form.says(&test("settings-conflict"), "Somebody else").await;
        nothing_found(window, "settings, conflict").await;
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
                const page = await import([...document.querySelectorAll('script')].find((one) => one.src).src);
                await page.$modules['text.js'].speak('{code}')",
                test("supervise-close")
            );
            window.run::<()>(&format!("return (async () => {{ {speak} }})()")).await;
            let button = format!("return document.querySelector('{}').textContent", test("supervise"));
            assert_ne!(window.run::<String>(&button).await, "Supervise", "{code}");
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
