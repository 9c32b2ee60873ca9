//! The page on which one plays the agent.

use desk_stand_ins::{DeskStandIn as _, From};
use serde_json::{Value, json};

use super::support::{PLAIN, Stage};

#[tokio::test]
async fn the_page_plays_the_agent_and_keeps_foreign_pages_out() {
    let stage = Stage::new(PLAIN).await;
    let known = stage.opened().await;
    let reference = known.desk_ref.clone().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let base = stage.stand_in.page_url();
    let page = http.get(&base).send().await.unwrap();
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"));
    let html = page.text().await.unwrap();
    // Scripts and styles have files of their own; nothing comes from elsewhere.
    assert!(!html.contains("http") && !html.contains("style=") && !html.contains("<style"));
    assert_eq!(
        html.matches("<script").count(),
        html.matches("<script type=\"module\" src=").count()
    );
    for file in ["page/app.js", "page/style.css"] {
        let script = http.get(format!("{base}{file}")).send().await.unwrap();
        assert!(script.status().is_success());
        assert!(!script.text().await.unwrap().contains("innerHTML"));
    }
    let act = |name: &str| http.post(format!("{base}page/api/conversations/{reference}/{name}"));
    let said = act("say")
        .json(&json!({"text": "hello"}))
        .send()
        .await
        .unwrap();
    assert_eq!(
        said.json::<Value>().await.unwrap(),
        json!({"answers": [200]})
    );
    let listed = http
        .get(format!("{base}page/api/conversations"))
        .send()
        .await
        .unwrap();
    let listed: Value = listed.json().await.unwrap();
    assert_eq!(
        listed["conversations"][0]["lines"][1],
        json!({"from": "agent", "text": "hello"})
    );
    let form = act("say").body("text=hello").send().await.unwrap();
    assert_eq!(form.status(), 415);
    let rebound = act("say")
        .header("host", "evil.example")
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(rebound.status(), 403);
    let unknown = act("explode").json(&json!({})).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    let lines = stage.seen(&known).await.lines;
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1].from, From::Agent);
}
