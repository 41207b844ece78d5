//! What the types of CloudEvents allow: strings, URIs, timestamps, media types.

/// Whether a string may hold it: no control character (C0, DEL, C1) and no code point that
/// Unicode calls a noncharacter.
pub(crate) fn is_allowed(c: char) -> bool {
    let code = u32::from(c);
    !c.is_control() && !(0xFDD0..=0xFDEF).contains(&code) && code & 0xFFFE != 0xFFFE
}

/// RFC 3986: only characters that may stand in a URI, and `%` only before two hex digits.
pub(crate) fn is_uri_reference(text: &str) -> bool {
    let bytes = text.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    !bytes.is_empty()
        && bytes.iter().enumerate().all(|(at, byte)| match byte {
            b'%' => hex(at + 1) && hex(at + 2),
            byte => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(byte),
        })
}

/// A URI reference with a scheme.
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    let rest = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(rest)
        && is_uri_reference(text)
}

/// `type/subtype` with optional parameters (RFC 2046), in characters that a header can carry.
pub(crate) fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let visible = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    let two = essence.split_once('/');
    visible && two.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

fn is_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(allowed)
}

/// Whether data of this media type is JSON: the subtype is `json` or ends in `+json`. So is
/// data without a type.
pub(crate) fn is_json(media_type: Option<&str>) -> bool {
    let Some(media_type) = media_type else { return true };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let subtype = essence.split_once('/').map(|(_, subtype)| subtype.to_ascii_lowercase());
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// A `date-time` of RFC 3339, with any offset.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    let (Some(date), Some(rest)) = (text.get(..10), text.get(10..)) else { return false };
    let (Some(mark), Some(time), Some(rest)) = (rest.get(..1), rest.get(1..9), rest.get(9..))
    else {
        return false;
    };
    is_date(date) && mark.eq_ignore_ascii_case("t") && is_time(time) && is_offset(fraction(rest))
}

/// Numbers of two to four digits between these separators.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u32; N]> {
    let mut parts = text.split(separator);
    let mut read = [0; N];
    for (number, digits) in read.iter_mut().zip(digits) {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        *number = plain.then(|| part.parse().ok()).flatten()?;
    }
    parts.next().is_none().then_some(read)
}

fn is_date(text: &str) -> bool {
    let Some([year, month, day]) = numbers(text, '-', [4, 2, 2]) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// A leap second is a second too.
fn is_time(text: &str) -> bool {
    let time = numbers(text, ':', [2, 2, 2]);
    time.is_some_and(|[hour, minute, second]| hour < 24 && minute < 60 && second <= 60)
}

/// What is left after a fraction of a second; a dot without digits stays and fits nowhere.
fn fraction(text: &str) -> &str {
    let Some(digits) = text.strip_prefix('.') else { return text };
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == digits.len() { text } else { rest }
}

fn is_offset(text: &str) -> bool {
    let hours = text.strip_prefix(['+', '-']).and_then(|offset| numbers(offset, ':', [2, 2]));
    text.eq_ignore_ascii_case("z") || hours.is_some_and(|[hour, minute]| hour < 24 && minute < 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_rfc_3339() {
        for good in [
            "2018-04-05T17:31:00Z",
            "1985-04-12T23:20:50.52Z",
            "1996-12-19t16:39:57-08:00",
            "1990-12-31T23:59:60z",
            "2024-02-29T00:00:00.123456789+05:30",
        ] {
            assert!(is_rfc3339(good), "{good}");
        }
        for bad in [
            "",
            "2018-04-05",
            "2018-04-05 17:31:00Z",
            "2018-04-05T17:31:00",
            "2018-4-5T17:31:00Z",
            "2023-02-29T00:00:00Z",
            "2018-13-01T00:00:00Z",
            "2018-04-05T24:00:00Z",
            "2018-04-05T17:31:00.Z",
            "2018-04-05T17:31:00+0530",
            "2018-04-05T17:31:00ZZ",
            "+018-04-05T17:31:00Z",
            "２018-04-05T17:31:00Z",
        ] {
            assert!(!is_rfc3339(bad), "{bad}");
        }
    }

    #[test]
    fn sources_and_schemas_are_uris() {
        for good in [
            "https://github.com/cloudevents",
            "mailto:cncf-wg-serverless@lists.cncf.io",
            "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
            "/cloudevents/spec/pull/123",
            "1-555-123-4567",
            "/sensors/tn-1234567/alerts?a=%C3%A9#x",
        ] {
            assert!(is_uri_reference(good), "{good}");
        }
        for bad in ["", "/ä", "/a b", "%", "%1", "%xy", "<a>", "a\"b", "a\\b"] {
            assert!(!is_uri_reference(bad), "{bad}");
        }
        assert!(is_uri("urn:x:y") && is_uri("https://a/b"));
        assert!(!is_uri("/a:b") && !is_uri(":a") && !is_uri("1a:b") && !is_uri("a"));
    }

    #[test]
    fn json_is_told_by_the_subtype() {
        for json in [None, Some("application/json"), Some("TEXT/JSON; charset=utf-8")] {
            assert!(is_json(json), "{json:?}");
        }
        assert!(is_json(Some("application/vnd.shop+JSON ;v=1")));
        assert!(!is_json(Some("text/plain")) && !is_json(Some("application/jsonl")));
        assert!(is_media_type("text/plain; charset=\"utf-8\"") && is_media_type("a/b+c"));
        for bad in ["", "text", "/plain", "text/", "te xt/plain", "text/plain;\r\n", "a/b/c"] {
            assert!(!is_media_type(bad), "{bad}");
        }
    }
}
