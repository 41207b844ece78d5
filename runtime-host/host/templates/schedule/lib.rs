//! Does something again and again, and counts how often.

#[cfg(target_family = "wasm")]
mod component;

/// The number of runs after one more, from what is stored. Runs of a schedule do not overlap.
pub fn next(stored: Option<&[u8]>) -> Result<u64, String> {
    let Some(stored) = stored else { return Ok(1) };
    let count = std::str::from_utf8(stored).ok().and_then(|text| text.parse::<u64>().ok());
    count.map(|count| count + 1).ok_or_else(|| "the stored number is damaged".to_owned())
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn runs_are_counted() {
        assert_eq!(next(None), Ok(1));
        assert_eq!(next(Some(b"41")), Ok(42));
    }

    #[test]
    fn a_damaged_number_is_reported() {
        assert!(next(Some(b"many")).is_err());
    }
}
