//! The rules for names.

/// Checks a kebab-case name, for example a component id: words of ASCII letters and digits, joined
/// by single hyphens, each word in one case. The first character is a letter.
pub(crate) fn kebab(name: &str) -> Result<(), String> {
    words(name, '-')
}

/// Checks a lower snake_case name, for example of a variable.
pub(crate) fn lower_snake(name: &str) -> Result<(), String> {
    words(name, '_')?;
    match name.chars().find(char::is_ascii_uppercase) {
        Some(c) => Err(format!("{c:?} is not lowercase")),
        None => Ok(()),
    }
}

/// Checks a label of a store: kebab-case or snake_case.
pub(crate) fn label(name: &str) -> Result<(), String> {
    kebab(name).or_else(|error| if name.contains('-') { Err(error) } else { words(name, '_') })
}

/// Checks the name of a package: two kebab-case names, joined by a colon.
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
            return Err(format!("{separator:?} must be between two words"));
        }
        let mixed = word.contains(|c: char| c.is_ascii_uppercase())
            && word.contains(|c: char| c.is_ascii_lowercase());
        if mixed {
            return Err(format!("the word {word:?} mixes uppercase and lowercase letters"));
        }
    }
    Ok(())
}

/// A similar name that follows the rules, for hints.
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
    fn repaired_names_follow_the_rules() {
        assert_eq!(repaired("My Cart_X", '-').as_deref(), Some("my-cart-x"));
        assert_eq!(repaired("Admin-Email", '_').as_deref(), Some("admin_email"));
        assert_eq!(repaired("42", '-'), None);
    }
}
