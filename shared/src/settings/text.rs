//! Texts for users, in one language or several.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a text is called that has no language of its own to be read in.
const FALLBACK: &str = "en";

/// A text for users: one for all, or one for each language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Text {
    /// The same for all.
    Plain(String),
    /// By language (BCP 47: `en`, `zh-TW`).
    Languages(BTreeMap<String, String>),
}

impl Text {
    /// Nothing.
    pub fn empty() -> Self {
        Self::Plain(String::new())
    }

    /// A text in several languages.
    pub fn of(texts: &[(&str, &str)]) -> Self {
        let texts = texts.iter();
        Self::Languages(
            texts
                .map(|(language, text)| ((*language).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }

    /// The text for a reader of this language: in it, else in the nearest there is, else in
    /// English, else in any.
    pub fn in_language(&self, wanted: &str) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Languages(texts) => nearest(texts.keys(), wanted)
                .and_then(|language| texts.get(language))
                .map_or("", String::as_str),
        }
    }

    /// The text for a reader of this language; `None` where it says nothing.
    pub fn said_in(&self, wanted: &str) -> Option<String> {
        let text = self.in_language(wanted);
        (!text.trim().is_empty()).then(|| text.to_owned())
    }

    /// The languages it is in; none where it is the same for all.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::Plain(_) => None,
            Self::Languages(texts) => Some(texts),
        };
        texts
            .into_iter()
            .flat_map(BTreeMap::keys)
            .map(String::as_str)
    }

    /// Each of its wordings.
    pub fn wordings(&self) -> Vec<&str> {
        match self {
            Self::Plain(text) => vec![text],
            Self::Languages(texts) => texts.values().map(String::as_str).collect(),
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

/// The language out of those `offered` that comes nearest to the one that is wanted.
pub fn nearest<'a>(
    offered: impl IntoIterator<Item = &'a String>,
    wanted: &str,
) -> Option<&'a String> {
    let far = |offered: &String| {
        if offered.eq_ignore_ascii_case(wanted) {
            0
        } else if primary(offered) == primary(wanted) {
            // Readers of one Chinese script read the other with effort.
            1 + usize::from(is_traditional(offered) != is_traditional(wanted))
        } else if primary(offered) == FALLBACK {
            3
        } else {
            4
        }
    };
    offered.into_iter().min_by_key(|offered| far(offered))
}

/// The language without region and script, in lower case.
fn primary(language: &str) -> String {
    let end = language.find(['-', '_']).unwrap_or(language.len());
    language[..end].to_ascii_lowercase()
}

/// Whether a language is written in traditional Chinese characters.
fn is_traditional(language: &str) -> bool {
    let language = language.to_ascii_lowercase();
    let of = |part: &str| language.split(['-', '_']).any(|subtag| subtag == part);
    primary(&language) == "zh" && ["tw", "hk", "mo", "hant"].into_iter().any(of)
}

/// The language that a user writes, as far as the script gives it away: GPTBots tells none. `known`
/// is that of the bot, which decides where one script serves several.
pub fn of_script(said: &str, known: &str) -> Option<&'static str> {
    let has = |from: char, to: char| said.chars().any(|c| (from..=to).contains(&c));
    if has('\u{3041}', '\u{30ff}') {
        Some("ja")
    } else if has('\u{ac00}', '\u{d7a3}') {
        Some("ko")
    } else if has('\u{4e00}', '\u{9fff}') {
        // Han alone may as well be what the bot's own language is written in.
        match primary(known).as_str() {
            "zh" | "ja" => None,
            _ if said.chars().any(|c| ONLY_TRADITIONAL.contains(c)) => Some("zh-TW"),
            _ => Some("zh-CN"),
        }
    } else if has('\u{e01}', '\u{e5b}') {
        Some("th")
    } else {
        None
    }
}

/// Frequent characters that simplified Chinese writes in another way.
const ONLY_TRADITIONAL: &str = "這個們來說時會對後還過為問沒開關無與請嗎麼樣買賣點電話號訂單錢應該進長車見東書學國體證實變讓給幫處經";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> Text {
        Text::of(&[("en", "hi"), ("zh-TW", "繁"), ("zh-CN", "简"), ("ja", "日")])
    }

    #[test]
    fn the_nearest_language_is_taken() {
        for (wanted, said) in [
            ("en", "hi"),
            ("EN-gb", "hi"),
            ("zh-TW", "繁"),
            ("zh-hk", "繁"),
            ("zh_Hant", "繁"),
            ("zh-Hans-SG", "简"),
            ("zh", "简"),
            ("ja-JP", "日"),
            ("fr", "hi"),
            ("", "hi"),
        ] {
            assert_eq!(text().in_language(wanted), said, "{wanted}");
        }
        assert_eq!(Text::from("one").in_language("fr"), "one");
        let german = Text::of(&[("de", "hallo")]);
        assert_eq!(german.in_language("fr"), "hallo");
        assert_eq!(Text::Languages(BTreeMap::new()).in_language("fr"), "");
    }

    #[test]
    fn what_says_nothing_is_nothing() {
        assert_eq!(Text::from("  ").said_in("en"), None);
        assert_eq!(Text::of(&[("en", ""), ("de", "x")]).said_in("en"), None);
    }

    #[test]
    fn a_script_gives_its_language_away_and_no_more() {
        for (said, known, language) in [
            ("人と話したい", "en", Some("ja")),
            ("사람과 이야기", "en", Some("ko")),
            ("我要找真人，請問怎麼做", "en", Some("zh-TW")),
            ("我要找真人", "en", Some("zh-CN")),
            ("我要找真人", "zh-TW", None),
            ("返金", "ja", None),
            ("ขอคุยกับคน", "en", Some("th")),
            ("a person, please", "en", None),
            ("", "en", None),
        ] {
            assert_eq!(of_script(said, known), language, "{said}");
        }
    }

    proptest! {
        #[test]
        fn some_wording_is_always_found(wanted in "\\PC{0,12}") {
            prop_assert!(text().wordings().contains(&text().in_language(&wanted)));
        }
    }
}
