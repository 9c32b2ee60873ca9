//! What agents write, as users read it.
//!
//! Zendesk gives a comment's `body` as Markdown, its composer's formats written out
//! ("Ticket Comments", bodies). GPTBots shows plain text.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::config::Config;
use super::files;
use crate::desk::DeskFile;

/// The text without its markup, and the pictures in it that are at Zendesk.
pub(super) fn to_plain(config: &Config, markdown: &str) -> (String, Vec<DeskFile>) {
    let mut plain = Plain {
        config,
        source: markdown,
        text: String::with_capacity(markdown.len()),
        links: Vec::new(),
        files: Vec::new(),
        tight: false,
    };
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        plain.take(event, range.start);
    }
    (plain.text.trim().to_owned(), plain.files)
}

struct Plain<'a> {
    config: &'a Config,
    source: &'a str,
    text: String,
    /// Links and pictures that are open: where they lead, and where their text began.
    links: Vec<(String, usize)>,
    files: Vec<DeskFile>,
    /// The line has begun with an item's mark, so what comes next goes behind it.
    tight: bool,
}

impl Plain<'_> {
    fn take(&mut self, event: Event<'_>, at: usize) {
        match event {
            Event::Start(tag) => self.start(tag, at),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.push(&text),
            // Typed as it stands: Markdown's HTML is nothing that Zendesk's composer makes.
            Event::Html(html) | Event::InlineHtml(html) => self.push(&html),
            Event::SoftBreak | Event::HardBreak => self.push("\n"),
            Event::Rule => {
                self.apart("\n\n");
                self.push("---");
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, at: usize) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::CodeBlock(_) | Tag::HtmlBlock => {
                self.apart("\n\n");
            }
            Tag::List(_) if self.text.is_empty() || self.text.ends_with('\n') => {}
            Tag::List(_) => self.apart("\n"),
            Tag::Item => {
                self.apart("\n");
                let mark = self.source[at..].split_whitespace().next();
                self.push(mark.unwrap_or("-"));
                self.push(" ");
                self.tight = true;
            }
            Tag::BlockQuote(_) => {
                self.apart("\n\n");
                self.push("> ");
                self.tight = true;
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                let began = self.text.len();
                self.links.push((dest_url.into_string(), began));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Link | TagEnd::Image => {
                let Some((url, began)) = self.links.pop() else {
                    return;
                };
                let label = self.text.get(began..).unwrap_or_default().trim().to_owned();
                if tag == TagEnd::Image && files::is_attachment(self.config, &url) {
                    self.text.truncate(began);
                    let name = file_name(&label, &url);
                    self.files.push(files::at_desk(self.config, &name, &url));
                } else if label.is_empty() {
                    self.push(&url);
                } else if !same_address(&label, &url) {
                    self.push(&format!(" ({url})"));
                }
            }
            TagEnd::CodeBlock => {
                let trimmed = self.text.trim_end().len();
                self.text.truncate(trimmed);
            }
            _ => {}
        }
    }

    fn push(&mut self, text: &str) {
        self.tight = false;
        self.text.push_str(text);
    }

    /// Begins something on a line of its own.
    fn apart(&mut self, by: &str) {
        if self.text.is_empty() || self.tight {
            return;
        }
        let trimmed = self.text.trim_end_matches('\n').len();
        self.text.truncate(trimmed);
        self.text.push_str(by);
    }
}

/// Whether a label says where the link leads already.
fn same_address(label: &str, url: &str) -> bool {
    let bare = |text: &str| {
        let text = text.strip_prefix("mailto:").unwrap_or(text);
        text.trim_end_matches('/').to_owned()
    };
    bare(label) == bare(url)
}

fn file_name(label: &str, url: &str) -> String {
    let named = reqwest::Url::parse(url).ok().and_then(|url| {
        let mut query = url.query_pairs();
        let name = query.find(|(member, _)| member == "name");
        name.map(|(_, name)| name.into_owned())
    });
    let name = named.unwrap_or_else(|| label.to_owned());
    if name.trim().is_empty() {
        "picture".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::config;
    use super::*;

    fn plain(markdown: &str) -> String {
        to_plain(config(), markdown).0
    }

    #[test]
    fn markup_is_undone_and_links_stay_readable() {
        for (markdown, expected) in [
            (
                "**Please** see [our guide](https://example.com/guide?a=1&b=2)",
                "Please see our guide (https://example.com/guide?a=1&b=2)",
            ),
            ("1 &lt; 2 &amp; 3 &gt; 2", "1 < 2 & 3 > 2"),
            ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
            (
                "[https://x.example](https://x.example/)",
                "https://x.example",
            ),
            ("<https://x.example>", "https://x.example"),
            ("[a@x.example](mailto:a@x.example)", "a@x.example"),
            ("![](https://x.example/p.png)", "https://x.example/p.png"),
            ("one\ntwo  \nthree\n\nfour", "one\ntwo\nthree\n\nfour"),
            (
                "snake_case_name and 2 * 3 * 4",
                "snake_case_name and 2 * 3 * 4",
            ),
            ("\\*not bold\\*", "*not bold*"),
            ("# Title\n\ntext", "Title\n\ntext"),
            (
                "Do:\n\n1. this\n2. that\n\nthen",
                "Do:\n1. this\n2. that\n\nthen",
            ),
            ("* a\n* b", "* a\n* b"),
            ("> said\n\nanswer", "> said\n\nanswer"),
            (
                "Run `a --b`:\n\n    x = 1\n    y = 2\n\nok",
                "Run a --b:\n\nx = 1\ny = 2\n\nok",
            ),
            ("Use <div> here", "Use <div> here"),
            ("{{ticket.id}} @Ann #12", "{{ticket.id}} @Ann #12"),
            ("", ""),
        ] {
            assert_eq!(plain(markdown), expected, "{markdown}");
        }
    }

    #[test]
    fn pictures_at_zendesk_are_files() {
        let url = "https://acme.zendesk.com/attachments/token/x/?name=inline-1.png";
        let (text, files) = to_plain(config(), &format!("Look: ![]({url}) nice"));
        assert_eq!(text, "Look:  nice");
        assert_eq!(files.len(), 1);
        assert_eq!(
            (files[0].name.as_str(), files[0].url.as_str()),
            ("inline-1.png", url)
        );
    }

    proptest! {
        #[test]
        fn plain_words_stay_as_they_are(text in "[a-z0-9 ,.?!'äあ:;@$%=/(){}-]{0,60}") {
            // A line that begins like a list or a rule is one.
            let text = format!("x{}", text.trim_end());
            prop_assert_eq!(plain(&text), text);
        }

        #[test]
        fn bold_leaves_no_stars(words in "[a-z]{1,8}( [a-z]{1,8}){0,4}") {
            prop_assert_eq!(plain(&format!("**{words}**")), words.clone());
            prop_assert_eq!(plain(&format!("*{words}*")), words);
        }

        #[test]
        fn nothing_makes_it_fail(text in "[a-z*_#>\\[\\]()!`~<&; \n0-9.+-]{0,80}") {
            let _ = plain(&text);
        }
    }
}
