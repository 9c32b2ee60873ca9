//! Agents' files.
//!
//! An event of a comment does not name its attachments, and the events that do cannot tell whether
//! the comment is public. So a line takes along where its comment is, and the ticket is asked
//! before the line goes to the user.

use reqwest::Url;
use serde::Deserialize;

use super::api::Api;
use super::config::Config;
use crate::desk::{AgentLine, Call, DeskError, DeskFile};

/// The name of what stands for a comment's attachments until they are known.
const UNKNOWN: &str = "attachments";

/// Where Zendesk has all attachments.
const ATTACHMENTS: &str = "/attachments/";

/// Where Zendesk sends who may have a file: its own storage, with a signed address.
const STORAGE: &str = ".zdusercontent.com";

/// How often a file is looked for elsewhere.
const MAX_REDIRECTS: usize = 3;

#[derive(Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
struct Attachment {
    file_name: String,
    content_url: String,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    /// Found by Zendesk's scan.
    #[serde(default)]
    malware_access_override: Option<bool>,
    #[serde(default)]
    malware_scan_result: Option<String>,
}

/// Stands for the attachments of a comment.
pub(super) fn of_comment(config: &Config, ticket: &str, comment: &str) -> DeskFile {
    DeskFile {
        name: UNKNOWN.to_owned(),
        content_type: None,
        bytes: None,
        url: format!("{}{comment}", comments_url(&config.base_url, ticket)),
        public: false,
    }
}

/// A file at Zendesk.
pub(super) fn at_desk(config: &Config, name: &str, url: &str) -> DeskFile {
    DeskFile {
        name: name.to_owned(),
        content_type: None,
        bytes: None,
        url: url.to_owned(),
        public: config.public_attachments,
    }
}

/// Whether an address is that of an attachment: of this account, or of one of its brands.
pub(super) fn is_attachment(config: &Config, url: &str) -> bool {
    let Some(url) = Url::parse(url).ok() else {
        return false;
    };
    let ours = Url::parse(&config.base_url).ok();
    let same = ours.is_some_and(|ours| ours.origin() == url.origin());
    let brand = url.scheme() == "https"
        && url
            .host_str()
            .is_some_and(|host| host.ends_with(".zendesk.com"));
    (same || brand) && url.path().starts_with(ATTACHMENTS)
}

/// Asks the ticket for the attachments that a line stands for.
pub(super) async fn complete(
    api: &Api,
    config: &Config,
    mut line: AgentLine,
) -> Result<AgentLine, DeskError> {
    line.incomplete = false;
    let (unknown, known) = line
        .files
        .into_iter()
        .partition::<Vec<_>, _>(|file| of_which(&api.base_url, file).is_some());
    line.files = known;
    for file in &unknown {
        let Some((ticket, comment)) = of_which(&api.base_url, file) else {
            continue;
        };
        match api.comments::<Comment>(&ticket).await {
            Ok(comments) => {
                let found = comments.into_iter().filter(|known| known.id == comment);
                for file in found.flat_map(|comment| comment.attachments) {
                    if is_malware(&file) {
                        let said = "\n[A file is not sent: Zendesk found malware in it]";
                        line.text.push_str(said);
                        continue;
                    }
                    line.files.push(DeskFile {
                        content_type: file.content_type,
                        bytes: file.size,
                        ..at_desk(config, &file.file_name, &file.content_url)
                    });
                }
            }
            Err(error @ DeskError::Unavailable { .. }) => return Err(error),
            // What the agent said must not wait for what cannot be had.
            Err(error) => tracing::warn!(ticket, comment, %error, "attachments not asked for"),
        }
    }
    Ok(line)
}

fn is_malware(file: &Attachment) -> bool {
    file.malware_scan_result.as_deref() == Some("malware_found")
        && file.malware_access_override != Some(true)
}

fn comments_url(base_url: &str, ticket: &str) -> String {
    format!("{base_url}/api/v2/tickets/{ticket}/comments#")
}

/// The ticket and the comment whose attachments this stands for.
fn of_which(base_url: &str, file: &DeskFile) -> Option<(String, u64)> {
    if file.name != UNKNOWN || file.public {
        return None;
    }
    let rest = file.url.strip_prefix(base_url)?;
    let rest = rest.strip_prefix("/api/v2/tickets/")?;
    let (ticket, comment) = rest.split_once("/comments#")?;
    let ticket: u64 = ticket.parse().ok()?;
    Some((ticket.to_string(), comment.parse().ok()?))
}

/// Reads an attachment: at this account's own address whatever host it was given with, and from
/// Zendesk's storage where that sends us, without our credentials there.
pub(super) async fn fetch(api: &Api, file: &DeskFile, limit: u64) -> Result<Vec<u8>, DeskError> {
    let mut url = own_url(api, &file.url).ok_or_else(not_at_zendesk)?;
    let mut own = true;
    for _ in 0..=MAX_REDIRECTS {
        let call = Call::get(url.as_str()).limit(limit);
        let reply = if own {
            api.call(call).await?
        } else {
            api.call_bare(call).await?
        };
        if !(300..400).contains(&reply.status) {
            reply.fine()?;
            return Ok(reply.body);
        }
        let to = reply.location.as_deref().ok_or_else(not_at_zendesk)?;
        let to = url.join(to).map_err(|_| not_at_zendesk())?;
        own = to.origin() == url.origin() && own;
        if !own && !is_storage(&to) {
            return Err(not_at_zendesk());
        }
        url = to;
    }
    Err(DeskError::Rejected(
        "the file's address leads from one to the next".to_owned(),
    ))
}

fn own_url(api: &Api, url: &str) -> Option<Url> {
    let given = Url::parse(url).ok()?;
    let mut own = Url::parse(&api.base_url).ok()?;
    if !given.path().starts_with(ATTACHMENTS) {
        return None;
    }
    own.set_path(given.path());
    own.set_query(given.query());
    Some(own)
}

fn is_storage(url: &Url) -> bool {
    url.scheme() == "https" && url.host_str().is_some_and(|host| host.ends_with(STORAGE))
}

fn not_at_zendesk() -> DeskError {
    DeskError::Rejected("the file is not at Zendesk".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    #[test]
    fn what_stands_for_attachments_is_known_again_and_nothing_else_is() {
        let config = config();
        let of = |file: &DeskFile| of_which(&config.base_url, file);
        assert_eq!(
            of(&of_comment(config, "35", "77")),
            Some(("35".to_owned(), 77))
        );
        assert_eq!(
            of(&at_desk(
                config,
                UNKNOWN,
                "https://acme.zendesk.com/attachments/x"
            )),
            None
        );
        for url in [
            "https://evil.example/api/v2/tickets/35/comments#77",
            "https://acme.zendesk.com/api/v2/tickets/../users/comments#77",
        ] {
            let mut file = of_comment(config, "35", "77");
            file.url = url.to_owned();
            assert_eq!(of(&file), None, "{url}");
        }
    }

    #[test]
    fn attachments_are_at_the_account_or_at_a_brand_of_it() {
        let config = config();
        for (url, expected) in [
            (
                "https://acme.zendesk.com/attachments/token/x/?name=a.png",
                true,
            ),
            ("https://acme-brand.zendesk.com/attachments/token/x", true),
            ("http://acme.zendesk.com/attachments/token/x", false),
            ("https://acme.zendesk.com/api/v2/users.json", false),
            ("https://zendesk.com.evil.example/attachments/x", false),
            ("https://evilzendesk.com/attachments/x", false),
            ("no url", false),
        ] {
            assert_eq!(is_attachment(config, url), expected, "{url}");
        }
    }

    #[test]
    fn only_zendesks_own_storage_is_followed_to() {
        let storage = |url: &str| is_storage(&Url::parse(url).unwrap());
        assert!(storage("https://p1.zdusercontent.com/attachment/1?token=x"));
        for url in [
            "http://p1.zdusercontent.com/x",
            "https://zdusercontent.com.evil.example/x",
            "https://169.254.169.254/x",
        ] {
            assert!(!storage(url), "{url}");
        }
    }
}
