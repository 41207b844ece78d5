//! The rules for names, and guesses at what somebody meant.

/// Most edits between a name and the one it is taken for, per this many characters.
const CHARACTERS_PER_EDIT: usize = 3;

/// Checks a kebab-case name, as component ids: words of ASCII letters and digits, joined by
/// single hyphens, each word in one case, the first letter of the name a letter.
pub(crate) fn kebab(name: &str) -> Result<(), String> {
    words(name, '-')
}

/// Checks a lower snake_case name, as variables.
pub(crate) fn lower_snake(name: &str) -> Result<(), String> {
    words(name, '_')?;
    match name.chars().find(char::is_ascii_uppercase) {
        Some(c) => Err(format!("{c:?} is not lower case")),
        None => Ok(()),
    }
}

/// Checks a label of a store: kebab-case or snake_case.
pub(crate) fn label(name: &str) -> Result<(), String> {
    kebab(name).or_else(|error| if name.contains('-') { Err(error) } else { words(name, '_') })
}

/// Checks a package's name: two kebab-case names joined by a colon.
pub(crate) fn package(name: &str) -> Result<(), String> {
    match name.split_once(':') {
        Some((namespace, name)) => kebab(namespace).and_then(|()| kebab(name)),
        None => Err("it must be of the form `namespace:name`".to_owned()),
    }
}

fn words(name: &str, separator: char) -> Result<(), String> {
    if name.is_empty() {
        return Err("it is empty".to_owned());
    }
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err("it must start with a letter from a to z".to_owned());
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == separator;
    if let Some(c) = name.chars().find(|c| !allowed(*c)) {
        return Err(format!("{c:?} is not allowed; words are joined by {separator:?}"));
    }
    for word in name.split(separator) {
        if word.is_empty() {
            return Err(format!("{separator:?} must stand between two words"));
        }
        let mixed = word.contains(|c: char| c.is_ascii_uppercase())
            && word.contains(|c: char| c.is_ascii_lowercase());
        if mixed {
            return Err(format!("the word {word:?} mixes upper and lower case"));
        }
    }
    Ok(())
}

/// A name that follows the rules and looks like this one, for hints.
pub(crate) fn repaired(name: &str, separator: char) -> Option<String> {
    let mapped = name
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { separator })
        .collect::<String>();
    let words: Vec<_> = mapped.split(separator).filter(|word| !word.is_empty()).collect();
    let repaired = words.join(&separator.to_string());
    repaired.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(repaired)
}

/// The candidate that somebody who wrote `word` most likely meant, if any is close enough.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn component_ids_are_kebab_case() {
        for good in ["a", "psp-sandbox", "a1-2b", "API-gateway"] {
            kebab(good).expect(good);
        }
        for bad in ["", "1a", "-a", "a-", "a--b", "a_b", "a b", "é", "aB", "a:b"] {
            kebab(bad).expect_err(bad);
        }
    }

    #[test]
    fn variables_are_lower_snake_case() {
        for good in ["a", "a1_2b", "admin_email"] {
            lower_snake(good).expect(good);
        }
        for bad in ["", "A", "_a", "a_", "a__b", "a-b", "a.b"] {
            lower_snake(bad).expect_err(bad);
        }
    }

    #[test]
    fn labels_may_be_either_but_not_both() {
        for good in ["default", "my-store", "my_store"] {
            label(good).expect(good);
        }
        for bad in ["", "my-store_x", "a b", "ä"] {
            label(bad).expect_err(bad);
        }
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let keys = ["source", "allowed_outbound_hosts", "files"];
        assert_eq!(nearest("sorce", keys), Some("source"));
        assert_eq!(nearest("allowed-outbound-host", keys), Some("allowed_outbound_hosts"));
        assert_eq!(nearest("outbound_hosts", keys), Some("allowed_outbound_hosts"));
        assert_eq!(nearest("zebra", keys), None);
    }

    #[test]
    fn repaired_names_follow_the_rules() {
        assert_eq!(repaired("My Cart_X", '-').as_deref(), Some("my-cart-x"));
        assert_eq!(repaired("Admin-Email", '_').as_deref(), Some("admin_email"));
        assert_eq!(repaired("42", '-'), None);
    }
}
