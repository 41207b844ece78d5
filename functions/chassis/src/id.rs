//! Identifiers: a prefix that says what is named, and a UUIDv7, which sorts by time.

use uuid::Uuid;

/// A fresh id, as `ord_0192f0c1-…`; nobody else picks the same.
pub fn new(prefix: &str) -> String {
    format!("{prefix}_{}", Uuid::now_v7())
}

/// Whether `id` has the shape that [`new`] gives: `prefix_` and a UUID in its usual
/// lower-case form. Check ids from outside with it before they become part of a key.
pub fn is(prefix: &str, id: &str) -> bool {
    let Some(rest) = id.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else {
        return false;
    };
    Uuid::try_parse(rest).is_ok_and(|uuid| uuid.hyphenated().to_string() == rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_prefix_and_sort_by_time() {
        let (first, second) = (new("ord"), new("ord"));
        assert!(is("ord", &first) && is("ord", &second));
        assert!(first < second);
    }

    #[test]
    fn other_shapes_are_not_ids() {
        for text in ["", "ord_", "usr_0192f0c1-0000-7000-8000-000000000000", "ord_../secret"] {
            assert!(!is("ord", text), "{text}");
        }
        assert!(!is("ord", "ord_0192F0C1-0000-7000-8000-00000000000A"), "one spelling only");
    }
}
