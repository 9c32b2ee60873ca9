//! What triggers send: bodies that `docs/desks/zendesk.md` gives to paste.
//!
//! Everything that people wrote is put through Liquid's `url_encode`, so that neither quotes nor
//! line breaks can break the JSON. Who updates a ticket through the API is named as its current
//! user, so our own user is left out here, too, whatever the trigger's conditions say.

use serde_json::Value;
use url::form_urlencoded;

use super::config::Config;
use super::event::{is_over, not_an_agents};
use super::opening::OURS;
use super::webhook::id;
use super::{files, markdown};
use crate::conversation::Agent;
use crate::desk::{AgentLine, DeskEvent, Unreadable, What};

/// The member that tells a trigger's body from an event, and says what happened.
pub(super) const MARK: &str = "handoff";

/// What happened, in order: a reply that solves the ticket is a message and then the end.
pub(super) fn parse(
    config: &Config,
    invocation: &str,
    body: &Value,
) -> Result<Vec<DeskEvent>, Unreadable> {
    let kind = body[MARK].as_str().ok_or_else(|| missing(MARK))?;
    if !text(body, "external_id")?.starts_with(OURS) {
        return Ok(Vec::new());
    }
    let reference = id(body.get("ticket")).ok_or_else(|| missing("ticket"))?;
    let status = body["status"].as_str().unwrap_or_default();
    let whats = match kind {
        "reply" => {
            let line = reply(config, body)?;
            let ends = matches!(line, What::Message(_)) && is_over(status);
            let end = ends.then(|| agent(body)).transpose()?;
            let mut whats = vec![line];
            whats.extend(end.map(|agent| What::Closed { agent }));
            whats
        }
        "ended" => vec![ended(config, body)?],
        "assigned" => vec![assigned(config, body)?],
        _ => return Err(Unreadable(format!("{MARK}: not reply, ended or assigned"))),
    };
    let events = whats.into_iter().enumerate().map(|(n, what)| DeskEvent {
        reference: reference.clone(),
        id: format!("invocation-{invocation}-{n}"),
        at: None,
        what,
    });
    Ok(events.collect())
}

fn reply(config: &Config, body: &Value) -> Result<What, Unreadable> {
    let written = decoded(text(body, "text")?);
    let Some(agent) = agent(body)? else {
        return Ok(What::Ignored("a comment of nobody"));
    };
    if let Some(why) = not_an_agents(config, &agent.id, &written) {
        return Ok(What::Ignored(why));
    }
    let (mut plain, mut files) = markdown::to_plain(config, &written);
    let given = body["files"].as_str().unwrap_or_default();
    for (name, url) in form_urlencoded::parse(given.as_bytes()) {
        if files::is_attachment(config, &url) {
            files.push(files::at_desk(config, &name, &url));
        } else if !url.is_empty() {
            // An account whose Zendesk is at an address of its own.
            plain.push_str(&format!("\n{name} ({url})"));
        }
    }
    Ok(What::Message(AgentLine {
        agent,
        text: plain.trim().to_owned(),
        files,
        incomplete: false,
    }))
}

fn ended(config: &Config, body: &Value) -> Result<What, Unreadable> {
    let agent = agent(body)?;
    if agent
        .as_ref()
        .is_some_and(|agent| agent.id == config.user_id)
    {
        return Ok(What::Ignored("a status that we have set"));
    }
    let agent = agent.filter(|agent| !agent.id.starts_with('-'));
    Ok(What::Closed { agent })
}

fn assigned(config: &Config, body: &Value) -> Result<What, Unreadable> {
    Ok(match agent(body)? {
        None => What::Ignored("nobody has the ticket"),
        Some(agent) if agent.id == config.user_id => What::Ignored("an assignment of our own"),
        Some(agent) => What::Assigned(agent),
    })
}

/// The agent; `None` where the placeholder had nothing to put in.
fn agent(body: &Value) -> Result<Option<Agent>, Unreadable> {
    let name = decoded(text(body, "name")?).trim().to_owned();
    text(body, "agent")?;
    Ok(id(body.get("agent")).map(|id| Agent {
        name: if name.is_empty() {
            format!("Agent {id}")
        } else {
            name
        },
        id,
    }))
}

/// Undoes Liquid's `url_encode`, which writes a space as `+`.
fn decoded(text: &str) -> String {
    let field = format!("t={text}");
    let mut pairs = form_urlencoded::parse(field.as_bytes());
    let decoded = pairs.next().map(|(_, text)| text.into_owned());
    decoded.unwrap_or_default().replace("\r\n", "\n")
}

fn text<'a>(body: &'a Value, member: &str) -> Result<&'a str, Unreadable> {
    body[member].as_str().ok_or_else(|| missing(member))
}

fn missing(member: &str) -> Unreadable {
    Unreadable(format!("{member}: missing"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::config;
    use super::*;

    fn sent(body: &Value) -> Result<Vec<DeskEvent>, Unreadable> {
        parse(config(), "83", body)
    }

    fn body(kind: &str, status: &str, agent: &str) -> Value {
        json!({
            "handoff": kind, "ticket": "35", "external_id": "gptbots-0f-1", "status": status,
            "agent": agent, "name": "Ann+Agent",
            "text": "Hi+%22Bob%22%2C%0Asee+%5Bthe+guide%5D%28https%3A%2F%2Fx.example%2F%3Fa%3D1%26b%3D2%29",
            "files": "a+b.png=https%3A%2F%2Facme.zendesk.com%2Fattachments%2Ftoken%2Fx%2F%3Fname%3Da&\
                      c.txt=https%3A%2F%2Fhelp.example%2Fattachments%2Fc&",
        })
    }

    #[test]
    fn a_reply_has_its_text_its_agent_and_its_files() {
        let events = sent(&body("reply", "Open", "8")).unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].reference, "35");
        assert_eq!(events[0].id, "invocation-83-0");
        let What::Message(line) = &events[0].what else {
            panic!()
        };
        assert_eq!(
            line.text,
            "Hi \"Bob\",\nsee the guide (https://x.example/?a=1&b=2)\nc.txt (https://help.example/attachments/c)"
        );
        assert_eq!(line.agent.name, "Ann Agent");
        assert_eq!(line.files.len(), 1);
        assert_eq!(line.files[0].name, "a b.png");
        assert!(!line.incomplete);
    }

    #[test]
    fn a_reply_that_solves_is_a_message_and_then_the_end() {
        let events = sent(&body("reply", "Solved", "8")).unwrap();
        assert!(matches!(events[0].what, What::Message(_)));
        assert!(matches!(events[1].what, What::Closed { .. }));
        assert_ne!(events[0].id, events[1].id);
    }

    #[test]
    fn what_our_own_user_does_is_an_echo() {
        for kind in ["reply", "ended", "assigned"] {
            let events = sent(&body(kind, "Solved", "7")).unwrap();
            assert_eq!(events.len(), 1);
            assert!(matches!(events[0].what, What::Ignored(_)), "{kind}");
        }
    }

    #[test]
    fn ends_and_assignments_name_who_it_was() {
        let events = sent(&body("ended", "Solved", "8")).unwrap();
        assert!(
            matches!(&events[0].what, What::Closed { agent: Some(agent) } if agent.name == "Ann Agent")
        );
        let events = sent(&body("ended", "Solved", "")).unwrap();
        assert_eq!(events[0].what, What::Closed { agent: None });
        let events = sent(&body("assigned", "Open", "8")).unwrap();
        assert!(matches!(&events[0].what, What::Assigned(agent) if agent.id == "8"));
        let events = sent(&body("assigned", "Open", "")).unwrap();
        assert!(matches!(events[0].what, What::Ignored(_)));
    }

    #[test]
    fn other_tickets_are_nothing_and_what_is_missing_is_named() {
        let mut other = body("reply", "Open", "8");
        other["external_id"] = json!("");
        assert_eq!(sent(&other), Ok(Vec::new()));
        for member in ["ticket", "external_id", "text", "name", "agent"] {
            let mut without = body("reply", "Open", "8");
            without.as_object_mut().unwrap().remove(member);
            assert_eq!(sent(&without).unwrap_err().0, format!("{member}: missing"));
        }
        assert!(sent(&body("else", "Open", "8")).is_err());
    }
}
