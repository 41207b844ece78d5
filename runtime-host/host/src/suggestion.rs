//! Suggestions for misspelled names.

/// The candidate that is most similar to `word`: at most a third of its letters differ.
pub(crate) fn nearest<'a, T: AsRef<str> + ?Sized + 'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a T>,
) -> Option<&'a str> {
    let edits_max = (word.chars().count() / 3).max(1);
    let candidates = candidates.into_iter().map(AsRef::as_ref);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= edits_max)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_similar_name_is_suggested_and_another_one_is_not() {
        let known = ["host", "password"];
        assert_eq!(nearest("pasword", &known), Some("password"));
        assert_eq!(nearest("token", &known), None);
    }
}
