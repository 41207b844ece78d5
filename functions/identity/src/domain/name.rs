//! Valid names of users.

use chassis::text::is_visible;

/// Longest name in characters.
pub const NAME_CHARS_MAX: usize = 200;

/// Whether this is a valid name. Names are shown to others.
pub fn is_name(name: &str) -> bool {
    is_visible(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_contain_no_invisible_characters() {
        assert!(is_name("Žofie Müller-O'Neill"));
        for name in ["", "  ", "Ada\nLovelace", "Ada\u{202E}Lovelace", "Ada\u{200B}"] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
