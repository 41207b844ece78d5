//! Suggestions for misspelled names.

/// At most one edit per this number of characters turns a name into the suggested one.
const CHARACTERS_PER_EDIT: usize = 3;

/// "did you mean `x`?" if a candidate is close to `word`, otherwise the list of all candidates.
pub fn suggestion<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> String {
    let candidates = candidates.into_iter();
    match nearest(word, candidates.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of {}", listed(candidates)),
    }
}

/// The candidate that is closest to `word`, if any is close enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let edits_max = (word.chars().count() / CHARACTERS_PER_EDIT).max(1);
    let distance = |candidate: &&str| {
        let candidate = plain(candidate);
        let part = word.len() > 3 && candidate.contains(&word);
        if part { 1 } else { strsim::damerau_levenshtein(&word, &candidate) }
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(&candidate), candidate))
        .filter(|(edits, _)| *edits <= edits_max)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// "`a`, `b`, `c`"
pub fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<_> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 3] = ["source", "allowed_outbound_hosts", "files"];

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("sorce", KEYS), Some("source"));
        assert_eq!(nearest("allowed-outbound-host", KEYS), Some("allowed_outbound_hosts"));
        assert_eq!(nearest("outbound_hosts", KEYS), Some("allowed_outbound_hosts"));
        assert_eq!(nearest("zebra", KEYS), None);
    }

    #[test]
    fn without_a_near_name_all_are_listed() {
        assert_eq!(suggestion("file", KEYS), "did you mean `files`?");
        let all = "expected one of `source`, `allowed_outbound_hosts`, `files`";
        assert_eq!(suggestion("zebra", KEYS), all);
    }
}
