//! Weak passwords: common ones and their usual variations, simple patterns, and words from the
//! user's address or name. NIST SP 800-63B, section 3.1.1.2, requires such a check and forbids
//! composition rules.
//!
//! `data/common.txt` holds the most common passwords of the list that comes with zxcvbn (MIT; the
//! license is in `data/common.LICENSE`), with some words of the shop's languages; one per line, in
//! lower case, in byte order.

use unicode_normalization::UnicodeNormalization as _;

/// Common passwords, and words that they consist of.
const COMMON: &str = include_str!("../data/common.txt");
/// The maximum number of texts about a user.
const ABOUT_COUNT_MAX: usize = 8;
/// How many digits or signs around a common word are ignored.
const TRIMMINGS_MAX: usize = 4;
/// The minimum number of different characters in a password.
const DIFFERENT_MIN: usize = 5;
/// The minimum length of a word about the user that counts, in characters.
const KNOWN_CHARS_MIN: usize = 4;

const KNOWN: &str = "must not be derived from your address or name";
const EASY: &str = "is too easy to guess: it is common or a simple pattern; use three or four \
                    unrelated words";

/// Why this password is weak, as a predicate; `None` if it is acceptable.
pub fn weakness(password: &str, about: &[&str]) -> Option<&'static str> {
    let lower = folded(password);
    // A repetition is not harder to guess than what it repeats.
    let readings = [lower.as_str(), once(&lower), once(without_trimmings(&lower))];
    let mut about = about.iter().take(ABOUT_COUNT_MAX).map(|text| folded(text));
    if about.any(|text| readings.into_iter().any(|it| is_about(it, &text))) {
        return Some(KNOWN);
    }
    let is_easy = is_pattern(&lower) || readings.into_iter().any(is_common_variation);
    is_easy.then_some(EASY)
}

/// The text in lower case, with ordinary characters instead of compatibility forms such as
/// full-width letters.
fn folded(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase().trim().to_owned()
}

/// The shortest beginning that the text repeats at least twice, except for a separator at its end;
/// the whole text if there is none.
fn once(text: &str) -> &str {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let repeats = |length: &usize| {
        chars.iter().zip(&chars[*length..]).all(|((_, before), (_, after))| before == after)
    };
    let length = (1..=chars.len().div_ceil(2)).find(repeats);
    let end = length.and_then(|length| chars.get(length)).map_or(text.len(), |(at, _)| *at);
    &text[..end]
}

/// Whether it is common in one of the usual spellings.
fn is_common_variation(text: &str) -> bool {
    let core = without_trimmings(text);
    let (plain, plain_core) = (undisguised(text), undisguised(core));
    let without = without_trimmings(&plain);
    [text, core, plain.as_str(), without, plain_core.as_str()].into_iter().any(is_common)
}

/// Whether the password is the whole text about a user, or one of its words with a few signs around
/// it.
fn is_about(lower: &str, text: &str) -> bool {
    let core = without_trimmings(lower);
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    let is_word = words.any(|word| word.chars().count() >= KNOWN_CHARS_MIN && word == core);
    is_word || lower == text || core == text
}

fn is_common(text: &str) -> bool {
    !text.is_empty() && COMMON.lines().any(|common| common == text)
}

/// The password without a few digits and signs at its ends, which users often add to satisfy rules.
fn without_trimmings(text: &str) -> &str {
    let core = text.trim_matches(|c: char| !c.is_alphabetic());
    let trimmed = text.chars().count() - core.chars().count();
    if trimmed <= TRIMMINGS_MAX { core } else { text }
}

/// Replaces digits and signs with the letters that they resemble.
fn undisguised(text: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

/// Whether it repeats a few characters, or is a sequence of adjacent ones.
fn is_pattern(text: &str) -> bool {
    let mut different: Vec<char> = text.chars().collect();
    different.sort_unstable();
    different.dedup();
    let codes: Vec<u32> = text.chars().map(u32::from).collect();
    let is_row =
        |step: i64| codes.windows(2).all(|pair| i64::from(pair[1]) - i64::from(pair[0]) == step);
    different.len() < DIFFERENT_MIN || is_row(1) || is_row(-1) || is_repeated(&codes)
}

/// Whether it is a repetition of its beginning.
fn is_repeated(codes: &[u32]) -> bool {
    (1..=codes.len() / 2).any(|length| {
        length <= 4 && codes.iter().enumerate().all(|(at, code)| *code == codes[at % length])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: [&str; 3] = ["ada.lovelace@example.org", "ada.lovelace", "Ada Lovelace"];

    #[test]
    fn common_simple_and_personal_passwords_are_weak() {
        for password in [
            "password",
            "Passw0rd!",
            "P@ssword123",
            "2p4ssw0rd!!",
            "12345678",
            "87654321",
            "abcdefghij",
            "aaaaaaaa",
            "        ",
            "abcabcabc",
            "qwertyuiop",
            "letmein123",
            "iloveyou1",
            "passwort1",
            "summer2024",
            "Sommer2025",
            "senha1234",
            "Ada.Lovelace@example.org",
            "ada.lovelace",
            "lovelace1815",
            "Ada Lovelace",
            "passwordpassword",
            "PasswordPassword1",
            "password password",
            "passw0rd-passw0rd",
            "monkeymonkeymonkey",
            "lovelacelovelace",
            "ｐａｓｓｗｏｒｄ",
            "Ｐａｓｓｗｏｒｄ１２",
            "𝓹𝓪𝓼𝓼𝔀𝓸𝓻𝓭",
            "ｌｏｖｅｌａｃｅ",
        ] {
            assert!(weakness(password, &ABOUT).is_some(), "{password}");
        }
    }

    #[test]
    fn unrelated_words_and_random_passwords_are_accepted() {
        for password in [
            "correct horse",
            "correct horse battery",
            "a password of nine words",
            "four unrelated words here",
            "battery staple",
            "xkq7-vbn2-ppl9",
            "tr0ub4dour&3",
            "grüne Wolken am Montag",
            "数学は楽しいですよね",
            "correct horse, correct horse",
            "password of a horse",
        ] {
            assert_eq!(weakness(password, &ABOUT), None, "{password}");
        }
    }

    #[test]
    fn the_list_is_in_lower_case_without_duplicates() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() > 5_000);
        assert!(lines.is_sorted() && lines.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(lines.iter().all(|line| *line == line.to_lowercase()));
    }
}
