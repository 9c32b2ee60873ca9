//! What an agent typed at Slack, as plain text.
//!
//! A message has two forms: `blocks` with the rich text as it was typed, and `text` in Slack's
//! markup. The first is exact (an asterisk in it is an asterisk), so it is taken where it is
//! there; the second is for messages without it.
//!
//! Both leave `<@U…>` for people whose names only the desk can tell: see [`super::names`].

use serde_json::Value;

use super::config::is_id;

/// The text of a message: of its rich text where it has that and all of it is known, else of
/// `text`.
pub(super) fn of_message(text: &str, blocks: &Value) -> String {
    let plain = of_blocks(blocks).unwrap_or_else(|| of_markup(text));
    plain.trim().to_owned()
}

/// The mark for a person whose name is not known yet; `None` for what is no person's id.
fn person(id: &str) -> Option<String> {
    is_id(id, &['U', 'W']).then(|| format!("<@{id}>"))
}

/// A link as it can be read without markup.
fn link(url: &str, label: &str) -> String {
    let label = label.trim();
    let bare = |url: &str| {
        let url = url.trim_end_matches('/');
        let schemes = ["https://", "http://", "mailto:", "tel:"];
        let bare = schemes.iter().find_map(|scheme| url.strip_prefix(scheme));
        bare.unwrap_or(url).to_owned()
    };
    if label.is_empty() {
        url.to_owned()
    } else if bare(label) == bare(url) {
        label.to_owned()
    } else {
        format!("{label} ({url})")
    }
}

/// The rich text of a message; `None` where there is none, or something in it is not known.
fn of_blocks(blocks: &Value) -> Option<String> {
    let mut lines = Vec::new();
    for block in blocks.as_array()? {
        if block["type"] != "rich_text" {
            return None;
        }
        for element in block["elements"].as_array()? {
            // A section brings its own line break; the next element begins a line anyway.
            let text = of_element(element)?;
            lines.push(text.strip_suffix('\n').unwrap_or(&text).to_owned());
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn of_element(element: &Value) -> Option<String> {
    let inner = element["elements"].as_array()?;
    match element["type"].as_str()? {
        "rich_text_section" | "rich_text_preformatted" => {
            inner.iter().map(of_inline).collect::<Option<String>>()
        }
        "rich_text_quote" => {
            let text = inner.iter().map(of_inline).collect::<Option<String>>()?;
            let lines: Vec<_> = text.lines().map(|line| format!("> {line}")).collect();
            Some(lines.join("\n"))
        }
        "rich_text_list" => {
            let indent = element["indent"].as_u64().unwrap_or(0).min(16) as usize;
            let first = element["offset"].as_u64().unwrap_or(0).min(100_000);
            let ordered = element["style"] == "ordered";
            let items = inner.iter().zip(first + 1..).map(|(item, number)| {
                let text = of_element(item)?;
                let mark = if ordered {
                    format!("{number}.")
                } else {
                    "•".to_owned()
                };
                Some(format!("{}{mark} {}", "  ".repeat(indent), text.trim_end()))
            });
            Some(items.collect::<Option<Vec<_>>>()?.join("\n"))
        }
        _ => None,
    }
}

fn of_inline(element: &Value) -> Option<String> {
    let text = |name: &str| element[name].as_str();
    match text("type")? {
        "text" => text("text").map(str::to_owned),
        "link" => Some(link(text("url")?, text("text").unwrap_or_default())),
        "user" => person(text("user_id")?),
        "emoji" => {
            let code = text("unicode").and_then(emoji);
            Some(code.unwrap_or(format!(":{}:", text("name")?)))
        }
        "broadcast" => Some(format!("@{}", text("range")?)),
        "channel" => Some("#channel".to_owned()),
        "usergroup" => Some("@group".to_owned()),
        "color" => text("value").map(str::to_owned),
        "date" => text("fallback").map(str::to_owned),
        _ => None,
    }
}

/// An emoji from its code points in hex: `1f44d-1f3fd`.
fn emoji(codes: &str) -> Option<String> {
    let one = |code| char::from_u32(u32::from_str_radix(code, 16).ok()?);
    codes.split('-').map(one).collect()
}

/// A text in Slack's markup (docs.slack.dev, "Formatting message text"), undone.
pub(super) fn of_markup(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        plain.push_str(&unstyled(&rest[..start]));
        let Some(end) = rest[start..].find('>') else {
            // No markup: Slack escapes every other bracket.
            plain.push_str(&unescape(&rest[start..]));
            return plain;
        };
        plain.push_str(&of_reference(&rest[start + 1..start + end]));
        rest = &rest[start + end + 1..];
    }
    plain.push_str(&unstyled(rest));
    plain
}

/// What stands between angle brackets.
fn of_reference(reference: &str) -> String {
    let (target, label) = reference.split_once('|').unwrap_or((reference, ""));
    let label = unescape(label);
    let named = |mark: char, otherwise: &str| match label.trim_start_matches(mark) {
        "" => format!("{mark}{otherwise}"),
        name => format!("{mark}{name}"),
    };
    match target.chars().next() {
        Some('@') => match person(&target[1..]) {
            Some(person) if label.is_empty() => person,
            _ => named('@', "someone"),
        },
        Some('#') => named('#', "channel"),
        Some('!') => {
            let command = &target[1..];
            if command.starts_with("subteam^") {
                named('@', "group")
            } else if command.starts_with("date^") {
                label
            } else {
                named('@', command)
            }
        }
        _ => link(&unescape(target), &label),
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// A piece without references, its styles and escapes undone. A mark counts as one only where
/// Slack takes it for one: around words, on one line.
fn unstyled(text: &str) -> String {
    let mut plain = text.replace("```", "");
    for mark in ['*', '_', '~', '`'] {
        plain = without(&plain, mark);
    }
    unescape(&plain)
}

fn without(text: &str, mark: char) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    // How much is left of the text behind a line on which nothing ends any more: each line is
    // looked through once.
    let mut endless = text.len() + 1;
    while let Some(start) = rest.find(mark) {
        let before = rest[..start].chars().next_back();
        let before = before.or_else(|| plain.chars().next_back());
        let inside = &rest[start + 1..];
        let begins = inside.len() < endless
            && !before.is_some_and(char::is_alphanumeric)
            && !inside.starts_with(char::is_whitespace);
        let end = begins.then(|| {
            let line = inside.find('\n').unwrap_or(inside.len());
            let end = inside[..line].char_indices().find(|(at, c)| {
                *c == mark
                    && *at > 0
                    && !inside[..*at].ends_with(char::is_whitespace)
                    && !inside[at + 1..].starts_with(char::is_alphanumeric)
            });
            if end.is_none() {
                endless = inside.len() - line;
            }
            end
        });
        match end.flatten() {
            Some((end, _)) => {
                plain.push_str(&rest[..start]);
                plain.push_str(&inside[..end]);
                rest = &inside[end + 1..];
            }
            None => {
                plain.push_str(&rest[..=start]);
                rest = inside;
            }
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn rich(elements: Value) -> Value {
        json!([{"type": "rich_text", "block_id": "x", "elements": elements}])
    }

    #[test]
    fn markup_is_undone() {
        for (markup, plain) in [
            (
                "*bold*, _slanted_ and ~gone~ `code`",
                "bold, slanted and gone code",
            ),
            ("```let x = 1;```", "let x = 1;"),
            (
                "2 * 3 * 4 and snake_case_name",
                "2 * 3 * 4 and snake_case_name",
            ),
            ("1 &lt; 2 &amp; 3 &gt; 2", "1 < 2 & 3 > 2"),
            ("&amp;lt; stays &lt;", "&lt; stays <"),
            (
                "<https://example.com/guide?a=1&amp;b=2|our guide>",
                "our guide (https://example.com/guide?a=1&b=2)",
            ),
            ("<https://example.com>", "https://example.com"),
            ("<http://example.com|example.com>", "example.com"),
            (
                "<mailto:ann@example.com|ann@example.com>",
                "ann@example.com",
            ),
            ("<@U012AB3CD>", "<@U012AB3CD>"),
            ("<@U012AB3CD|ann>", "@ann"),
            ("<@nobody>", "@someone"),
            ("<#C012AB3CD|general> <#C012AB3CD|>", "#general #channel"),
            ("<!here> <!channel|channel>", "@here @channel"),
            ("<!subteam^SAZ94GDB8|@support>", "@support"),
            ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
            ("a < b", "a < b"),
        ] {
            assert_eq!(of_markup(markup), plain, "{markup}");
        }
    }

    #[test]
    fn marks_without_an_end_are_looked_through_once() {
        let began = std::time::Instant::now();
        for marks in [" *a", "a*", "*a_ ", "\n*a"] {
            let text = marks.repeat(40_000);
            assert!(of_markup(&text).len() <= text.len(), "{marks:?}");
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(5));
        assert_eq!(of_markup("*a b *c*\n*d*"), "a b *c\nd");
        assert_eq!(of_markup("*a\nb* *c*"), "*a\nb* c");
    }

    #[test]
    fn rich_text_is_taken_word_for_word() {
        let blocks = rich(json!([
            {"type": "rich_text_section", "elements": [
                {"type": "text", "text": "See *this* & "},
                {"type": "link", "url": "https://example.com/g", "text": "our guide"},
                {"type": "text", "text": " or "},
                {"type": "user", "user_id": "U012AB3CD"},
                {"type": "emoji", "name": "+1", "unicode": "1f44d-1f3fd"},
                {"type": "emoji", "name": "own"},
                {"type": "text", "text": "\n"}]},
            {"type": "rich_text_list", "style": "ordered", "indent": 1, "offset": 2, "elements": [
                {"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]},
                {"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "here"}]}]},
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "a\nb"}]},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x  y"}]}
        ]));
        assert_eq!(
            of_message("other", &blocks),
            "See *this* & our guide (https://example.com/g) or <@U012AB3CD>👍🏽:own:\n  \
             3. one\n  4. @here\n> a\n> b\nx  y"
        );
    }

    #[test]
    fn what_is_not_known_in_rich_text_is_read_from_the_text() {
        let strange = rich(json!([{"type": "rich_text_section", "elements": [
            {"type": "hologram", "text": "x"}]}]));
        for blocks in [
            strange,
            rich(json!([])),
            json!([{"type": "section"}]),
            Value::Null,
        ] {
            assert_eq!(of_message(" *a* ", &blocks), "a");
        }
    }

    proptest! {
        #[test]
        fn what_slack_escaped_comes_back(text in "[a-z<>& ;|!@#]{0,40}") {
            let escaped = super::super::render::escape(&text);
            prop_assert_eq!(of_markup(&escaped), text);
        }

        #[test]
        fn nothing_makes_it_stumble(text in "[*_~`<>|@#!&;a-zU0-9 \n👍]{0,60}") {
            of_markup(&text);
        }
    }
}
