//! Texts as they are searched: without case, accents and plural endings.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The text in lower case and without accents.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    let bare = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for letter in bare {
        match letter {
            // Letters that Unicode does not decompose, as users type them.
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'đ' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            other => folded.push(other),
        }
    }
    folded
}

/// A name for query strings: folded words joined by hyphens.
pub fn slug(name: &str) -> String {
    words(&fold(name)).collect::<Vec<_>>().join("-")
}

/// The words of a folded text: runs of letters and digits.
pub(crate) fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A query's word without its plural ending, so that `lamps` finds a lamp.
pub(crate) fn stem(word: &str) -> &str {
    let long = |rest: &&str| rest.chars().count() >= 3;
    if let Some(rest) = word.strip_suffix("ies").filter(long) {
        return rest;
    }
    let sibilant = ["sses", "shes", "ches", "xes"].iter().any(|end| word.ends_with(end));
    if sibilant {
        return &word[..word.len() - 2];
    }
    match word.strip_suffix('s') {
        Some(rest) if long(&rest) && !rest.ends_with('s') => rest,
        _ => word,
    }
}

/// 3 if `wanted` is a word of the text, 2 if its plural is, 1 if a word begins with it, or 0.
pub(crate) fn closeness(folded: &str, wanted: &str) -> u32 {
    words(folded)
        .filter_map(|word| match word.strip_prefix(wanted)? {
            "" => Some(3),
            "s" | "es" => Some(2),
            _ => Some(1),
        })
        .max()
        .unwrap_or(0)
}

/// The minimum length of a word that tolerates a typing error, in characters. Shorter words differ
/// in one character too often.
const NEAR_CHARS_MIN: usize = 4;

/// Whether `wanted` is this word, or its singular, with at most one typing error: an extra, missing
/// or different character, or two transposed characters.
pub(crate) fn is_near(word: &str, wanted: &str) -> bool {
    let wanted: Vec<char> = wanted.chars().collect();
    wanted.len() >= NEAR_CHARS_MIN
        && [word, stem(word)].into_iter().any(|word| {
            let word: Vec<char> = word.chars().collect();
            is_one_mistake(&word, &wanted) || is_one_mistake(&wanted, &word)
        })
}

/// Whether `long` is `short` with at most one extra or different character, or two transposed
/// characters.
fn is_one_mistake(long: &[char], short: &[char]) -> bool {
    let same = long.iter().zip(short).take_while(|(one, other)| one == other).count();
    let (long, short) = (&long[same..], &short[same..]);
    match (long, short) {
        ([], []) => true,
        ([_, rest @ ..], _) if rest == short => true,
        ([_, rest @ ..], [_, others @ ..]) if rest == others => true,
        ([a, b, rest @ ..], [c, d, others @ ..]) => (a, b) == (d, c) && rest == others,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_removes_case_and_accents() {
        let folded = [
            ("Crème BRÛLÉE", "creme brulee"),
            ("Straße", "strasse"),
            ("Smørrebrød", "smorrebrod"),
            ("ŁÓDŹ", "lodz"),
            ("İstanbul", "istanbul"),
            ("ﬁne ½", "fine 1\u{2044}2"),
            ("日本", "日本"),
        ];
        for (text, expected) in folded {
            assert_eq!(fold(text), expected);
            assert_eq!(fold(expected), expected, "folding twice is folding once");
        }
    }

    #[test]
    fn slugs_are_words_joined_by_hyphens() {
        for (name, expected) in [
            ("Coffee & Tea", "coffee-tea"),
            ("  Café — Crème ", "cafe-creme"),
            ("coffee-tea", "coffee-tea"),
            ("&", ""),
        ] {
            assert_eq!(slug(name), expected);
        }
    }

    #[test]
    fn plural_endings_are_removed_from_long_words() {
        for (word, expected) in [
            ("lamps", "lamp"),
            ("glasses", "glass"),
            ("brushes", "brush"),
            ("boxes", "box"),
            ("batteries", "batter"),
            ("glass", "glass"),
            ("gas", "gas"),
            ("is", "is"),
            ("", ""),
        ] {
            assert_eq!(stem(word), expected);
        }
    }

    #[test]
    fn whole_words_are_closer_than_plurals_and_beginnings() {
        for (text, expected) in
            [("desk lamp", 3), ("two lamps", 2), ("lampshade", 1), ("clamp", 0), ("", 0)]
        {
            assert_eq!(closeness(text, "lamp"), expected, "{text}");
        }
    }

    #[test]
    fn one_typing_error_matches_and_two_do_not() {
        for near in ["knife", "knfe", "knivfe", "kinfe", "knive", "knifes", "mnife", "knif"] {
            assert!(is_near("knife", near) || is_near("knifes", near), "{near}");
        }
        assert!(is_near("lamps", "lmap"), "a mistake in the singular");
        assert!(is_near("łódź", "łódz") && !is_near("łódź", "lodz"), "characters, not bytes");
        for far in ["kne", "knsoe", "nkief", "wife", "kife s", ""] {
            assert!(!is_near("knife", far), "{far}");
        }
        assert!(!is_near("mat", "hat"), "short words have to match exactly");
    }
}
