//! Events that a webhook has subscribed to ("Webhook event types", ticket events).
//!
//! They come for every ticket of the account, in no sure order, and once more after a failure with
//! the same `id`.

use serde_json::Value;

use super::config::Config;
use super::files;
use super::markdown;
use super::opening::{BEGINNING, OURS};
use super::webhook::{id, millis};
use crate::conversation::Agent;
use crate::desk::{AgentLine, DeskEvent, Unreadable, What};

const OUR_OWN: &str = "a comment of our own";

const PREFIX: &str = "zen:event-type:ticket.";

/// What happened; `None` where the ticket is none of ours.
pub(super) fn parse(config: &Config, body: &Value) -> Result<Option<DeskEvent>, Unreadable> {
    let kind = body["type"].as_str().ok_or_else(|| missing("type"))?;
    let detail = &body["detail"];
    if !detail["external_id"]
        .as_str()
        .is_some_and(|id| id.starts_with(OURS))
    {
        return Ok(None);
    }
    let reference = id(detail.get("id")).ok_or_else(|| missing("detail.id"))?;
    let event_id = id(body.get("id")).ok_or_else(|| missing("id"))?;
    let event = &body["event"];
    let actor = id(detail.get("actor_id"));
    let (name, what) = match kind.strip_prefix(PREFIX) {
        Some("comment_added") => comment(config, &reference, event)?,
        Some("status_changed") => (format!("event-{event_id}"), status(config, event, actor)?),
        Some("agent_assignment_changed") => {
            (format!("event-{event_id}"), assignment(config, event))
        }
        _ => {
            let what = What::Ignored("an event that changes nothing here");
            (format!("event-{event_id}"), what)
        }
    };
    Ok(Some(DeskEvent {
        reference,
        id: name,
        at: body["time"].as_str().and_then(millis),
        what,
    }))
}

/// A comment goes by its own id: that is what it stays, whatever it is told by.
fn comment(config: &Config, ticket: &str, event: &Value) -> Result<(String, What), Unreadable> {
    let comment = &event["comment"];
    let comment_id = id(comment.get("id")).ok_or_else(|| missing("event.comment.id"))?;
    let what = line(config, ticket, comment, &comment_id)?;
    Ok((format!("comment-{comment_id}"), what))
}

fn line(
    config: &Config,
    ticket: &str,
    comment: &Value,
    comment_id: &str,
) -> Result<What, Unreadable> {
    let author = id(comment["author"].get("id"));
    let author = author.ok_or_else(|| missing("event.comment.author.id"))?;
    if author == config.user_id {
        return Ok(What::Ignored(OUR_OWN));
    }
    let public = comment["is_public"].as_bool();
    if !public.ok_or_else(|| missing("event.comment.is_public"))? {
        return Ok(What::PrivateNote);
    }
    let body = comment["body"].as_str();
    let body = body.ok_or_else(|| missing("event.comment.body"))?;
    if let Some(why) = not_an_agents(config, &author, body) {
        return Ok(What::Ignored(why));
    }
    if comment["author"]["is_staff"].as_bool() != Some(true) {
        return Ok(What::Ignored("a comment of somebody who is no agent"));
    }
    let (text, mut files) = markdown::to_plain(config, body);
    // The event does not name attachments; the ticket does.
    files.push(files::of_comment(config, ticket, comment_id));
    let name = comment["author"]["name"].as_str().unwrap_or_default();
    Ok(What::Message(AgentLine {
        agent: Agent {
            name: name.trim().to_owned(),
            id: author,
        },
        text,
        files,
        incomplete: true,
    }))
}

/// Why a public comment is not carried, going by who wrote it and how it begins.
pub(super) fn not_an_agents(config: &Config, author: &str, text: &str) -> Option<&'static str> {
    if author == config.user_id {
        Some(OUR_OWN)
    } else if author.starts_with('-') {
        // Zendesk's own automatic user is -1.
        Some("a comment of Zendesk itself")
    } else if text.starts_with(BEGINNING) {
        Some("the beginning of a ticket of ours")
    } else {
        None
    }
}

fn status(config: &Config, event: &Value, actor: Option<String>) -> Result<What, Unreadable> {
    let status = event["current"].as_str();
    let status = status.ok_or_else(|| missing("event.current"))?;
    if !is_over(status) {
        return Ok(What::Ignored("a status in which the chat goes on"));
    }
    if actor.as_deref() == Some(&config.user_id) {
        return Ok(What::Ignored("a status that we have set"));
    }
    let agent = actor.filter(|id| !id.starts_with('-')).map(unnamed);
    Ok(What::Closed { agent })
}

/// Whether the chat is over with this status: capitals in events, small letters elsewhere.
pub(super) fn is_over(status: &str) -> bool {
    ["solved", "closed"]
        .iter()
        .any(|over| over.eq_ignore_ascii_case(status))
}

fn assignment(config: &Config, event: &Value) -> What {
    match id(event.get("current")) {
        None => What::Ignored("nobody has the ticket"),
        Some(id) if id == config.user_id => What::Ignored("an assignment of our own"),
        Some(id) => What::Assigned(unnamed(id)),
    }
}

/// An agent of whom the event has only the id.
fn unnamed(id: String) -> Agent {
    Agent {
        name: format!("Agent {id}"),
        id,
    }
}

fn missing(member: &str) -> Unreadable {
    Unreadable(format!("{member}: missing"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::config;
    use super::*;

    fn body(kind: &str, event: Value) -> Value {
        json!({
            "account_id": 1, "id": "e-1", "subject": "zen:ticket:35436",
            "time": "2021-03-25T05:09:27.5Z", "type": format!("zen:event-type:ticket.{kind}"),
            "zendesk_event_version": "2022-11-06",
            "detail": {"id": "35436", "external_id": "gptbots-0f-1", "status": "OPEN", "actor_id": "8"},
            "event": event,
        })
    }

    fn added(public: bool, staff: bool, author: &str) -> Value {
        json!({"comment": {
            "id": "77", "body": "Hi **there**", "is_public": public,
            "author": {"id": author, "is_staff": staff, "name": "Ann Agent"},
        }})
    }

    fn what(kind: &str, event: Value) -> What {
        parse(config(), &body(kind, event)).unwrap().unwrap().what
    }

    #[test]
    fn an_agents_public_comment_is_a_message() {
        let event = parse(config(), &body("comment_added", added(true, true, "8")));
        let event = event.unwrap().unwrap();
        assert_eq!(event.reference, "35436");
        assert_eq!(event.id, "comment-77");
        assert_eq!(event.at, Some(1_616_648_967_500));
        let What::Message(line) = event.what else {
            panic!("{:?}", event.what)
        };
        assert_eq!(
            (line.agent.id.as_str(), line.agent.name.as_str()),
            ("8", "Ann Agent")
        );
        assert_eq!(line.text, "Hi there");
        assert!(line.incomplete);
    }

    #[test]
    fn nobody_elses_comment_reaches_the_user() {
        assert_eq!(
            what("comment_added", added(false, true, "8")),
            What::PrivateNote
        );
        for comment in [
            added(true, false, "9"),
            // Our own user, though an agent; Zendesk's.
            added(true, true, "7"),
            added(false, true, "7"),
            added(true, true, "-1"),
        ] {
            assert!(matches!(what("comment_added", comment), What::Ignored(_)));
        }
        let mut first = added(true, true, "8");
        first["comment"]["body"] = json!(format!("{BEGINNING}\nName: x"));
        assert!(matches!(what("comment_added", first), What::Ignored(_)));
        for kind in [
            "comment_made_private",
            "comment_redacted",
            "tags_changed",
            "attachment_linked_to_comment",
        ] {
            assert!(matches!(
                what(kind, added(true, true, "8")),
                What::Ignored(_)
            ));
        }
    }

    #[test]
    fn solved_and_closed_end_it_and_nothing_else_does() {
        for over in ["SOLVED", "CLOSED", "solved"] {
            let What::Closed { agent } = what(
                "status_changed",
                json!({"current": over, "previous": "OPEN"}),
            ) else {
                panic!("{over}")
            };
            assert_eq!(agent.unwrap().id, "8");
        }
        for goes_on in ["NEW", "OPEN", "PENDING", "HOLD"] {
            let what = what(
                "status_changed",
                json!({"current": goes_on, "previous": "SOLVED"}),
            );
            assert!(matches!(what, What::Ignored(_)), "{goes_on}");
        }
        let mut ours = body("status_changed", json!({"current": "SOLVED"}));
        ours["detail"]["actor_id"] = json!(7);
        let event = parse(config(), &ours).unwrap().unwrap();
        assert!(matches!(event.what, What::Ignored(_)));
        let mut automatic = body("status_changed", json!({"current": "SOLVED"}));
        automatic["detail"]["actor_id"] = json!("-1");
        let event = parse(config(), &automatic).unwrap().unwrap();
        assert_eq!(event.what, What::Closed { agent: None });
    }

    #[test]
    fn an_assignment_is_a_claim() {
        let What::Assigned(agent) = what(
            "agent_assignment_changed",
            json!({"current": "8", "previous": null}),
        ) else {
            panic!()
        };
        assert_eq!(agent.id, "8");
        for nobody in [json!({"current": null}), json!({"current": "7"}), json!({})] {
            assert!(matches!(
                what("agent_assignment_changed", nobody),
                What::Ignored(_)
            ));
        }
    }

    #[test]
    fn tickets_that_are_not_ours_are_nothing_at_all() {
        for other in [json!(null), json!("TEST1234"), json!("")] {
            let mut body = body("comment_added", added(true, true, "8"));
            body["detail"]["external_id"] = other;
            assert_eq!(parse(config(), &body), Ok(None));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut without = body("comment_added", added(true, true, "8"));
        without["event"]["comment"]
            .as_object_mut()
            .unwrap()
            .remove("id");
        assert_eq!(
            parse(config(), &without).unwrap_err().0,
            "event.comment.id: missing"
        );
        let mut without = body("comment_added", added(true, true, "8"));
        without["event"]["comment"]
            .as_object_mut()
            .unwrap()
            .remove("is_public");
        assert_eq!(
            parse(config(), &without).unwrap_err().0,
            "event.comment.is_public: missing"
        );
        let mut without = body("status_changed", json!({}));
        without.as_object_mut().unwrap().remove("id");
        assert_eq!(parse(config(), &without).unwrap_err().0, "id: missing");
    }
}
