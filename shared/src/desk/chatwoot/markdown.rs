//! Chatwoot's texts are Markdown: what a user wrote goes in escaped, what an agent wrote comes out
//! plain.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::text::head;

/// The longest address that becomes a link, in bytes. Longer ones are text: a user can write one
/// of any length, and again and again within itself.
const MAX_LINK: usize = 2_048;
/// How deep lists and quotes are shown.
const MAX_DEPTH: usize = 16;

/// Escapes a text so that Chatwoot shows it as it is. Links that begin with http stay links.
///
/// Three readers have to be kept from it: the dashboard's Markdown, Chatwoot's search for mentions
/// (`(mention://user/1/…)` anywhere in a private note notifies that person) and the Liquid
/// templates that outgoing messages, private notes among them, are run through. Code is not
/// spared by any of them, so everything is escaped with backslashes (CommonMark 0.31, section 2.4).
pub(super) fn escape(text: &str) -> String {
    // PostgreSQL takes no NUL in a text.
    let text = text
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\0', "\u{fffd}");
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            out.push('\n');
        }
        escape_line(line, &mut out);
    }
    out
}

fn escape_line(line: &str, out: &mut String) {
    let content = line.trim_start_matches([' ', '\t']);
    let indent = &line[..line.len() - content.len()];
    if indent.len() >= 4 || indent.contains('\t') {
        // Four columns would be a block of code.
        for blank in indent.chars() {
            out.push_str(if blank == '\t' {
                "\u{a0}\u{a0}"
            } else {
                "\u{a0}"
            });
        }
    } else {
        out.push_str(indent);
    }
    let marker = list_marker(content);
    let mut at = 0;
    while let Some(next) = content[at..].chars().next() {
        if let Some(link) = link(content, at) {
            out.push('<');
            out.push_str(link);
            out.push('>');
            at += link.len();
            continue;
        }
        let special = match next {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '~' | '|' | '&' => {
                true
            }
            // The scheme of a link, `mention://` for one.
            ':' => content[at..].starts_with(":/"),
            // The mark of a Liquid tag.
            '%' => content[..at].ends_with('{'),
            // A list, an underlined heading, a rule.
            '-' | '+' | '=' => at == 0,
            '.' | ')' => marker == Some(at),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(next);
        at += next.len_utf8();
    }
}

/// Where the `.` or `)` of a numbered list's marker is, if the line begins with one.
fn list_marker(content: &str) -> Option<usize> {
    let digits = content.bytes().take_while(u8::is_ascii_digit).count();
    let next = content.as_bytes().get(digits);
    (digits > 0 && matches!(next, Some(b'.' | b')'))).then_some(digits)
}

/// The link that begins here, if one does that can be shown as a link.
fn link(content: &str, at: usize) -> Option<&str> {
    let rest = head(&content[at..], MAX_LINK);
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| rest.starts_with(scheme))?;
    let before = content[..at].chars().next_back();
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let end = rest
        .find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`'));
    // Where it ends is not in sight.
    if end.is_none() && at + rest.len() < content.len() {
        return None;
    }
    let end = end.unwrap_or(rest.len());
    let link = rest[..end].trim_end_matches(|c: char| ".,;:!?'*_~".contains(c));
    let link = close_brackets(link);
    // A backslash has no place in a link and would break it; the others see into links, too.
    let dangerous = ['{', '}', '\\'].iter().any(|c| link.contains(*c)) || link.contains("mention:");
    (link.len() > scheme.len() && !dangerous).then_some(link)
}

/// Without a closing bracket at the end that nothing in the link opened.
fn close_brackets(mut link: &str) -> &str {
    for (open, close) in [('(', ')'), ('[', ']')] {
        let count = |bracket: char| link.matches(bracket).count();
        let mut surplus = count(close).saturating_sub(count(open));
        while surplus > 0 && link.ends_with(close) {
            link = &link[..link.len() - 1];
            surplus -= 1;
        }
    }
    link
}

/// What an agent wrote, as plain text: links as `label (address)`, mentions by name, lists with
/// their markers, everything else without its marks. HTML is text, as in the dashboard.
pub(super) fn plain(markdown: &str) -> String {
    let mut plain = Plain::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH) {
        plain.take(event);
    }
    plain.text.trim().to_owned()
}

#[derive(Default)]
struct Plain {
    text: String,
    /// The lists around, with the next number where they have numbers.
    lists: Vec<Option<u64>>,
    quotes: usize,
    /// Where the labels of the links around begin, and where they lead.
    links: Vec<(usize, String)>,
    /// What comes next stands on the line of a list's marker.
    after_marker: bool,
}

impl Plain {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                self.after_marker = false;
                for (n, line) in text.split('\n').enumerate() {
                    if n > 0 {
                        self.line();
                    }
                    self.text.push_str(line);
                }
            }
            Event::SoftBreak | Event::HardBreak => self.line(),
            Event::Rule => {
                self.block();
                self.text.push_str("---");
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::CodeBlock(_) | Tag::HtmlBlock => {
                self.block();
            }
            Tag::BlockQuote(_) => {
                self.block();
                self.quotes += 1;
                self.text.push_str("> ");
                self.after_marker = true;
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                    // The first item needs no line of its own.
                    self.after_marker = true;
                }
                self.lists.push(first);
            }
            Tag::Item => {
                if !std::mem::take(&mut self.after_marker) {
                    self.line();
                }
                let depth = self.lists.len().saturating_sub(1).min(MAX_DEPTH);
                self.text.push_str(&"  ".repeat(depth));
                match self.lists.last_mut() {
                    Some(Some(number)) => {
                        self.text.push_str(&format!("{number}. "));
                        *number += 1;
                    }
                    _ => self.text.push_str("- "),
                }
                self.after_marker = true;
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.after_marker = false;
                self.links.push((self.text.len(), dest_url.into_string()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::List(_) => drop(self.lists.pop()),
            TagEnd::Item => self.after_marker = false,
            TagEnd::CodeBlock | TagEnd::HtmlBlock => {
                let end = self.text.trim_end().len();
                self.text.truncate(end);
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    fn end_link(&mut self) {
        let Some((start, to)) = self.links.pop() else {
            return;
        };
        let label = &self.text[start..];
        let same = label == to || to.strip_prefix("mailto:") == Some(label);
        if to.is_empty() || to.starts_with("mention:") || same {
            return;
        }
        if label.trim().is_empty() {
            self.text.push_str(&to);
        } else {
            self.text.push_str(&format!(" ({to})"));
        }
    }

    /// A new line, with the quote's marks.
    fn line(&mut self) {
        self.text.push('\n');
        self.text.push_str(&"> ".repeat(self.quotes.min(MAX_DEPTH)));
    }

    /// A new block, unless a list's or quote's mark was just set for it.
    fn block(&mut self) {
        if std::mem::take(&mut self.after_marker) || self.text.is_empty() {
            return;
        }
        self.line();
        if self.lists.is_empty() {
            self.line();
        }
    }
}

#[cfg(test)]
mod tests;
