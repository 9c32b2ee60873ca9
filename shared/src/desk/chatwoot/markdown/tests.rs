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

#[test]
fn no_text_takes_long_or_grows_without_bounds() {
    let began = std::time::Instant::now();
    for piece in [")", "]", "http://{", "http://(", "_"] {
        let text = format!("http://a{}", piece.repeat(30_000 / piece.len()));
        assert!(escape(&text).len() <= 2 * text.len() + 2, "{piece}");
    }
    let long = format!("https://x/{}", "a".repeat(3_000));
    assert!(escape(&long).starts_with(r"https\://x/aaa"));
    for deep in [
        format!("{}a{}", ">".repeat(3_000), "\na".repeat(3_000)),
        "- ".repeat(3_000),
    ] {
        assert!(plain(&deep).len() < 60 * deep.len());
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
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
