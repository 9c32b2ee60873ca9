//! What the tests of this desk share, and how it is made.

use serde_json::{Value, json};

use crate::desk::{DeskHttp, Desks};
use crate::outbound::Targets;
use crate::secrets::Secrets;
use crate::time::SystemClock;

pub(super) fn http() -> DeskHttp {
    DeskHttp::new(Targets::Local, SystemClock::shared()).unwrap()
}

pub(super) fn secret() -> Value {
    json!({
        "kind": "slack",
        "bot_token": "xoxb-1",
        "signing_secret": "s3",
        "channel": "C111",
    })
}

#[test]
fn a_deployment_can_have_several_workspaces() {
    let mut japan = secret();
    japan["channel"] = json!("C222");
    let mut wrong = secret();
    wrong["channel"] = json!("#support");
    let all = json!({"desks": {"slack": secret(), "slack-jp": japan, "slack-x": wrong}});
    let secrets = Secrets::parse(&all.to_string()).unwrap();
    let desks = Desks::of(&secrets, &http());
    assert!(desks.get("slack").is_ok() && desks.get("slack-jp").is_ok());
    let error = desks.get("slack-x").err().unwrap().to_string();
    assert!(error.contains("slack-x: channel must be an id"), "{error}");
}
