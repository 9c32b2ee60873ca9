//! Texts as Zendesk is to show them.
//!
//! Zendesk reads `body` as Markdown and `html_body` as HTML ("Ticket Comments", bodies). What
//! people wrote is neither, so it goes as HTML with everything escaped: a paragraph a text, with
//! line breaks.

/// What Zendesk takes in one comment: 64 KB, less what the request adds.
pub(super) const MAX_HTML: usize = 60_000;

/// The longest text of one paragraph, in characters. Escaped they can take six bytes each.
pub(super) const MAX_TEXT: usize = 10_000;

/// Keeps Zendesk from reading two characters as one sign: invisible, and no place to break a line.
const APART: char = '\u{2060}';

/// A text as one paragraph.
pub(super) fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
}

/// A text in HTML: no markup, no placeholder, every line and every space as it was.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let mut before = '\n';
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\n' | '\r' => html.push_str("<br>"),
            // HTML would show one space for several.
            ' ' if matches!(before, ' ' | '\n' | '\r') => html.push_str("&nbsp;"),
            '{' | '%' if before == '{' => {
                html.push(APART);
                html.push(c);
            }
            // Nothing is put in its place, so what stood before it is what comes before the next.
            c if c.is_control() && c != '\t' => continue,
            c => html.push(c),
        }
        before = c;
    }
    html
}

/// A text for a line that is not HTML (a subject, a name): no placeholder, no line breaks, and at
/// most `max` characters.
pub(super) fn plain(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut before = ' ';
    for c in text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
    {
        if before == '{' && matches!(c, '{' | '%') {
            line.push(APART);
        }
        line.push(c);
        before = c;
    }
    if line.chars().count() > max {
        line = line.chars().take(max.saturating_sub(1)).collect();
        line.push('…');
    }
    line
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether Liquid would find something to put in.
    pub(in super::super) fn has_placeholder(text: &str) -> bool {
        text.contains("{{") || text.contains("{%")
    }

    /// Undoes the escapes, as a browser does.
    fn shown(html: &str) -> String {
        html.replace("<br>", "\n")
            .replace("&nbsp;", " ")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&")
            .replace(APART, "")
    }

    #[test]
    fn nothing_a_person_writes_is_markup() {
        assert_eq!(
            paragraph("<b>1 & 2</b>\n  \"x\""),
            "<p>&lt;b&gt;1 &amp; 2&lt;/b&gt;<br>&nbsp;&nbsp;&quot;x&quot;</p>"
        );
        assert_eq!(
            paragraph("{{ticket.id}} {%x%} {{{"),
            "<p>{\u{2060}{ticket.id}} {\u{2060}%x%} {\u{2060}{\u{2060}{</p>"
        );
        assert_eq!(paragraph("a\u{0}b\u{7}"), "<p>ab</p>");
        assert_eq!(
            paragraph("{\u{1}{x}} {\u{7f}\u{0}%y%}"),
            "<p>{\u{2060}{x}} {\u{2060}%y%}</p>"
        );
    }

    #[test]
    fn a_subject_is_one_short_line_without_placeholders() {
        assert_eq!(plain(" a\n b {{c}} ", 50), "a b {\u{2060}{c}}");
        assert_eq!(
            plain("{\u{1}{c}} {\u{0}%d%}", 50),
            "{\u{2060}{c}} {\u{2060}%d%}"
        );
        assert_eq!(plain("abcdef", 4), "abc…");
    }

    proptest! {
        #[test]
        fn what_is_shown_is_what_was_written(text in "[a-z<>&\"'{}%*_`#@ \n\\[\\]()éあ]{0,60}") {
            let html = escape(&text);
            prop_assert_eq!(shown(&html), text);
            let markup = html.replace("<br>", "");
            prop_assert!(!markup.contains(['<', '>', '"']), "{}", markup);
            prop_assert!(!has_placeholder(&html));
        }

        #[test]
        fn what_is_not_shown_hides_no_placeholder(text in "[{%}\u{0}\u{1}\u{7f}\u{85} \r\n]{0,30}") {
            prop_assert!(!has_placeholder(&escape(&text)));
        }

        #[test]
        fn a_piece_fits_into_a_comment(c in any::<char>(), n in 0..MAX_TEXT) {
            prop_assert!(paragraph(&c.to_string().repeat(n)).len() <= MAX_HTML + 7);
        }

        #[test]
        fn subjects_never_hold_placeholders(text in "[{}% \n\u{0}\u{1}a]{0,30}", max in 1..40_usize) {
            let line = plain(&text, max);
            prop_assert!(!has_placeholder(&line) && !line.contains('\n'));
            prop_assert!(line.chars().count() <= max);
        }
    }
}
