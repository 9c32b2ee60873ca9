//! What agents see.

use super::state::{API_USER, Attachment, Comment, Said, State, Ticket};
use crate::{From, Seen, SeenLine};

impl Said {
    /// As it came.
    pub(super) fn source(&self) -> &str {
        match self {
            Self::Html(text) | Self::Markdown(text) | Self::Typed(text, _) => text,
        }
    }

    /// As the API and events give it: Markdown.
    pub(super) fn body(&self) -> String {
        match self {
            Self::Html(html) => paragraphs(html).join("\n\n"),
            Self::Markdown(body) | Self::Typed(_, body) => body.clone(),
        }
    }

    /// The paragraphs that are shown.
    fn shown(&self) -> Vec<String> {
        match self {
            Self::Html(html) => paragraphs(html),
            Self::Markdown(text) | Self::Typed(text, _) => vec![text.clone()],
        }
    }

    /// What the writer did not mean.
    fn accident(&self) -> Option<String> {
        match self {
            Self::Html(html) => {
                let bare = ["<p>", "</p>", "<br>"]
                    .iter()
                    .fold(html.clone(), |html, tag| html.replace(tag, ""));
                let tag = bare.split('<').nth(1);
                let tag = tag
                    .map(|rest| format!("markup: <{}", rest.split('>').next().unwrap_or_default()));
                tag.or_else(|| placeholder(html))
            }
            Self::Markdown(text) if text.contains(['*', '_', '`', '[', '#', '<']) => {
                Some("read as Markdown".to_owned())
            }
            Self::Markdown(text) => placeholder(text),
            Self::Typed(..) => None,
        }
    }
}

fn placeholder(text: &str) -> Option<String> {
    let found = ["{{", "{%"]
        .iter()
        .any(|mark| unescaped(text).contains(mark));
    found.then(|| "a placeholder that Zendesk fills in".to_owned())
}

impl Attachment {
    /// Where it can be had.
    pub(super) fn url(&self, base_url: &str) -> String {
        let name: String = url::form_urlencoded::byte_serialize(self.name.as_bytes()).collect();
        format!("{base_url}/attachments/token/{}/?name={name}", self.token)
    }
}

pub(super) fn conversations(state: &State) -> Vec<Seen> {
    state
        .tickets
        .iter()
        .map(|ticket| seen(state, ticket))
        .collect()
}

pub(super) fn seen(state: &State, ticket: &Ticket) -> Seen {
    let name = state.user(ticket.requester).map(|user| user.name.as_str());
    // The first comment is the ticket's description.
    let description = ticket.comments.first().map(|comment| comment.said.shown());
    let description = description.unwrap_or_default().into_iter().next();
    Seen {
        reference: ticket.id.to_string(),
        person: Some(ticket.requester.to_string()),
        about: format!(
            "{}\n{}\n{}",
            name.unwrap_or_default(),
            unseen(&ticket.subject),
            description.unwrap_or_default()
        ),
        lines: ticket
            .comments
            .iter()
            .flat_map(|comment| lines(ticket, comment))
            .collect(),
        closed: matches!(ticket.status.as_str(), "solved" | "closed"),
    }
}

fn lines(ticket: &Ticket, comment: &Comment) -> Vec<SeenLine> {
    let from = match (comment.author, comment.public) {
        (author, _) if author == ticket.requester => From::User,
        (API_USER, _) => From::Bridge,
        (_, true) => From::Agent,
        (_, false) => From::Note,
    };
    let accident = comment.said.accident();
    let files = comment.attachments.iter().map(|file| file.name.clone());
    let shown = comment.said.shown().into_iter().chain(files);
    shown
        .map(|text| SeenLine {
            from,
            text,
            accident: accident.clone(),
        })
        .collect()
}

/// The paragraphs of a comment's HTML, as a browser shows them.
fn paragraphs(html: &str) -> Vec<String> {
    let inner = html.replace("</p>", "");
    let inner = inner.strip_prefix("<p>").unwrap_or(&inner);
    let shown = inner.split("<p>").map(|text| unseen(&unescaped(text)));
    shown.collect()
}

fn unescaped(html: &str) -> String {
    html.replace("<br>", "\n")
        .replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

/// Without what nobody sees.
fn unseen(text: &str) -> String {
    text.replace('\u{2060}', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accidents_are_seen() {
        let accident = |html: &str| Said::Html(html.into()).accident();
        assert_eq!(accident("<p>a &lt;b&gt;<br>c</p>"), None);
        assert_eq!(accident("<p>a <b>c</b></p>").as_deref(), Some("markup: <b"));
        assert!(accident("<p>{{ticket.id}}</p>").is_some());
        assert!(accident("<p>{\u{2060}{ticket.id}}</p>").is_none());
        assert!(Said::Markdown("*a*".into()).accident().is_some());
    }

    #[test]
    fn what_is_shown_is_read_as_a_browser_reads_it() {
        let said = Said::Html("<p>1 &lt; 2<br>&nbsp;x</p><p>{\u{2060}{y}}</p>".into());
        assert_eq!(said.shown(), ["1 < 2\n x", "{{y}}"]);
    }
}
