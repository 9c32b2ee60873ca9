//! HTML as Intercom's inbox shows it, and whether it shows something that nobody meant.

/// What a note of the bridge may have in it; anything else was meant as text.
const MEANT: [&str; 5] = ["p", "br", "b", "strong", "i"];

/// As HTML that shows this text.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// What a person reads, and the first tag that is not among the ordinary ones.
pub(super) fn read(html: &str) -> (String, Option<String>) {
    let mut text = String::new();
    let mut accident = None;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&unescape(&rest[..at]));
        let (tag, behind) = rest[at + 1..]
            .split_once('>')
            .unwrap_or((&rest[at + 1..], ""));
        let name = tag.trim_start_matches('/').split([' ', '/']).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        match (name.as_str(), tag.starts_with('/')) {
            ("br", _) | ("p" | "div" | "li", true) => text.push('\n'),
            _ => {}
        }
        if !MEANT.contains(&name.as_str()) {
            accident.get_or_insert(format!("shows the tag {name}"));
        }
        rest = behind;
    }
    text.push_str(&unescape(rest));
    (text.trim().to_owned(), accident)
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
}
