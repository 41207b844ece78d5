//! Paths that two readers might understand differently.
//!
//! `//`, dot segments, encoded slashes, backslashes, path parameters: each has been a way
//! around an authorization check somewhere, because the checker and the one behind it
//! normalized differently. Nothing is normalized here. Such a path is refused, and every
//! other has one meaning.

/// Longest path in bytes.
pub const PATH_BYTES_MAX: usize = 1024;

/// Why a path is refused. The text is for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous(pub &'static str);

/// Has the path, as it came over the wire, one meaning?
pub fn check(path: &str) -> Result<(), Ambiguous> {
    if !path.starts_with('/') {
        return Err(Ambiguous("The path must begin with a slash."));
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(Ambiguous("The path is too long."));
    }
    if path.contains("//") {
        return Err(Ambiguous("The path has an empty segment."));
    }
    if path.bytes().any(|c| !c.is_ascii_graphic() || b"\\;\"<>^`{|}#".contains(&c)) {
        return Err(Ambiguous("The path has a character that must be encoded or is not allowed."));
    }
    path.split('/').try_for_each(check_segment)
}

fn check_segment(segment: &str) -> Result<(), Ambiguous> {
    if !segment.contains('%') && !segment.starts_with('.') {
        // Nothing is hidden, and the characters have been looked at.
        return Ok(());
    }
    let decoded = decode(segment).ok_or(Ambiguous("The path has a broken percent escape."))?;
    if decoded == "." || decoded == ".." {
        return Err(Ambiguous("The path has a dot segment."));
    }
    // `%` catches what was encoded twice.
    if decoded.chars().any(|c| "/\\;%".contains(c) || c.is_control()) {
        return Err(Ambiguous("The path hides a separator or a control character."));
    }
    Ok(())
}

/// Undoes percent encoding; `None` for broken escapes and what is no UTF-8 after.
fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let (high, low) = (hex(*after.first()?)?, hex(*after.get(1)?)?);
        bytes.push(high * 16 + low);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_one_meaning_pass() {
        let long = format!("/{}", "a".repeat(PATH_BYTES_MAX - 1));
        for path in [
            "/",
            "/livez",
            "/api/v1/products/TEA-001",
            "/api/v1/products/a%20b",
            "/mailbox/",
            "/.well-known/jwks.json",
            "/a.b/..c/d..",
            "/%C3%A4",
            "/a:b@c!$&'()*+,=~",
            &long,
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn paths_with_two_meanings_are_refused() {
        let long = format!("/{}", "a".repeat(PATH_BYTES_MAX));
        for path in [
            "",
            "*",
            "api",
            "//",
            "//api",
            "/api//v1",
            "/api/v1//",
            "/.",
            "/..",
            "/./api",
            "/api/../rpc",
            "/api/%2e/x",
            "/api/%2E%2e/x",
            "/api/.%2e/x",
            "/api%2fv1",
            "/api%2Fv1",
            "/api%5cv1",
            "/api\\v1",
            "/api/v1;x=1/products",
            "/api/v1%3bx",
            "/api/%00",
            "/api/v1/%",
            "/api/v1/%2",
            "/api/v1/%zz",
            "/api/%252e%252e/rpc",
            "/api/%252f",
            "/api/%ff",
            "/api/%c0%ae%c0%ae/rpc",
            "/api/%0d%0aset-cookie:a",
            "/api/\u{e4}",
            "/api/a b",
            "/api/a#b",
            "/api/\u{7f}",
            "/api/%7f",
            &long,
        ] {
            assert!(check(path).is_err(), "{path:?}");
        }
    }
}
