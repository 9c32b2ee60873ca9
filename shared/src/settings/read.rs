//! Reads a settings document by hand, so that every mistake in it is found at once, each with its
//! place: a derived reader stops at the first, and knows no ranges.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::Text;

/// A mistake in a document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Mistake {
    /// Where: `bots.b1.waiting.texts[0].after_seconds`. Empty for the document itself.
    pub path: String,
    /// What is wrong, without the value.
    pub problem: String,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.problem),
            path => write!(f, "{path}: {}", self.problem),
        }
    }
}

/// The mistakes found so far.
pub(super) type Mistakes = RefCell<Vec<Mistake>>;

/// More help nobody, and each has its whole place with it.
const MOST_MISTAKES: usize = 200;

/// # Errors
/// When this is not JSON: one mistake, of the document itself.
pub(super) fn json(document: &str) -> Result<Value, Vec<Mistake>> {
    serde_json::from_str(document).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        vec![Mistake {
            path: String::new(),
            problem: format!("is not JSON (line {line}, column {column})"),
        }]
    })
}

/// A value of the document, and where it stands.
#[derive(Clone)]
pub(super) struct Node<'a> {
    value: &'a Value,
    path: String,
    mistakes: &'a Mistakes,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value, mistakes: &'a Mistakes) -> Self {
        Self {
            value,
            path: String::new(),
            mistakes,
        }
    }

    pub(super) fn wrong(&self, problem: impl Into<String>) {
        let mut mistakes = self.mistakes.borrow_mut();
        if mistakes.len() < MOST_MISTAKES {
            mistakes.push(Mistake {
                path: self.path.clone(),
                problem: problem.into(),
            });
        }
    }

    fn must_be(&self, what: &str) {
        let got = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.wrong(format!("must be {what}, not {got}"));
    }

    fn at(&self, name: &str, value: &'a Value) -> Self {
        let plain = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$'));
        let mut path = self.path.clone();
        let _ = match (plain, path.is_empty()) {
            (true, true) => write!(path, "{name}"),
            (true, false) => write!(path, ".{name}"),
            (false, _) => write!(path, "[{}]", Value::from(name)),
        };
        Self {
            value,
            path,
            mistakes: self.mistakes,
        }
    }

    /// An object with no members but these. `false`: it is none.
    pub(super) fn has_only(&self, known: &[&str]) -> bool {
        let Value::Object(members) = self.value else {
            self.must_be("an object");
            return false;
        };
        for (name, value) in members {
            if !known.contains(&name.as_str()) {
                let near = known.iter().find(|known| is_near(known, name));
                let problem = match near {
                    Some(near) => format!("is not known: did you mean {near}?"),
                    None => "is not known".to_owned(),
                };
                self.at(name, value).wrong(problem);
            }
        }
        true
    }

    /// A member that is there and not null.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(self.at(name, value))
    }

    /// The members of an object whose names are the operator's.
    pub(super) fn entries(&self) -> Vec<(&'a str, Self)> {
        let Value::Object(members) = self.value else {
            self.must_be("an object");
            return Vec::new();
        };
        members
            .iter()
            .map(|(name, value)| (name.as_str(), self.at(name, value)))
            .collect()
    }

    pub(super) fn list(&self) -> Vec<Self> {
        let Value::Array(elements) = self.value else {
            self.must_be("a list");
            return Vec::new();
        };
        let at = |(n, value)| Self {
            value,
            path: format!("{}[{n}]", self.path),
            mistakes: self.mistakes,
        };
        elements.iter().enumerate().map(at).collect()
    }

    pub(super) fn string(&self) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.must_be("a string");
        }
        text
    }

    /// A string that is not empty.
    pub(super) fn name(&self) -> Option<String> {
        let name = self.string()?;
        if name.trim().is_empty() {
            self.wrong("must not be empty");
            return None;
        }
        Some(name.to_owned())
    }

    pub(super) fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.must_be("true or false");
        }
        flag
    }

    pub(super) fn number(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let (from, to) = range.clone().into_inner();
        if !self.value.is_number() {
            self.must_be("a number");
            return None;
        }
        let number = self.value.as_u64().and_then(|n| u32::try_from(n).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong(format!("must be a whole number from {from} to {to}"));
        }
        number
    }

    /// One of a closed list of words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let word = self.string()?;
        let found = words.iter().find(|(known, _)| *known == word);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(format!("must be one of {}", known.join(", ")));
        }
        found.map(|(_, value)| *value)
    }

    /// A text for users: a string, or one for each language.
    pub(super) fn text(&self, longest: usize) -> Option<Text> {
        let fits = |node: &Self, text: &str| {
            if text.chars().count() > longest {
                node.wrong(format!("must be at most {longest} characters long"));
            }
        };
        match self.value {
            Value::String(text) => {
                fits(self, text);
                Some(Text::Plain(text.clone()))
            }
            Value::Object(_) => {
                let mut texts = BTreeMap::new();
                for (language, node) in self.entries() {
                    if !is_language(language) {
                        node.wrong("is no language: write en, zh-TW, ja …");
                    }
                    if let Some(text) = node.string() {
                        fits(&node, text);
                        texts.insert(language.to_owned(), text.to_owned());
                    }
                }
                if texts.is_empty() {
                    self.wrong("must have a text in one language at least");
                }
                Some(Text::Languages(texts))
            }
            _ => {
                self.must_be("a text, or an object of texts by language");
                None
            }
        }
    }

    pub(super) fn language(&self) -> Option<String> {
        let language = self.string()?;
        if !is_language(language) {
            self.wrong("is no language: write en, zh-TW, ja …");
            return None;
        }
        Some(language.to_owned())
    }
}

/// Whether it looks like a language tag (BCP 47): letters, then subtags of letters and digits.
fn is_language(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    subtags
        .next()
        .is_some_and(|first| (2..=3).contains(&first.len()) && letters(first))
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

/// Whether one of two names is probably the other, misspelt: at most two letters apart.
fn is_near(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 || a.len() < 3 {
        return false;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, of_a) in a.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, of_b) in b.iter().enumerate() {
            let replaced = before + usize::from(of_a != of_b);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()] <= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_misspelt_member_is_told_what_it_may_mean() {
        let value = json!({"greting": "x", "hush": 1, "a.b": 2});
        let mistakes = Mistakes::default();
        Node::root(&value, &mistakes).has_only(&["greeting", "desk"]);
        let said: Vec<_> = mistakes.borrow().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "[\"a.b\"]: is not known",
                "greting: is not known: did you mean greeting?",
                "hush: is not known",
            ]
        );
    }

    #[test]
    fn languages_are_told_from_other_words() {
        for tag in ["en", "zh-TW", "zh-Hant-HK", "fil", "es-419"] {
            assert!(is_language(tag), "{tag}");
        }
        for tag in ["", "e", "english", "zh_TW", "zh-", "12"] {
            assert!(!is_language(tag), "{tag}");
        }
    }
}
