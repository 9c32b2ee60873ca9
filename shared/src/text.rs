//! Cutting what is too long, visibly.

/// Cuts `text` to at most `max_bytes` bytes, a mark that says so included. Never splits a
/// character. `max_bytes` must leave room for the mark (some 60 bytes).
pub fn cut_with_mark(text: String, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text;
    }
    // Room for the mark with the largest number it can hold.
    let keep = max_bytes.saturating_sub(64);
    let kept = head(&text, keep);
    let lost = text[kept.len()..].chars().count();
    format!("{kept}… [cut: {lost} more characters]")
}

/// Cuts an id to at most `max_bytes` bytes, as [`cut_with_mark`] does; the mark names the whole, so
/// that two ids that differ only behind the cut do not become one. `max_bytes` must leave room for
/// the mark (some 90 bytes).
pub fn cut_id(id: String, max_bytes: usize) -> String {
    if id.len() <= max_bytes {
        return id;
    }
    let kept = head(&id, max_bytes.saturating_sub(88));
    let lost = id[kept.len()..].chars().count();
    let whole = crate::conversation::fingerprint(&[id.as_bytes()]);
    format!("{kept}… [cut: {lost} more characters, {whole}]")
}

/// The beginning of `text`, at most `max_bytes` bytes, never a part of a character.
pub fn head(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_text_is_left_alone_and_long_text_says_what_is_missing() {
        assert_eq!(cut_with_mark("你好".into(), 100), "你好");
        let cut = cut_with_mark("好".repeat(100), 100);
        assert!(cut.len() <= 100);
        assert_eq!(
            cut,
            format!("{}… [cut: 88 more characters]", "好".repeat(12))
        );
    }

    #[test]
    fn two_long_ids_stay_two() {
        let id = |last: char| cut_id(format!("{}{last}", "x".repeat(5_000_000)), 256);
        assert!(id('a').len() <= 256 && id('a').contains("… [cut: "));
        assert_ne!(id('a'), id('b'));
        assert_eq!(cut_id("short".into(), 256), "short");
    }

    proptest! {
        #[test]
        fn a_cut_text_fits(text in "\\PC{0,400}", max in 70..300_usize) {
            let cut = cut_with_mark(text.clone(), max);
            prop_assert!(cut.len() <= max);
            prop_assert!(text.len() > max || cut == text);
        }
    }
}
