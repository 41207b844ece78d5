//! Card numbers, which must not get into any store or log.

/// The possible lengths of a card number in digits (ISO/IEC 7812).
const DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// Whether the text contains something that looks like a card number: 12 to 19 digits in a row, in
/// any grouping, with a correct check digit. A tenth of all random numbers has one.
pub fn holds_number(text: &str) -> bool {
    let is_digit_or_mark = |char: char| char.is_ascii_digit() || matches!(char, ' ' | '-' | '.');
    text.split(|char| !is_digit_or_mark(char)).any(|run| {
        let digits: Vec<u32> = run.chars().filter_map(|char| char.to_digit(10)).collect();
        DIGITS.contains(&digits.len()) && has_check_digit(&digits)
    })
}

/// The Luhn algorithm.
fn has_check_digit(digits: &[u32]) -> bool {
    let worth = |(at, digit): (usize, &u32)| match at % 2 {
        0 => *digit,
        _ if *digit > 4 => digit * 2 - 9,
        _ => digit * 2,
    };
    digits.iter().rev().enumerate().map(worth).sum::<u32>().is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_found_in_any_grouping() {
        for text in [
            "4111111111111111",
            "4111-1111-1111-1111",
            "4111 1111 1111 1111",
            "5500.0000.0000.0004",
            "378282246310005",
            "card=6011111111111117;cvc=123",
            "tok_4111111111111111",
        ] {
            assert!(holds_number(text), "{text}");
        }
    }

    #[test]
    fn tokens_are_not_card_numbers() {
        for text in [
            "tok_approved",
            "pm_1NvPvK2eZvKYlo2C0Ql9Yj7h",
            "4111111111111112",
            "12345678901",
            "0192f0c1-7a10-7c3e-9d5b-2f1f5f0a9c11",
            "",
        ] {
            assert!(!holds_number(text), "{text}");
        }
    }
}
