//! Cheap checks of a password's form. The function `passwords` does the others.

/// Shortest password in characters (NIST SP 800-63B, section 3.1.1.2).
pub const CHARS_MIN: usize = 8;
/// Longest password in bytes. A longer one is refused, never truncated: a truncated password would
/// match others with the same beginning.
pub const BYTES_MAX: usize = 128;

/// What is wrong with the form of a password, if anything.
pub fn fault(password: &str) -> Option<String> {
    if password.chars().count() < CHARS_MIN || password.len() > BYTES_MAX {
        return Some(format!(
            "must have at least {CHARS_MIN} characters and at most {BYTES_MAX} bytes"
        ));
    }
    password.trim().is_empty().then(|| "must not be blank".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_characters_below_and_in_bytes_above() {
        let is_acceptable = |password: &str| fault(password).is_none();
        assert!(!is_acceptable("1234567"));
        assert!(is_acceptable("12345678"));
        assert!(is_acceptable("ääääääää"), "eight characters");
        assert!(is_acceptable(&"a".repeat(128)));
        assert!(!is_acceptable(&"a".repeat(129)));
        assert!(!is_acceptable(&"ä".repeat(65)), "130 bytes");
        assert!(!is_acceptable(&" ".repeat(20)) && !is_acceptable("\u{2003}".repeat(9).as_str()));
    }
}
