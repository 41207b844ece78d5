//! Identifiers: a prefix that says what is named, and a UUIDv7, which sorts by time.

use uuid::Uuid;

/// A new unique id, such as `ord_0192f0c1-…`.
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

/// The first part of the UUID of a [`numbered`] id. No UUIDv7 that is made now begins like it.
const NUMBERED: &str = "00000000-0000-7000-8000-";

/// The id that stands for a number of another system, which may have 48 bits. The same number always
/// has the same id, so no table of both is needed.
pub fn numbered(prefix: &str, number: u64) -> String {
    format!("{prefix}_{NUMBERED}{:012x}", number & 0xffff_ffff_ffff)
}

/// The number that a [`numbered`] id stands for; none for all other ids.
pub fn number(prefix: &str, id: &str) -> Option<u64> {
    let digits = id.strip_prefix(prefix)?.strip_prefix('_')?.strip_prefix(NUMBERED)?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    (numbered(prefix, number) == id).then_some(number)
}

/// When the id was made, in milliseconds since the epoch, as its UUID says; none for other
/// names, as SKUs.
pub fn created_at_ms(id: &str) -> Option<u64> {
    let (_, uuid) = id.split_once('_')?;
    let (seconds, nanoseconds) = Uuid::try_parse(uuid).ok()?.get_timestamp()?.to_unix();
    Some(seconds.saturating_mul(1_000).saturating_add(u64::from(nanoseconds / 1_000_000)))
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
    fn an_id_tells_when_it_was_made() {
        let made = created_at_ms("ord_0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11");
        assert_eq!(made, Some(0x0192_f0c1_7a10));
        assert_eq!(created_at_ms("TEA-0001"), None);
        assert_eq!(created_at_ms("tea_0001"), None);
    }

    #[test]
    fn a_number_of_another_system_has_one_id() {
        let id = numbered("ord", 1001);
        assert_eq!(id, "ord_00000000-0000-7000-8000-0000000003e9");
        assert!(is("ord", &id));
        assert_eq!(number("ord", &id), Some(1001));
        assert_eq!(number("usr", &id), None);
        assert_eq!(number("ord", &new("ord")), None);
        assert_eq!(number("ord", "ord_00000000-0000-7000-8000-0000000003E9"), None);
        assert_eq!(number("ord", "ord_00000000-0000-7000-8000-3e9"), None);
    }

    #[test]
    fn other_shapes_are_not_ids() {
        for text in ["", "ord_", "usr_0192f0c1-0000-7000-8000-000000000000", "ord_../secret"] {
            assert!(!is("ord", text), "{text}");
        }
        assert!(!is("ord", "ord_0192F0C1-0000-7000-8000-00000000000A"), "one spelling only");
    }
}
