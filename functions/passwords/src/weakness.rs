//! Passwords that are easily guessed: common ones and their usual disguises, simple patterns, and
//! what others know of the person. NIST SP 800-63B, section 3.1.1.2, asks for such a check and
//! against rules of composition.
//!
//! `data/common.txt` holds the most common passwords of the list that comes with zxcvbn (MIT; the
//! license is in `data/common.LICENSE`), with some words of the languages that the shop speaks; one
//! on a line, in lower case, in the order of their bytes.

/// Common passwords, and words that they are made of.
const COMMON: &str = include_str!("../data/common.txt");
/// Texts about a person that are looked at.
const ABOUT_COUNT_MAX: usize = 8;
/// How many digits or signs around a common word are a disguise.
const TRIMMINGS_MAX: usize = 4;
/// How many different characters a password has at least.
const DIFFERENT_MIN: usize = 5;
/// The shortest word about a person that counts, in characters.
const KNOWN_CHARS_MIN: usize = 4;

const KNOWN: &str = "must not be what others know of you, like your address or name";
const EASY: &str = "is too easily guessed: it is common or a simple pattern; \
                    three or four unrelated words are better";

/// Why this password should not be chosen, as half a sentence; none if it may be.
pub fn weakness(password: &str, about: &[&str]) -> Option<&'static str> {
    let lower = password.trim().to_lowercase();
    let core = without_trimmings(&lower);
    if about.iter().take(ABOUT_COUNT_MAX).any(|text| is_about(&lower, core, &text.to_lowercase())) {
        return Some(KNOWN);
    }
    let (plain, plain_core) = (undisguised(&lower), undisguised(core));
    let without = without_trimmings(&plain);
    let spellings = [lower.as_str(), core, plain.as_str(), without, plain_core.as_str()];
    let is_easy = spellings.into_iter().any(is_common) || is_pattern(&lower);
    is_easy.then_some(EASY)
}

/// Is the password the whole text about a person, or one of its words with trimmings?
fn is_about(lower: &str, core: &str, text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    let is_word = words.any(|word| word.chars().count() >= KNOWN_CHARS_MIN && word == core);
    is_word || lower == text || core == text
}

fn is_common(text: &str) -> bool {
    !text.is_empty() && COMMON.lines().any(|common| common == text)
}

/// The password without a few digits and signs at its ends, which people add because they are
/// asked to.
fn without_trimmings(text: &str) -> &str {
    let core = text.trim_matches(|c: char| !c.is_alphabetic());
    let trimmed = text.chars().count() - core.chars().count();
    if trimmed <= TRIMMINGS_MAX { core } else { text }
}

/// With letters for the digits and signs that look like them.
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

/// A few characters again and again, or a row of neighbors.
fn is_pattern(text: &str) -> bool {
    let mut different: Vec<char> = text.chars().collect();
    different.sort_unstable();
    different.dedup();
    let codes: Vec<u32> = text.chars().map(u32::from).collect();
    let is_row =
        |step: i64| codes.windows(2).all(|pair| i64::from(pair[1]) - i64::from(pair[0]) == step);
    different.len() < DIFFERENT_MIN || is_row(1) || is_row(-1) || is_repeated(&codes)
}

/// The same beginning again and again.
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
    fn what_is_common_simple_or_known_of_the_person_is_weak() {
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
        ] {
            assert!(weakness(password, &ABOUT).is_some(), "{password}");
        }
    }

    #[test]
    fn words_without_relation_and_random_ones_may_be_chosen() {
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
        ] {
            assert_eq!(weakness(password, &ABOUT), None, "{password}");
        }
    }

    #[test]
    fn the_list_is_in_lower_case_and_has_each_once() {
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.len() > 5_000);
        assert!(lines.is_sorted() && lines.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(lines.iter().all(|line| *line == line.to_lowercase()));
    }
}
