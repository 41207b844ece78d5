//! Counts what is in texts. The contract is in `wit/{{name}}`.

#[cfg(target_family = "wasm")]
mod component;

/// The number of words of a text, or `None` if it has none.
pub fn words(text: &str) -> Option<u32> {
    let count = u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX);
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_separated_by_white_space() {
        assert_eq!(words("one  two\nthree"), Some(3));
    }

    #[test]
    fn a_text_without_words_has_no_count() {
        assert_eq!(words(" \n"), None);
    }
}
