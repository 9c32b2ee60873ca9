//! What every story needs: a sandbox, a browser, and an end that leaves nothing behind.

use std::env;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::resume_unwind;
use std::sync::{Arc, Once};

use gptbots_stand_in::StandIn;
use sandbox::{Options, Sandbox};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::{LocalSet, spawn_local};

use crate::console::Console;
use crate::driver::Driver;
use crate::installed::Installed;
use crate::user::User;
use crate::window::Window;

/// One story at a time: a browser takes more than a core, and its speed is measured.
static TURN: Mutex<()> = Mutex::const_new(());

/// A running bridge and a browser.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) driver: Arc<Driver>,
}

impl Stage {
    /// A window with the page of this user.
    pub(crate) async fn user(&self, key: &str) -> User {
        let url = format!("{}/?user={key}", self.sandbox.gptbots_url());
        User::at(Window::open(&self.driver, &url).await).await
    }

    /// A window with the console.
    pub(crate) async fn console(&self) -> Console {
        Console::at(Window::open(&self.driver, &self.sandbox.console_url()).await).await
    }

    /// A window with the console of an agent of this name.
    pub(crate) async fn agent(&self, name: &str) -> Console {
        let window = Window::open(&self.driver, "about:blank").await;
        window.devtools("Network.enable", json!({})).await;
        // All windows share their cookies; what a window adds to its requests is its own.
        let headers = json!({"headers": {"Cookie": format!("sandbox-agent={name}")}});
        window
            .devtools("Network.setExtraHTTPHeaders", headers)
            .await;
        window.goto(&self.sandbox.console_url()).await;
        Console::at(window).await
    }

    /// The other side of the user's page.
    pub(crate) fn gptbots(&self) -> &StandIn {
        self.sandbox.gptbots.as_ref().unwrap()
    }
}

/// Plays a story; what it did not expect in the browser's console is a failure as well.
///
/// `expected` are parts of complaints that belong to the story.
pub(crate) async fn play<F>(
    name: &str,
    options: Options,
    expected: &[&str],
    story: impl FnOnce(Stage) -> F,
) where
    F: Future<Output = ()> + 'static,
{
    let Some(installed) = Installed::find() else {
        return skip();
    };
    let _turn = TURN.lock().await;
    let stage = Stage {
        sandbox: Arc::new(Sandbox::start(options).await.unwrap()),
        driver: Arc::new(Driver::start(&installed).await),
    };
    // As a task, so that a panic can be looked at before it goes on.
    let task = story(stage.clone());
    let outcome = LocalSet::new()
        .run_until(async { spawn_local(task).await })
        .await;
    let mut complaints = stage.driver.complaints().await;
    complaints.retain(|complaint| !expected.iter().any(|known| complaint.contains(known)));
    if outcome.is_err() || !complaints.is_empty() {
        keep_pictures(name, &stage.driver).await;
    }
    // Before the bridge: a page that loses its server complains.
    drop(stage.driver);
    if let Ok(sandbox) = Arc::try_unwrap(stage.sandbox) {
        sandbox.shutdown().await;
    }
    if let Err(failed) = outcome {
        // They may say why.
        for complaint in complaints {
            say(&format!("{name}: {complaint}"));
        }
        resume_unwind(failed.into_panic());
    }
    assert!(
        complaints.is_empty(),
        "the browser complains: {complaints:#?}"
    );
}

/// Keeps a picture of a window in the folder that `HANDOFF_PICTURES` names, for people to look at.
pub(crate) async fn picture(name: &str, window: &Window) {
    let Some(folder) = env::var_os("HANDOFF_PICTURES") else {
        return;
    };
    let picture = window.picture().await.unwrap();
    std::fs::write(
        std::path::Path::new(&folder).join(format!("{name}.png")),
        picture,
    )
    .unwrap();
}

/// A line on stderr. A test's own is shown only when it fails; this one is for everybody.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn skip() {
    static SAID: Once = Once::new();
    const REASON: &str = "no chromedriver and Chromium on this machine";
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "the browser tests must run here, but there is {REASON}"
    );
    SAID.call_once(|| say(&format!("browser tests skipped: {REASON}")));
}

/// What all windows look like, for those who look into a failure.
async fn keep_pictures(name: &str, driver: &Arc<Driver>) {
    let mut said = format!("{name}: pictures of the failure:");
    for (number, window) in Window::all(driver).await.into_iter().enumerate() {
        let path = env::temp_dir().join(format!("handoff-{name}-{number}.png"));
        let kept = match window.picture().await {
            Ok(picture) => std::fs::write(&path, picture).map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        let _ = match kept {
            Ok(()) => write!(said, " {}", path.display()),
            Err(error) => write!(said, " (none: {error})"),
        };
    }
    say(&said);
}
