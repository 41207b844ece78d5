//! Paths that two parsers could read differently.
//!
//! Empty segments, dot segments, encoded slashes, backslashes, path parameters: each has been a way
//! around an authorization check somewhere, because the check and the component behind it
//! normalized differently. Nothing is normalized here. Ambiguous paths are refused.

use percent_encoding::percent_decode_str;

/// The maximum length of a path, in bytes.
pub const PATH_BYTES_MAX: usize = 1024;

/// Why a path is refused. The text is for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous(pub &'static str);

/// Checks a path as it was sent.
///
/// # Errors
/// It is ambiguous or too long.
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
        // Nothing is encoded, and the characters have been checked.
        return Ok(());
    }
    let decoded = percent_decode_str(segment).decode_utf8();
    let decoded = decoded.map_err(|_| Ambiguous("The path is not encoded as UTF-8."))?;
    if decoded == "." || decoded == ".." {
        return Err(Ambiguous("The path has a dot segment."));
    }
    // A `%` is left of an invalid escape sequence, or of a character that was encoded twice.
    if decoded.contains('%') {
        return Err(Ambiguous("The path has an invalid or a repeated percent-encoding."));
    }
    if decoded.chars().any(|c| "/\\;".contains(c) || c.is_control()) {
        return Err(Ambiguous("The path has an encoded separator or control character."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unambiguous_paths_are_accepted() {
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
    fn ambiguous_paths_are_refused() {
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
