//! A window of the browser, or a frame in one: what a person does and sees there.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::driver::{Driver, Place};

/// The key that WebDriver names an element by.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long what is to be clicked may take to come.
const CLICK_PATIENCE: Duration = Duration::from_secs(20);

/// The Enter key, as WebDriver writes it.
pub(crate) const ENTER: &str = "\u{e007}";
/// The Escape key.
pub(crate) const ESCAPE: &str = "\u{e00c}";
/// The Tab key.
pub(crate) const TAB: &str = "\u{e004}";
/// The End key.
pub(crate) const END: &str = "\u{e010}";
/// The arrow down.
pub(crate) const DOWN: &str = "\u{e015}";

/// A window or frame.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    driver: Arc<Driver>,
    place: Place,
}

impl Window {
    /// A new window with this page. Not a tab: pages in the background slow down.
    pub(crate) async fn open(driver: &Arc<Driver>, url: &str) -> Self {
        let made = driver
            .command("window/new", &json!({"type": "window"}))
            .await
            .unwrap();
        let window = Self {
            driver: driver.clone(),
            place: Place {
                window: made["handle"].as_str().unwrap().to_owned(),
                frame: None,
            },
        };
        window.goto(url).await;
        window
    }

    /// All windows there are.
    pub(crate) async fn all(driver: &Arc<Driver>) -> Vec<Self> {
        let window = |window| Self {
            driver: driver.clone(),
            place: Place {
                window,
                frame: None,
            },
        };
        let handles = driver.windows().await.unwrap_or_default();
        handles.into_iter().map(window).collect()
    }

    /// A frame of this window.
    pub(crate) fn frame(&self, css: &'static str) -> Self {
        let mut frame = self.clone();
        frame.place.frame = Some(css);
        frame
    }

    /// Loads a page.
    pub(crate) async fn goto(&self, url: &str) {
        self.command("url", json!({"url": url})).await;
    }

    /// Clicks on an element as a mouse does: one that is hidden or covered cannot be clicked. What is
    /// only about to come, or to be uncovered, is waited for, as a person would.
    pub(crate) async fn click(&self, css: &str) {
        let until = tokio::time::Instant::now() + CLICK_PATIENCE;
        loop {
            match self.try_click(css).await {
                Ok(()) => return,
                Err(error) if tokio::time::Instant::now() > until => panic!("click {css}: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn try_click(&self, css: &str) -> Result<(), String> {
        let find = json!({"using": "css selector", "value": css});
        let found = self.driver.command_at(&self.place, "element", &find);
        let found = found.await?;
        let element = found[ELEMENT].as_str().ok_or("no element")?;
        let click = format!("element/{element}/click");
        self.driver
            .command_at(&self.place, &click, &json!({}))
            .await?;
        Ok(())
    }

    /// Presses keys in an element.
    pub(crate) async fn press(&self, css: &str, keys: &str) {
        let element = self.find(css).await;
        self.command(&format!("element/{element}/value"), json!({"text": keys}))
            .await;
    }

    /// Writes into an element at once, as an input method does: chromedriver's keyboard has no
    /// emoji.
    pub(crate) async fn write(&self, css: &str, text: &str) {
        self.click(css).await;
        self.devtools("Input.insertText", json!({"text": text}))
            .await;
    }

    /// Presses keys wherever the keyboard is.
    pub(crate) async fn type_keys(&self, keys: &str) {
        let down = |key: char| json!({"type": "keyDown", "value": key.to_string()});
        let up = |key: char| json!({"type": "keyUp", "value": key.to_string()});
        let actions: Vec<Value> = keys.chars().flat_map(|key| [down(key), up(key)]).collect();
        let body = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.command("actions", body).await;
    }

    /// The text that an element shows.
    pub(crate) async fn text(&self, css: &str) -> String {
        let css = json!(css);
        self.run(&format!(
            "return document.querySelector({css})?.innerText ?? ''"
        ))
        .await
    }

    /// Cuts the window off the network, or connects it again.
    pub(crate) async fn network(&self, on: bool) {
        let conditions = json!({
            "offline": !on, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.devtools("Network.emulateNetworkConditions", conditions)
            .await;
    }

    /// Runs the body of a function in the page. The content security policy does not hold here.
    pub(crate) async fn run<T: DeserializeOwned>(&self, script: &str) -> T {
        let body = json!({"script": script, "args": []});
        let value = self.command("execute/sync", body).await;
        let shown = value.to_string();
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {shown}"))
    }

    /// The same in a page that may be on its way to another one: `None` if it is, or if the script
    /// fails there.
    pub(crate) async fn try_run<T: DeserializeOwned>(&self, script: &str) -> Option<T> {
        let body = json!({"script": script, "args": []});
        let answer = self.driver.command_at(&self.place, "execute/sync", &body);
        serde_json::from_value(answer.await.ok()?).ok()
    }

    /// A command of the browser's developer tools.
    pub(crate) async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.command("goog/cdp/execute", body).await;
    }

    /// Makes the window's inside this large, to the pixel.
    pub(crate) async fn size(&self, width: u32, height: u32, mobile: bool) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Makes the page believe that the system is set to this colour scheme.
    pub(crate) async fn colours(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features}))
            .await;
    }

    /// What the window looks like, as PNG.
    pub(crate) async fn picture(&self) -> Result<Vec<u8>, String> {
        let capture = json!({"cmd": "Page.captureScreenshot", "params": {}});
        let shot = self
            .driver
            .command_at(&self.place, "goog/cdp/execute", &capture)
            .await?;
        let data = shot["data"].as_str().unwrap_or_default();
        BASE64.decode(data).map_err(|error| error.to_string())
    }

    async fn find(&self, css: &str) -> String {
        let find = json!({"using": "css selector", "value": css});
        let found = self.command("element", find).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    async fn command(&self, command: &str, body: Value) -> Value {
        self.driver
            .command_at(&self.place, command, &body)
            .await
            .unwrap_or_else(|error| panic!("{command} {body}: {error}"))
    }
}
