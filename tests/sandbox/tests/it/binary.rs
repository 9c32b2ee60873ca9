//! The sandbox's own binary: its line, its flags, its end, and what survives a kill.

use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use local_aws::dynamodb::EmbeddedDynamoDb;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::http::{Http, until};
use crate::outage::GptBots;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

/// Starts a sandbox on ports of the system's choice and waits for its line.
pub(crate) async fn start(arguments: &[&str]) -> (Child, String) {
    // What is given last counts.
    let mut child = command(&["--port", "0", "--gptbots-port", "0", "--token", "T"])
        .args(arguments)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).await.unwrap();
    assert!(line.starts_with("READY bridge=http://127.0.0.1:"), "{line}");
    (child, line.trim().to_owned())
}

fn part(line: &str, name: &str) -> String {
    let name = format!("{name}=");
    line.split(' ')
        .find_map(|word| word.strip_prefix(&name))
        .unwrap()
        .to_owned()
}

fn http(line: &str) -> Http {
    Http::new(part(line, "bridge"), part(line, "console"))
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_when_it_is_up_and_stops_cleanly() {
    let (mut child, line) = start(&[]).await;
    assert!(part(&line, "bridge").ends_with("/T"), "{line}");
    assert!(part(&line, "console").ends_with("/console"), "{line}");
    assert!(
        part(&line, "gptbots").starts_with("http://127.0.0.1:"),
        "{line}"
    );
    http(&line).establish("c", 1).await;
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .await
        .unwrap();
    assert!(sent.success());
    let ended = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
    assert!(ended.expect("it ends").unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_an_agent_by_default_where_agents_sign_in() {
    for (flags, expected) in [
        (&[][..], 200),
        (&["--sign-in", "--sign-in-port", "0"][..], 401),
    ] {
        let (_child, line) = start(flags).await;
        assert_eq!(line.split(' ').count(), 4, "{line}");
        let me = format!("{}/api/me", part(&line, "console"));
        http(&line);
        assert_eq!(reqwest::get(me).await.unwrap().status(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_a_clear_error() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (flag, other) in [("--port", "--gptbots-port"), ("--gptbots-port", "--port")] {
        let output = command(&[flag, &port, other, "0"]).output().await.unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains(&format!("port {port} cannot be used")),
            "{said}"
        );
        assert!(said.trim_end().ends_with(flag), "{said}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_arguments_are_named() {
    for (arguments, expected) in [
        (
            ["--secrets-json", "{"],
            "--secrets-json: the secret is not valid",
        ),
        (["--desk", "fax"], "--desk: \"fax\" is none of console, "),
        (["--token", "a/b"], "--token must consist of"),
    ] {
        let mut all = vec!["--port", "0", "--gptbots-port", "0"];
        all.extend(arguments);
        let output = command(&all).output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            !output.status.success() && said.contains(expected),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_makes_the_table_in_another_dynamodb_and_runs_on_it() {
    let other = EmbeddedDynamoDb::start(None).await.unwrap();
    let url = other.endpoint_url().to_owned();
    let arguments = ["create-table", "--dynamodb-url", &url, "--table", "mine"];
    for expected in ["created", "was there already"] {
        let output = command(&arguments).output().await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), expected);
    }
    let (_child, line) = start(&["--dynamodb-url", &url]).await;
    let http = http(&line);
    http.establish("c", 1).await;
    http.chat("c", 2, "through the other one's stream").await;
    until("carried", async || {
        http.delivered("c", "user").await.len() == 1
    })
    .await;
    let tables = other.client().list_tables().send().await.unwrap();
    let names = tables.table_names().to_vec();
    assert!(names.contains(&"mine".to_owned()) && names.contains(&"conversations".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_what_was_accepted_is_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.sqlite");
    let data = data.to_str().unwrap();
    let (gptbots, url) = GptBots::start().await;
    let arguments = ["--data", data, "--gptbots-url", &url];
    let (mut child, line) = start(&arguments).await;
    let before = http(&line);
    before.establish("c", 1).await;
    let lines: Vec<String> = (0..8).map(|n| format!("line {n}")).collect();
    for line in &lines {
        assert_eq!(before.say("c", line).await.0, 200);
        before.chat("c", 2 + lines.len() as i64, line).await;
    }
    // In the middle of its attempts: GPTBots answers 503.
    child.start_kill().unwrap();
    let status = child.wait().await.unwrap();
    assert!(!status.success());
    gptbots.up.store(true, Ordering::SeqCst);

    let (mut child, line) = start(&arguments).await;
    let after = http(&line);
    until("the user has all", async || {
        gptbots.took("c").len() > lines.len()
    })
    .await;
    // The first is the greeting; killed while it was sent, it may have come twice.
    let took = gptbots.took("c");
    assert_eq!(took[took.len() - lines.len()..], lines);
    until("the agent has all", async || {
        after.delivered("c", "user").await.len() == lines.len()
    })
    .await;
    child.start_kill().unwrap();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .await
        .unwrap();
    assert!(
        !said.contains("line 3"),
        "texts stay out of the log: {said}"
    );
}
