//! The console in every language.

use sandbox::Options;
use serde_json::json;

use crate::console::Console;
use crate::stage::{Stage, picture, play};
use crate::story::greeted;
use crate::wait::until;
use crate::window::Window;

/// Each language, by its code, its name, its table and a word of it.
const LANGUAGES: [(&str, &str, &str, &str); 4] = [
    ("en", "English", "text-en.js", "Queue"),
    ("zh-Hant", "繁體中文", "text-zh-hant.js", "待接手"),
    ("zh-Hans", "简体中文", "text-zh-hans.js", "待接手"),
    ("ja", "日本語", "text-ja.js", "対応待ち"),
];

/// What differs between a table and the English one: members, kinds, and how many words a sentence
/// has to be given.
const DIFFERENCES: &str = r"
    const { $modules } = await import(document.querySelector('script').src);
    const table = async (file) => ($modules[file] ?? await import(new URL(`console/${file}`, location.href).href)).default;
    const [english, other] = [await table('text-en.js'), await table(FILE)];
    const differences = [];
    const compare = (a, b, where) => {
        for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
            const [one, two] = [a[name], b[name]];
            const at = `${where}${name}`;
            if (typeof one !== typeof two) differences.push(`${at}: ${typeof one}, ${typeof two}`);
            else if (typeof one === 'object') compare(one, two, `${at}.`);
            else if (typeof one === 'function' && one.length !== two.length) differences.push(`${at}: takes ${one.length}, ${two.length}`);
            else if (typeof one === 'string' && !two.trim() && one.trim()) differences.push(`${at}: is empty`);
            else if (FILE !== 'text-en.js' && one === two && !SAME.includes(at)) differences.push(`${at}: is not translated`);
        }
    };
    const SAME = ['product', 'lastBy.user'];
    compare(english, other, '');
    return differences;
";

#[tokio::test(flavor = "multi_thread")]
async fn every_text_is_there_in_every_language() {
    play("texts", Options::default(), &[], |stage: Stage| async move {
        let console = stage.console().await;
        for (code, _, file, _) in LANGUAGES {
            let script = DIFFERENCES.replace("FILE", &json!(file).to_string());
            let script = format!("return (async () => {{ {script} }})()");
            let differences: Vec<String> = console.window.run(&script).await;
            assert!(differences.is_empty(), "{code}: {differences:#?}");
        }
        // Which of them a browser's wishes lead to.
        let suits = |wanted: &str| {
            format!("return import(document.querySelector('script').src).then(({{ $modules }}) => $modules['text.js'].suitable({wanted}))")
        };
        for (wanted, expected) in [
            ("['ja-JP', 'en']", "ja"),
            ("['zh-TW']", "zh-Hant"),
            ("['zh-HK']", "zh-Hant"),
            ("['zh-Hant-CN']", "zh-Hant"),
            ("['zh-Hans-TW']", "zh-Hans"),
            ("['zh-CN']", "zh-Hans"),
            ("['zh']", "zh-Hans"),
            ("['de-DE', 'zh-SG']", "zh-Hans"),
            ("['de-DE', 'en-GB', 'ja']", "en"),
            ("['de']", "en"),
            ("[]", "en"),
        ] {
            assert_eq!(console.window.run::<String>(&suits(wanted)).await, expected, "{wanted}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_chooses_a_language_and_it_is_remembered() {
    play("languages", Options::rough(15), &["status of 400"], story).await;
}

async fn story(stage: Stage) {
    let user = stage.user("mei").await;
    user.introduce("Mei Lin").await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    let console = stage.agent("Ann").await;
    console.open("Mei Lin").await;
    console.claim().await;
    console.answer("Hello! 您好！こんにちは！").await;
    console
        .until("it is delivered", |view| {
            view.is("Hello! 您好！こんにちは！", "delivered")
        })
        .await;
    console
        .window
        .write(r#"[data-test="answer"]"#, "half a sentence")
        .await;
    for (code, name, _, word) in LANGUAGES {
        choose(&console.window, code).await;
        until(
            "the page speaks it",
            async || tab(&console.window).await,
            |seen| *seen == (code.to_owned(), word.to_owned()),
        )
        .await;
        let shown = console.window.text("body").await;
        // What the page said in English is not left anywhere.
        let english = [
            "Signed in as",
            "Delivered",
            "Take over",
            "Connected",
            "User asked for a human",
            "took the conversation",
        ];
        let left: Vec<_> = english
            .iter()
            .filter(|words| shown.contains(**words))
            .collect();
        assert_eq!(left.is_empty(), code != "en", "{name}: {left:?}");
        let draft: String = console
            .window
            .run("return document.querySelector('#answer').value")
            .await;
        assert_eq!(draft, "half a sentence", "{name}");
        picture(&format!("language-{code}"), &console.window).await;
        console.window.click(r#"[data-test="keys-open"]"#).await;
        picture(&format!("language-{code}-keys"), &console.window).await;
        console.window.click(r#"[data-test="keys-close"]"#).await;
    }
    what_is_refused_is_said_in_the_language(&console).await;
    // The last one is still there when the page comes back.
    console.window.run::<()>("location.reload()").await;
    until(
        "the page speaks it still",
        async || tab(&console.window).await,
        |seen| *seen == ("ja".to_owned(), "対応待ち".to_owned()),
    )
    .await;
    choose(&console.window, "en").await;
    Console::at(console.window).await;
}

/// In Japanese, which was chosen last.
async fn what_is_refused_is_said_in_the_language(console: &Console) {
    let refused = "return import(document.querySelector('script').src).then(({ $modules }) =>
        $modules['api.js'].api.assign($modules['ids.js'].decodeId(location.hash.slice(1)), 'nobody').catch(({ message }) => message))";
    let said: String = console.window.run(refused).await;
    assert_eq!(said, "この担当者は最近利用していません");
}

async fn tab(window: &Window) -> (String, String) {
    let script = "return [document.documentElement.lang, document.querySelector('#tab-queue > span')?.textContent ?? '']";
    window.try_run(script).await.unwrap_or_default()
}

pub(crate) async fn choose(window: &Window, code: &str) {
    window.click(r#"[data-test="preferences-open"]"#).await;
    let choose = format!(
        "const select = document.querySelector('[data-test=\"language\"]'); select.value = {}; select.dispatchEvent(new Event('change'))",
        json!(code)
    );
    window.run::<()>(&choose).await;
    window.click(r#"[data-test="preferences-close"]"#).await;
}
