//! chromedriver: a child process that is spoken to as the WebDriver standard says, in JSON over
//! HTTP. The few commands the tests need are sent as they are.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::installed::Installed;

/// For chromedriver and Chromium to start, and for a page to load, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with its driver; both end with it.
#[derive(Debug)]
pub(crate) struct Driver {
    http: reqwest::Client,
    port: u16,
    session: String,
    /// Where the next command goes to. Held while it is under way: a browser does one at a time.
    place: Mutex<Place>,
    child: Child,
    /// Held open: chromedriver must be able to write to it.
    _stdout: BufReader<ChildStdout>,
    profile: TempDir,
}

/// A window, or a frame in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The window's handle.
    pub(crate) window: String,
    /// The frame's CSS selector.
    pub(crate) frame: Option<&'static str>,
}

impl Driver {
    /// Starts both, with an empty profile.
    pub(crate) async fn start(installed: &Installed) -> Self {
        // The client is made with TLS, though nothing here uses it. An error: somebody was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let (child, stdout, port) = chromedriver(installed).await;
        let mut driver = Self {
            http,
            port,
            session: String::new(),
            place: Mutex::default(),
            child,
            _stdout: stdout,
            profile: tempfile::tempdir().unwrap(),
        };
        driver.session = driver.new_session(installed).await;
        driver
    }

    async fn new_session(&self, installed: &Installed) -> String {
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-crash-reporter",
            "--disable-sync",
            "--no-first-run",
            "--no-proxy-server",
            "--lang=en-US",
            "--window-size=1280,900",
            // What is not on this machine does not exist.
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
        .map(str::to_owned)
        .into();
        let profile = self.profile.path().display();
        arguments.push(format!("--user-data-dir={profile}"));
        let wish = json!({"capabilities": {"alwaysMatch": {
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": installed.chromium, "args": arguments},
        }}});
        let made = self.post("/session", &wish).await.unwrap();
        made["sessionId"].as_str().unwrap().to_owned()
    }

    /// A command to the session as a whole.
    pub(crate) async fn command(&self, command: &str, body: &Value) -> Result<Value, String> {
        self.post(&format!("/session/{}/{command}", self.session), body)
            .await
    }

    /// The handles of all windows.
    pub(crate) async fn windows(&self) -> Result<Vec<String>, String> {
        let path = format!("/session/{}/window/handles", self.session);
        let handles = self.send(self.http.get(self.url(&path))).await?;
        serde_json::from_value(handles).map_err(|error| error.to_string())
    }

    /// A command to a window or frame.
    pub(crate) async fn command_at(
        &self,
        place: &Place,
        command: &str,
        body: &Value,
    ) -> Result<Value, String> {
        let mut current = self.place.lock().await;
        if *current != *place {
            // In between it is nowhere in particular.
            *current = Place::default();
            self.go(place).await?;
            *current = place.clone();
        }
        self.command(command, body).await
    }

    async fn go(&self, place: &Place) -> Result<(), String> {
        self.command("window", &json!({"handle": place.window}))
            .await?;
        self.command("frame", &json!({"id": null})).await?;
        if let Some(frame) = place.frame {
            let find = json!({"using": "css selector", "value": frame});
            let element = self.command("element", &find).await?;
            self.command("frame", &json!({"id": element})).await?;
        }
        Ok(())
    }

    /// What the browser's console says since the last time, in all windows: errors, warnings,
    /// violations of the content security policy, failed requests.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let log = match self.command("se/log", &json!({"type": "browser"})).await {
            Ok(log) => log,
            Err(gone) => return vec![gone],
        };
        let complaint = |entry: &Value| {
            let level = entry["level"].as_str()?;
            let message = entry["message"].as_str()?;
            matches!(level, "SEVERE" | "WARNING").then(|| format!("{level}: {message}"))
        };
        let entries = log.as_array().into_iter().flatten();
        entries.filter_map(complaint).collect()
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.send(self.http.post(self.url(path)).json(body)).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, String> {
        let answer = async {
            let response = request.send().await?;
            let worked = response.status().is_success();
            Ok::<_, reqwest::Error>((worked, response.json::<Value>().await?))
        };
        let (worked, mut answer) = answer.await.map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        if worked {
            return Ok(value);
        }
        // Behind the first line come the versions of everything and a backtrace.
        let message = value["message"].as_str().unwrap_or_default();
        Err(message.lines().next().unwrap_or_default().to_owned())
    }
}

impl Drop for Driver {
    /// chromedriver ends its browser when it is asked to end; killed, it would leave it behind.
    fn drop(&mut self) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let patience = Duration::from_secs(5);
        if let Ok(mut stream) = TcpStream::connect_timeout(&address, patience) {
            let _ = stream.set_read_timeout(Some(patience));
            let _ = stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
            // Until it hangs up, which it does when all is over.
            let _ = stream.read_to_end(&mut Vec::new());
        }
        let _ = self.child.start_kill();
    }
}

/// Starts chromedriver on a free port.
async fn chromedriver(installed: &Installed) -> (Child, BufReader<ChildStdout>, u16) {
    let program = &installed.chromedriver;
    let mut said = String::new();
    // It wants one port for both versions of IP and gives up when it is free for one only.
    for _ in 0..5 {
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        said.clear();
        let port = tokio::time::timeout(PATIENCE, port(&mut stdout, &mut said)).await;
        match port {
            Ok(Some(port)) => return (child, stdout, port),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    panic!("{} did not start: {said}", program.display());
}

/// The port that chromedriver has chosen; `None` when it ended without one.
async fn port(stdout: &mut BufReader<ChildStdout>, said: &mut String) -> Option<u16> {
    loop {
        let before = said.len();
        if stdout.read_line(said).await.unwrap() == 0 {
            return None;
        }
        let line = said[before..].trim_end().trim_end_matches('.');
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.parse().ok();
        }
    }
}
