//! Agents sign in with a provider of their own, stay signed in, and lose nothing when they do not.

use std::time::Duration;

use oidc_stand_in::Provider;
use sandbox::{Options, SignInOptions};
use serde::Deserialize;

use crate::console::Console;
use crate::stage::{Stage, play};
use crate::story::greeted;
use crate::user::User;
use crate::wait::until;
use crate::window::Window;

/// What the browser says about calls that the API refuses.
const REFUSED: &str = "status of 401";
/// What it says about a refresh token that no longer counts.
const SPENT: &str = "status of 400";
/// What it says about a provider that is down, whose answers do not say who may read them.
const DOWN: [&str; 2] = ["blocked by CORS policy", "net::ERR_FAILED"];
/// How long a token counts that expires while one looks.
const SHORT: Duration = Duration::from_secs(3);

/// What a window shows while or after somebody signs in.
#[derive(Debug, Default, Deserialize)]
struct View {
    address: String,
    /// Who may be chosen, at the provider.
    choices: Vec<String>,
    /// What stands in the place of the console.
    gate: String,
    banner: String,
    /// Whether one is asked to sign in again.
    again: bool,
    me: String,
    draft: String,
    /// All that is in the storages and in script's cookies.
    stored: String,
    /// All text there is on the page.
    text: String,
}

const LOOK: &str = r#"
    const one = (css) => document.querySelector(css);
    const kept = (storage) => Object.entries(storage).flat().join(' ');
    return {
        address: location.href,
        choices: [...document.querySelectorAll('button[name="user"]')].map((button) => button.value),
        gate: one('#gate')?.innerText ?? '',
        banner: one('#banner')?.innerText ?? '',
        again: one('#sign-in-again') !== null && !one('#sign-in-again').hidden,
        me: one('#me')?.textContent ?? '',
        draft: one('#answer')?.value ?? '',
        stored: [kept(localStorage), kept(sessionStorage), document.cookie].join(' '),
        text: document.body.innerText,
    };
"#;

async fn look(window: &Window) -> View {
    window.try_run(LOOK).await.unwrap_or_default()
}

async fn seen(window: &Window, what: &str, is_so: impl FnMut(&View) -> bool) -> View {
    until(what, async || look(window).await, is_so).await
}

/// Chooses somebody at the provider, or nobody.
async fn choose(window: &Window, user: &str) {
    seen(window, "the provider asks who one is", |view| {
        view.choices.iter().any(|choice| choice == user)
    })
    .await;
    window
        .click(&format!(r#"button[name="user"][value="{user}"]"#))
        .await;
}

async fn sign_in(stage: &Stage, user: &str) -> Console {
    let window = Window::open(&stage.driver, &stage.sandbox.console_url()).await;
    choose(&window, user).await;
    let window_ready = |view: &View| view.me.starts_with("Signed in as");
    let view = seen(&window, "somebody is signed in", window_ready).await;
    nothing_is_left_lying_about(&view);
    Console::at(window).await
}

/// No code in the address, no token anywhere that outlives the page.
fn nothing_is_left_lying_about(view: &View) {
    for trace in ["code=", "state=", "iss=", "token"] {
        assert!(!view.address.contains(trace), "{trace}: {}", view.address);
    }
    // Every JSON Web Token begins with {" in base64url.
    for trace in ["eyJ", "handoff-sign-in", "verifier"] {
        assert!(!view.stored.contains(trace), "{trace}: {}", view.stored);
    }
}

fn provider(stage: &Stage) -> &Provider {
    &stage.sandbox.sign_in.as_ref().unwrap().provider
}

fn options(seed: u64, sign_in: SignInOptions) -> Options {
    Options {
        sign_in: Some(sign_in),
        ..Options::rough(seed)
    }
}

/// A user who has been handed to the agent.
async fn connected(stage: &Stage, console: &Console) -> User {
    let user = stage.user("mei").await;
    user.introduce("Mei Lin").await;
    user.ask_for_human().await;
    user.until("a person is there", greeted).await;
    console.open("Mei Lin").await;
    console.claim().await;
    console
        .until("it is taken over", |view| view.status == "Connected")
        .await;
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_signs_in_stays_signed_in_and_signs_out() {
    let short = SignInOptions {
        token_lifetime: SHORT,
        ..SignInOptions::default()
    };
    play("sign-in", options(11, short), &[REFUSED], signs_in).await;
}

async fn signs_in(stage: Stage) {
    let console = sign_in(&stage, "alice").await;
    let window = &console.window;
    assert_eq!(look(window).await.me, "Signed in as Alice Wong");
    let user = connected(&stage, &console).await;
    console
        .until("the agent's name is the provider's", |view| {
            view.list
                .iter()
                .any(|one| one.state == "Connected · Alice Wong")
        })
        .await;

    // Tokens expire, and nobody notices.
    let renewed = async || provider(&stage).refreshes();
    let before = renewed().await;
    until("tokens are renewed twice", renewed, |now| {
        *now >= before + 2
    })
    .await;
    console.answer("first").await;
    user.until("it is there", |view| view.says("human", "first"))
        .await;

    // The API refuses what it took a moment ago; a new token helps.
    provider(&stage).set_token_lifetime(Duration::from_secs(300));
    let before = renewed().await;
    until("a long token is there", renewed, |now| *now > before).await;
    // Used once: a page takes a new token that is refused at once for one that is never accepted. By
    // then the old one has expired, so that it is not that which is used.
    tokio::time::sleep(SHORT).await;
    console.answer("between").await;
    user.until("it is there by the new token", |view| {
        view.says("human", "between")
    })
    .await;
    let before = renewed().await;
    stage.sandbox.sign_in.as_ref().unwrap().rotate_key().await;
    console.answer("second").await;
    user.until("it is there, too", |view| view.says("human", "second"))
        .await;
    assert!(renewed().await > before);
    let view = look(window).await;
    assert_eq!(view.banner, "");
    nothing_is_left_lying_about(&view);
    assert_eq!(provider(&stage).sign_ins(), 1);

    // A second tab signs in by itself, and signs both out.
    let second = Window::open(&stage.driver, &stage.sandbox.console_url()).await;
    seen(&second, "the second tab is signed in", |view| {
        view.me == "Signed in as Alice Wong"
    })
    .await;
    assert_eq!(provider(&stage).sign_ins(), 2);
    second.click(r#"[data-test="sign-out"]"#).await;
    for window in [&second, window] {
        let view = seen(window, "nobody is signed in", |view| {
            view.gate.contains("You are signed out")
        })
        .await;
        assert!(!view.text.contains("Mei Lin"), "{}", view.text);
        nothing_is_left_lying_about(&view);
    }

    // The provider has forgotten this browser; somebody else may sign in.
    second.click("#gate-button").await;
    choose(&second, "").await;
    seen(&second, "it was cancelled", |view| {
        view.gate.contains("cancelled")
    })
    .await;
    second.click("#gate-button").await;
    choose(&second, "ben").await;
    seen(&second, "Ben is signed in", |view| {
        view.me == "Signed in as Ben Ito"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_written_is_lost_when_a_sign_in_ends() {
    let options = options(12, SignInOptions::default());
    play("sign-in-again", options, &[REFUSED, SPENT], ends).await;
}

async fn ends(stage: Stage) {
    let console = sign_in(&stage, "alice").await;
    let window = &console.window;
    let user = connected(&stage, &console).await;
    let end = async || {
        provider(&stage).forget_refresh_tokens();
        stage.sandbox.sign_in.as_ref().unwrap().rotate_key().await;
    };

    end().await;
    console.answer("sent too late").await;
    window.write(r#"[data-test="answer"]"#, "half a sen").await;
    let view = seen(window, "the end is said", |view| view.again).await;
    assert!(view.banner.contains("has ended"), "{}", view.banner);
    assert!(!user.look().await.says("human", "sent too late"));
    window.click(r#"[data-test="sign-in-again"]"#).await;
    user.until("it is there", |view| view.says("human", "sent too late"))
        .await;
    let view = seen(window, "the page is as it was", |view| {
        view.draft == "half a sen" && !view.again && view.banner.is_empty()
    })
    .await;
    nothing_is_left_lying_about(&view);
    assert!(!view.stored.contains("half a sen"), "{}", view.stored);
    assert_eq!(provider(&stage).sign_ins(), 2);

    // Nobody is at the desk: the page goes and signs in by itself.
    end().await;
    let sign_ins = async || provider(&stage).sign_ins();
    until("it has signed in by itself", sign_ins, |now| *now == 3).await;
    seen(window, "the draft is there once more", |view| {
        view.draft == "half a sen" && view.me == "Signed in as Alice Wong"
    })
    .await;
    console
        .until("so is the conversation", |view| {
            view.is("sent too late", "delivered")
        })
        .await;
    let told = user.look().await;
    let told = told.texts("human");
    assert_eq!(told[1..], ["sent too late"]);

    // Somebody else takes over the desk: what Alice had begun is not theirs.
    provider(&stage).forget_browsers();
    end().await;
    choose(window, "ben").await;
    let view = seen(window, "Ben is signed in", |view| {
        view.me == "Signed in as Ben Ito"
    })
    .await;
    assert_eq!(view.draft, "");
    assert!(!view.stored.contains("half a sen"), "{}", view.stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_an_agent_out_is_said() {
    let names = SignInOptions {
        names_offline_access: true,
        ..SignInOptions::default()
    };
    let expected = [REFUSED, DOWN[0], DOWN[1]];
    play("kept-out", options(13, names), &expected, kept_out).await;
}

async fn kept_out(stage: Stage) {
    let console = stage.sandbox.console_url();
    let gate = "something keeps one out";

    // Answers that nobody here has asked for.
    let window = Window::open(&stage.driver, &format!("{console}?code=c&state=s")).await;
    let view = seen(&window, gate, |view| !view.gate.trim().is_empty()).await;
    assert!(view.gate.contains("not begun in this tab"), "{}", view.gate);
    nothing_is_left_lying_about(&view);
    window
        .goto(&format!(
            "{console}?error=x&error_description=Call+0555&state=s"
        ))
        .await;
    let view = seen(&window, gate, |view| !view.gate.trim().is_empty()).await;
    assert!(view.gate.contains("not begun in this tab"), "{}", view.gate);
    assert!(!view.text.contains("0555"), "{}", view.text);

    provider(&stage).set_down(true);
    window.goto(&console).await;
    let view = seen(&window, gate, |view| !view.gate.trim().is_empty()).await;
    assert!(view.gate.contains("cannot be reached"), "{}", view.gate);
    provider(&stage).set_down(false);
    window.click("#gate-button").await;

    // The API expects other keys: no sense in signing in again and again.
    provider(&stage).rotate_key().await;
    choose(&window, "alice").await;
    let view = seen(&window, "the API refuses", |view| !view.banner.is_empty()).await;
    assert!(view.banner.contains("does not accept"), "{}", view.banner);
    assert_eq!(provider(&stage).sign_ins(), 1);
    assert_eq!(provider(&stage).refreshes(), 0);

    // The provider is away when tokens expire: as any lost connection.
    provider(&stage).set_token_lifetime(Duration::from_secs(2));
    stage.sandbox.sign_in.as_ref().unwrap().rotate_key().await;
    window.goto("about:blank").await;
    window.goto(&console).await;
    seen(&window, "Alice is signed in", |view| {
        view.me == "Signed in as Alice Wong"
    })
    .await;
    provider(&stage).set_down(true);
    let view = seen(&window, "the loss is said", |view| !view.banner.is_empty()).await;
    assert!(view.banner.contains("Connection lost"), "{}", view.banner);
    assert!(!view.again);
    provider(&stage).set_down(false);
    seen(&window, "all is well again", |view| view.banner.is_empty()).await;
    assert_eq!(provider(&stage).sign_ins(), 2);
}
