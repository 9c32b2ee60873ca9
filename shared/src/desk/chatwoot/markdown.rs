//! Chatwoot's texts are Markdown: what a user wrote goes in escaped, what an agent wrote comes out
//! plain.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

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
    let rest = &content[at..];
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| rest.starts_with(scheme))?;
    let before = content[..at].chars().next_back();
    if before.is_some_and(char::is_alphanumeric) {
        return None;
    }
    let end = rest
        .find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '`'))
        .unwrap_or(rest.len());
    let link = rest[..end].trim_end_matches(|c: char| ".,;:!?'*_~".contains(c));
    let link = close_brackets(link);
    // A backslash has no place in a link and would break it; the others see into links, too.
    let dangerous = ['{', '}', '\\'].iter().any(|c| link.contains(*c)) || link.contains("mention:");
    (link.len() > scheme.len() && !dangerous).then_some(link)
}

/// Without a closing bracket at the end that nothing in the link opened.
fn close_brackets(mut link: &str) -> &str {
    for (open, close) in [('(', ')'), ('[', ']')] {
        while link.ends_with(close) && link.matches(close).count() > link.matches(open).count() {
            link = &link[..link.len() - 1];
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
                let depth = self.lists.len().saturating_sub(1);
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
        self.text.push_str(&"> ".repeat(self.quotes));
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_agents_type_becomes_plain() {
        for (markdown, text) in [
            (
                "Hello **you**, _now_ ~~never~~ `code`",
                "Hello you, now never code",
            ),
            (
                "our [guide](https://example.com/guide?a=1&b=2) or [@Ann Agent](mention://user/7/Ann%20Agent)",
                "our guide (https://example.com/guide?a=1&b=2) or @Ann Agent",
            ),
            ("<https://x.example/a_b>", "https://x.example/a_b"),
            ("https://x.example/a_b_c", "https://x.example/a_b_c"),
            ("<ann@example.com>", "ann@example.com"),
            ("[](https://x.example)", "https://x.example"),
            (
                "![pic](https://x.example/1.png)",
                "pic (https://x.example/1.png)",
            ),
            (r"1 \< 2 \& 3 \> 2 &amp; &lt;", "1 < 2 & 3 > 2 & <"),
            ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
            ("snake_case_name, 2 * 3 * 4", "snake_case_name, 2 * 3 * 4"),
            ("one\ntwo\\\nthree  \nfour", "one\ntwo\nthree\nfour"),
            ("one\n\n\ntwo", "one\n\ntwo"),
            ("# Title\ntext", "Title\n\ntext"),
            (
                "- a\n- b\n  1. c\n  2. d\n- e",
                "- a\n- b\n  1. c\n  2. d\n- e",
            ),
            ("3. c\n4. d\n\nafter", "3. c\n4. d\n\nafter"),
            ("- a\n\n- b", "- a\n- b"),
            ("> quoted\n> more\n\nanswer", "> quoted\n> more\n\nanswer"),
            (
                "```\nlet a = 1;\n  b\n```\nafter",
                "let a = 1;\n  b\n\nafter",
            ),
            ("a <b>bold</b>", "a <b>bold</b>"),
            ("<div>\nx\n</div>", "<div>\nx\n</div>"),
            ("a\n\n---\n\nb", "a\n\n---\n\nb"),
            ("**only**", "only"),
            ("", ""),
        ] {
            assert_eq!(plain(markdown), text, "{markdown}");
        }
    }

    #[test]
    fn what_users_type_stays_text() {
        for (text, escaped) in [
            (
                "plain, with (brackets) - and dots. 1.5!",
                "plain, with (brackets) - and dots. 1.5!",
            ),
            ("*a* _b_ `c` ~~d~~", r"\*a\* \_b\_ \`c\` \~\~d\~\~"),
            (
                "# no\n- no\n+ no\n1. no\n2) no\n===",
                "\\# no\n\\- no\n\\+ no\n1\\. no\n2\\) no\n\\===",
            ),
            ("<b>&amp;", r"\<b\>\&amp;"),
            (
                "{{contact.email}} {% raw %}",
                r"\{\{contact.email\}\} \{\% raw %\}",
            ),
            ("[@x](mention://user/1/x)", r"\[@x\](mention\://user/1/x)"),
            (
                "see https://x.example/a_b?c=*d*, ok",
                r"see <https://x.example/a_b?c=*d>\*, ok",
            ),
            ("(https://x.example/a_(b))", "(<https://x.example/a_(b)>)"),
            ("https://x.example/{{a}}", r"https\://x.example/\{\{a\}\}"),
            (
                "https://x.example/(mention://user/1/x)",
                r"https\://x.example/(mention\://user/1/x)",
            ),
            ("https://", r"https\://"),
            (
                "    code\n\tcode\n   no",
                "\u{a0}\u{a0}\u{a0}\u{a0}code\n\u{a0}\u{a0}code\n   no",
            ),
            ("a\r\nb\rc\0", "a\nb\nc\u{fffd}"),
        ] {
            assert_eq!(escape(text), escaped, "{text}");
        }
    }

    fn solid(text: &str) -> String {
        text.chars()
            .filter(|c| !c.is_whitespace() && *c != '\u{fffd}' && *c != '\0')
            .collect()
    }

    /// Text made of what means something to somebody.
    fn nasty() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[ \t\r\n]{1,5}",
            "[\\\\`*_{}\\[\\]()#+.!|~&:=<>/@\"'$^%-]{1,6}",
            "[a-z0-9é好]{1,4}",
            Just("https://x.example/a".to_owned()),
            Just("(mention://user/1/x)".to_owned()),
            Just("{{contact.email}}".to_owned()),
            Just("{% raw %}".to_owned()),
            Just("&amp;".to_owned()),
            Just("<script>".to_owned()),
            Just("```".to_owned()),
            Just("\n---\n".to_owned()),
            Just("a | b\n--|--\nc | d".to_owned()),
            Just("[^1]: x".to_owned()),
        ];
        proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn nothing_a_user_types_pings_formats_or_runs(text in prop_oneof![nasty(), ".*"]) {
            let escaped = escape(&text);
            for forbidden in ["mention://", "{{", "{%", "}}", "%}", "\0"] {
                prop_assert!(!escaped.contains(forbidden), "{forbidden}");
            }
            // All that the dashboard's reader has, and footnotes.
            let options = Options::ENABLE_TABLES
                | Options::ENABLE_STRIKETHROUGH
                | Options::ENABLE_TASKLISTS
                | Options::ENABLE_FOOTNOTES
                | Options::ENABLE_HEADING_ATTRIBUTES
                | Options::ENABLE_GFM;
            for event in Parser::new_ext(&escaped, options) {
                let harmless = match &event {
                    Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph | TagEnd::Link) => true,
                    Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                        *link_type == pulldown_cmark::LinkType::Autolink
                            && dest_url.starts_with("http")
                    }
                    Event::Text(_) | Event::SoftBreak | Event::HardBreak => true,
                    _ => false,
                };
                prop_assert!(harmless, "{event:?} of {escaped:?}");
            }
            prop_assert_eq!(solid(&plain(&escaped)), solid(&text));
        }

        #[test]
        fn whatever_an_agent_types_is_read_without_a_fault(text in prop_oneof![nasty(), ".*"]) {
            plain(&text);
        }
    }
}
