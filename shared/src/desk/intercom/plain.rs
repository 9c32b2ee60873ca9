//! Agents' messages come as HTML (up to version 2.14 of the API) and reach the user as plain text.

use html5gum::{StartTag, Token, Tokenizer};

/// What is not shown.
const HIDDEN: [&str; 5] = ["script", "style", "template", "title", "head"];
/// What begins and ends a line.
const BLOCKS: [&str; 21] = [
    "address",
    "article",
    "blockquote",
    "div",
    "dd",
    "dl",
    "dt",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "p",
    "pre",
    "section",
    "table",
    "tr",
];

/// HTML as plain text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plain {
    /// The text: links as `label (address)`, list items with a dash or their number.
    pub(super) text: String,
    /// The addresses of the pictures in it, which are no text.
    pub(super) images: Vec<String>,
}

/// Reads HTML. Whatever it is, something comes of it.
pub(super) fn plain(html: &str) -> Plain {
    let mut reader = Reader::default();
    for token in Tokenizer::new(html) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => reader.start(&tag),
            Token::EndTag(tag) => reader.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => reader.text(&String::from_utf8_lossy(&text)),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    reader.end("a");
    Plain {
        text: tidy(&reader.out),
        images: reader.images,
    }
}

#[derive(Default)]
struct Reader {
    out: String,
    images: Vec<String>,
    /// The element that hides what is in it.
    hidden: Option<String>,
    /// Within `pre`, white space is as it is.
    preformatted: usize,
    /// A number for each list that is open: the next item's, 0 for one with dashes.
    lists: Vec<usize>,
    /// Where the text of the last item begins.
    item: usize,
    /// Where the label of an open link begins, and where it leads.
    link: Option<(usize, String)>,
}

impl Reader {
    fn start(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        if self.hidden.is_some() {
            return;
        }
        match name.as_str() {
            "br" => self.out.push('\n'),
            "a" => {
                self.end("a");
                let class = attribute(tag, "class").unwrap_or_default();
                let address = attribute(tag, "href").unwrap_or_default();
                // A mention of a teammate is shown by its name alone.
                let leads = !class.contains("mention") && is_address(&address);
                let address = if leads { address } else { String::new() };
                self.link = Some((self.out.len(), address));
            }
            "img" => {
                let address = attribute(tag, "src").filter(|address| is_web(address));
                self.images.extend(address);
            }
            "ul" | "ol" => {
                self.fresh_line();
                self.lists.push(usize::from(name == "ol"));
            }
            "li" => {
                self.fresh_line();
                match self.lists.last_mut() {
                    Some(number) if *number > 0 => {
                        self.out.push_str(&format!("{number}. "));
                        *number += 1;
                    }
                    _ => self.out.push_str("- "),
                }
                self.item = self.out.len();
            }
            "td" | "th" => self.space(),
            "hr" => self.fresh_line(),
            hides if HIDDEN.contains(&hides) && !tag.self_closing => self.hidden = Some(name),
            block if BLOCKS.contains(&block) => {
                self.preformatted += usize::from(block == "pre");
                // A paragraph that is an item stands behind its dash.
                if self.item != self.out.len() {
                    self.fresh_line();
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        if let Some(hidden) = &self.hidden {
            if hidden == name {
                self.hidden = None;
            }
            return;
        }
        match name {
            "a" => {
                let Some((begin, address)) = self.link.take() else {
                    return;
                };
                let label = self.out[begin..].trim();
                if label.is_empty() {
                    self.out.push_str(&address);
                } else if !address.is_empty() && !same_address(label, &address) {
                    let end = self.out.trim_end().len();
                    let space = self.out.split_off(end);
                    self.out.push_str(&format!(" ({address}){space}"));
                }
            }
            "ul" | "ol" => {
                self.lists.pop();
                self.fresh_line();
            }
            "li" => self.fresh_line(),
            block if BLOCKS.contains(&block) => {
                if block == "pre" {
                    self.preformatted = self.preformatted.saturating_sub(1);
                }
                self.out.push('\n');
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        if self.preformatted > 0 {
            self.out.push_str(text);
            return;
        }
        for c in text.chars() {
            match c {
                ' ' | '\t' | '\n' | '\r' | '\u{c}' => self.space(),
                '\u{a0}' => self.out.push(' '),
                c => self.out.push(c),
            }
        }
    }

    /// White space in HTML is one space, and none at the beginning of a line.
    fn space(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
    }

    fn fresh_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }
}

/// Without spaces at the ends of lines, and with at most one empty line between two others.
fn tidy(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim().lines() {
        let line = line.trim_end();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy.truncate(tidy.trim_end().len());
    tidy
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let (_, value) = tag
        .attributes
        .iter()
        .find(|(key, _)| key.as_slice() == name.as_bytes())?;
    Some(String::from_utf8_lossy(value).trim().to_owned())
}

/// Whether it is an address on the web.
pub(super) fn is_web(address: &str) -> bool {
    has_scheme(address, "https://") || has_scheme(address, "http://")
}

fn is_address(address: &str) -> bool {
    is_web(address) || has_scheme(address, "mailto:") || has_scheme(address, "tel:")
}

fn has_scheme(address: &str, scheme: &str) -> bool {
    address
        .get(..scheme.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

/// Whether a link's label says already where it leads.
fn same_address(label: &str, address: &str) -> bool {
    let bare = |text: &str| {
        let text = text.trim_end_matches('/');
        let schemes = ["https://", "http://", "mailto:", "tel:"];
        let scheme = schemes.into_iter().find(|scheme| has_scheme(text, scheme));
        text[scheme.map_or(0, str::len)..].to_owned()
    };
    bare(label) == bare(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::intercom::render::escape;
    use proptest::prelude::*;

    fn text(html: &str) -> String {
        plain(html).text
    }

    #[test]
    fn links_are_readable_and_mentions_are_names() {
        for (html, read) in [
            (
                "<p>see <a href=\"https://x.io/a?b=1&amp;c=2\">the <b>guide</b></a>.</p>",
                "see the guide (https://x.io/a?b=1&c=2).",
            ),
            ("<a href=\"https://x.io/\">https://x.io</a>", "https://x.io"),
            ("<a href=\"http://x.io\">x.io</a> ok", "x.io ok"),
            ("<a href=\"mailto:a@x.io\">a@x.io</a>", "a@x.io"),
            (
                "<a href='https://x.io'><img src='https://y.io/p.png'></a>",
                "https://x.io",
            ),
            ("<a href='javascript:alert(1)'>here</a>", "here"),
            (
                "<a class=\"entity_mention\" href=\"https://app.intercom.com/a/1\">@Ann Agent</a>?",
                "@Ann Agent?",
            ),
            ("<a href='https://x.io'>open", "open (https://x.io)"),
            (
                "<a href='https://x.io'>label </a>next",
                "label (https://x.io) next",
            ),
        ] {
            assert_eq!(text(html), read, "{html}");
        }
    }

    #[test]
    fn paragraphs_lists_and_white_space_are_kept_as_they_are_shown() {
        for (html, read) in [
            ("<p>one</p>\n<p>two<br>three</p>", "one\ntwo\nthree"),
            ("<p>one</p><p></p><p></p><p></p><p>two</p>", "one\n\ntwo"),
            (
                "<h2>Do</h2><ul><li>a</li><li><p>b</p></li></ul>end",
                "Do\n- a\n- b\nend",
            ),
            (
                "<ol><li>a<ul><li>x</li></ul></li><li>b</li></ol>",
                "1. a\n- x\n2. b",
            ),
            ("<p>  a \n b&nbsp; c </p>", "a b c"),
            ("<pre><code>if x\n  y</code></pre>", "if x\n  y"),
            (
                "1 &lt; 2 &amp; 3 &gt; 2 &#128512; &eacute;",
                "1 < 2 & 3 > 2 😀 é",
            ),
            ("a<script>alert('<b>x</b>')</script>b<!-- c -->", "ab"),
            ("<p>broken <b>markup", "broken markup"),
            ("", ""),
        ] {
            assert_eq!(text(html), read, "{html}");
        }
    }

    #[test]
    fn pictures_are_files_and_no_text() {
        let read = plain("<p>look</p><img src=\"https://x.io/p.png\"><img src=\"data:a\">");
        assert_eq!(read.text, "look");
        assert_eq!(read.images, ["https://x.io/p.png"]);
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    proptest! {
        #[test]
        fn what_was_escaped_is_read_as_it_was(text in "[ -~é漢\n<>&\"';#]{0,80}") {
            let html = format!("<p>{}</p>", escape(&text));
            // The only markup is ours.
            prop_assert!(!html[3..html.len() - 4].replace("<br>", "").contains(['<', '>']));
            prop_assert_eq!(words(&plain(&html).text), words(&text));
        }

        #[test]
        fn whatever_comes_no_tag_is_left_and_nothing_breaks(
            pieces in proptest::collection::vec(prop_oneof![
                Just("<p>"), Just("</p>"), Just("<a href='https://x'>"), Just("</a>"), Just("<ul>"),
                Just("<li>"), Just("</ul>"), Just("<pre>"), Just("<script>"), Just("</script>"),
                Just("<br>"), Just("<img src=x>"), Just("word"), Just(" "), Just("&amp;"), Just("é"),
                Just("<"), Just("<!--"), Just("-->"), Just("<p"),
            ], 0..30),
        ) {
            let read = plain(&pieces.concat()).text;
            for tag in ["<p>", "</p>", "<br>", "</a>", "<ul>", "<script>"] {
                prop_assert!(!read.contains(tag), "{}", read);
            }
            prop_assert_eq!(read.trim(), read.as_str());
        }
    }
}
