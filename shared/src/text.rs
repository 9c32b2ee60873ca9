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

    proptest! {
        #[test]
        fn a_cut_text_fits(text in "\\PC{0,400}", max in 70..300_usize) {
            let cut = cut_with_mark(text.clone(), max);
            prop_assert!(cut.len() <= max);
            prop_assert!(text.len() > max || cut == text);
        }
    }
}
