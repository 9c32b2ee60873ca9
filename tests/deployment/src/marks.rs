//! Marked values: one for each kind of thing that must not turn up where operators and their tools
//! look, and the search for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What is searched for, by what it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks(Vec<(&'static str, String)>);

impl Marks {
    /// Makes a value that occurs nowhere else and remembers it.
    pub(crate) fn make(&mut self, what: &'static str) -> String {
        let value = format!("MARK{}{}", what.replace([' ', '\'', '-'], ""), random_hex());
        self.also(what, &value);
        value
    }

    /// Remembers a value that already occurs nowhere else.
    pub(crate) fn also(&mut self, what: &'static str, value: &str) {
        self.0.push((what, value.to_owned()));
    }

    /// The kinds of values that occur in a text: as they are, in any case, in base64 or in hex.
    pub(crate) fn found_in(&self, text: &str) -> Vec<&'static str> {
        let lower = text.to_lowercase();
        self.0
            .iter()
            .filter(|(_, value)| {
                lower.contains(&value.to_lowercase())
                    || lower.contains(&hex::encode(value))
                    || base64_forms(value).iter().any(|form| text.contains(form))
            })
            .map(|(what, _)| *what)
            .collect()
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// 64 random bits.
pub(crate) fn random_hex() -> String {
    let mut bytes = [0; 8];
    // Without randomness every value is the same, which the search still finds.
    let _ = getrandom::fill(&mut bytes);
    hex::encode(bytes)
}

/// The part of a value's base64 that is the same wherever it stands in a longer text: it begins at
/// one of three places inside a group of three bytes.
fn base64_forms(value: &str) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let encoded = STANDARD.encode([vec![0; before], value.as_bytes().to_vec()].concat());
        let whole = (before + value.len()) / 3 * 4;
        let begins = if before == 0 { 0 } else { 4 };
        encoded[begins..whole].to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_in_every_form() {
        let mut marks = Marks::default();
        let value = marks.make("user's line");
        for text in [
            format!("a {value}."),
            value.to_lowercase(),
            STANDARD.encode(format!("{{\"body\":\"{value}\"}}")),
            STANDARD.encode(format!("x{{\"body\":\"{value}\"}}")),
            STANDARD.encode(format!("xy{{\"body\":\"{value}\"}}")),
            hex::encode(format!("<{value}>")),
        ] {
            assert_eq!(marks.found_in(&text), ["user's line"], "{text}");
        }
        assert!(marks.found_in("MARKuserslin").is_empty());
    }
}
